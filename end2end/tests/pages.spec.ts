// Every page of a server with a life behind it: complete without JavaScript, clean with it, usable on a phone, and pictured.
import { mkdir } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { addresses } from '../addresses';
import { Server } from '../server';
import { listen } from '../watch';

let server: Server;
const shots = new URL('../artifacts/', import.meta.url).pathname;

test.beforeAll(async () => {
  await mkdir(shots, { recursive: true });
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

test('each page is complete, has one heading, and reads well in both themes and on a phone', async ({ page }, info) => {
  test.setTimeout(600_000);
  const heard = listen(page);
  const how = info.project.name === 'without-javascript' ? 'nojs' : 'js';
  for (const [name, path] of await addresses(server)) {
    await test.step(name, async () => {
      const answer = await page.goto(server.url + path);
      expect(answer?.status(), path).toBe(200);
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
      await expect(page.getByTestId('demo-note')).toBeVisible();
      await expect(page.getByTestId('error')).toHaveCount(0);
      await expect(page.getByTestId('not-supported')).toHaveCount(0);
      // Colours are the same without JavaScript; one look at the whole is enough there.
      for (const scheme of how === 'js' ? (['light', 'dark'] as const) : (['light'] as const)) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width: 1360, height: 900 });
        await page.screenshot({ path: `${shots}${name}.${scheme}.${how}.png`, fullPage: true });
      }
      await page.setViewportSize({ width: 390, height: 844 });
      // Nothing but what scrolls on purpose may be wider than the phone.
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, `${path} is wider than a phone`).toBeLessThanOrEqual(0);
      await page.screenshot({ path: `${shots}${name}.phone.${how}.png`, fullPage: true });
      await page.setViewportSize({ width: 1360, height: 900 });
    });
  }
  heard.clean();
});

test('an address that is nothing says so and answers 404', async ({ page }) => {
  for (const path of ['/nowhere', '/datasets/999999', '/jobs/999999']) {
    const answer = await page.goto(server.url + path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.locator('body')).toContainText(/not|no /i);
  }
});
