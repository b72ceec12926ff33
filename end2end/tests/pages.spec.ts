// Every page of a server with a life behind it: complete without JavaScript, clean with it, usable on a phone, and pictured.
import AxeBuilder from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen } from '../watch';

let server: Server;
const shots = new URL('../artifacts/', import.meta.url).pathname;

test.beforeAll(async () => {
  await mkdir(shots, { recursive: true });
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

interface Listed { items: { id: string | number; status?: string }[] }

async function addresses(): Promise<[string, string][]> {
  const jobs = (await server.json<Listed>('jobs', 'list')).items;
  const pages: [string, string][] = [
    ['overview', '/'], ['datasets', '/datasets'], ['datasets-by-cost', '/datasets?sort=cost'], ['dataset', '/datasets/1'],
    ['recommendations', '/recommendations'], ['jobs', '/jobs'], ['locations', '/locations'], ['prices', '/prices'],
    ['price-book', '/prices?book=aws%2Fus-east-1'], ['plan', '/plan?dataset=1&target=nas'],
  ];
  for (const status of ['completed', 'failed', 'awaiting_approval']) {
    const job = jobs.find((j) => j.status === status);
    if (job) pages.push([`job-${status}`, `/jobs/${job.id}`]);
  }
  return pages;
}

test('each page is complete, has one heading, and reads well in both themes and on a phone', async ({ page }, info) => {
  test.setTimeout(300_000);
  const heard = listen(page);
  const how = info.project.name === 'without-javascript' ? 'nojs' : 'js';
  for (const [name, path] of await addresses()) {
    await test.step(name, async () => {
      const answer = await page.goto(server.url + path);
      expect(answer?.status(), path).toBe(200);
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
      await expect(page.getByTestId('demo-note')).toBeVisible();
      await expect(page.getByTestId('error')).toHaveCount(0);
      await expect(page.getByTestId('not-supported')).toHaveCount(0);
      for (const scheme of ['light', 'dark'] as const) {
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

test('no page has a fault that a machine can find in its accessibility', async ({ page }, info) => {
  test.skip(info.project.name === 'without-javascript', 'the checker itself is a script');
  test.setTimeout(300_000);
  for (const [name, path] of await addresses()) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(server.url + path);
      const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
      const told = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | ')}`);
      expect(told, `${name} in ${scheme}`).toEqual([]);
    }
  }
});

test('an address that is nothing says so and answers 404', async ({ page }) => {
  for (const path of ['/nowhere', '/datasets/999999', '/jobs/999999']) {
    const answer = await page.goto(server.url + path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.locator('body')).toContainText(/not|no /i);
  }
});
