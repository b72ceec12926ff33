// What a machine can find in the accessibility of each page, in both themes. The checker itself is a script.
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { addresses } from '../addresses';
import { Server } from '../server';

let server: Server;
test.beforeAll(async () => {
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

test('no page has a fault that a machine can find in its accessibility', async ({ page }) => {
  test.setTimeout(600_000);
  for (const [name, path] of await addresses(server)) {
    await page.goto(server.url + path);
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      const told = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | ')}`);
      expect(told, `${name} in ${scheme}`).toEqual([]);
    }
  }
});
