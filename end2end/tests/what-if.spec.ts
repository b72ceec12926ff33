// What if: untouched means no difference at all, a slider computes in the browser, and the link shows the same to a browser without
// JavaScript.
import { type Page, expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

let server: Server;
test.beforeAll(async () => {
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

const differences = (page: Page) => page.locator('[data-difference]').evaluateAll((all) => all.map((e) => e.getAttribute('data-difference')));

test('an untouched scenario differs by exactly nothing, and a linked one differs', async ({ page }) => {
  await page.goto(`${server.url}/datasets/7/what-if`);
  expect(await differences(page)).toEqual(['0', '0', '0', '0']);
  await page.goto(`${server.url}/datasets/7/what-if?growth=900`);
  expect((await differences(page)).some((d) => d !== '0')).toBe(true);
  await expect(page.getByTestId('simulated')).toBeVisible();
  await page.getByTestId('reset').click();
  await expect.poll(() => differences(page)).toEqual(['0', '0', '0', '0']);
});

test('a slider is computed in the browser and kept in the link', async ({ page, browser }, info) => {
  test.skip(info.project.name !== 'with-javascript', 'there is nothing to slide without JavaScript');
  const heard = listen(page);
  await page.goto(`${server.url}/datasets/7/what-if`);
  await live(page);
  const asked: string[] = [];
  page.on('request', (r) => { if (r.url().includes('/api/fn/scene')) asked.push(r.url()); });
  await page.locator('#wi-growth').focus();
  for (let i = 0; i < 40; i += 1) await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(/growth=200/);
  const shown = await differences(page);
  expect(shown).not.toEqual(['0', '0', '0', '0']);
  expect(asked, 'nothing is asked of the server').toEqual([]);
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const other = await plain.newPage();
  await other.goto(page.url());
  // The demo's readers go on reading between the two looks, which moves the forecast by a millionth.
  const there = await differences(other);
  expect(there.length).toBe(shown.length);
  there.forEach((d, i) => expect(Math.abs(Number(d) - Number(shown[i]))).toBeLessThanOrEqual(Math.abs(Number(shown[i])) / 1_000));
  await plain.close();
  heard.clean();
});
