// While a plan or a scan waits for a listing, the page says how far it is. The answers are held back here: a listing of a few files is
// over before anybody could read it.
import { type Page, expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

let server: Server;
test.afterEach(async () => server?.stop());

/** Holds what fits until it is let go; meanwhile the listing is said to be so far. */
async function hold(page: Page, what: string | RegExp): Promise<() => void> {
  let letGo = () => {};
  const held = new Promise<void>((done) => (letGo = done));
  await page.route(what, async (route) => {
    await held;
    await route.continue();
  });
  return letGo;
}

test('a scan and a plan tell what was listed so far', async ({ page }) => {
  server = await Server.start();
  const heard = listen(page);
  const uri = await server.files('data/set', 6, 1_000);
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);
  expect((await server.dim('datasets', 'create', '--name', 'set', '--path-uri', uri)).code).toBe(0);
  // What the server itself answers while nothing is listed.
  const idle = await (await fetch(`${server.url}/api/v1/datasets/1/listing`)).json();
  expect(idle).toEqual({ listings: [] });
  await page.route('**/api/v1/datasets/1/listing', (route) =>
    route.fulfill({ json: { listings: [{ dataset_id: 1, objects: 1_234_567, size_bytes: 3_400_000_000, started_at: '2026-11-26T00:00:00Z' }] } }));

  await page.goto(`${server.url}/datasets/1`);
  await live(page);
  const scanned = await hold(page, '**/api/fn/scan-dataset');
  await page.getByTestId('scan').click();
  const counting = page.locator('.counting');
  await expect(counting).toHaveText('Listing: 1,234,567 objects, 3.40 GB so far');
  scanned();
  await expect(counting).toHaveCount(0);
  await expect(page.getByText('6 objects').first()).toBeVisible();

  const planned = await hold(page, /\/plan\?/);
  await page.getByLabel('Target location').selectOption('store');
  await page.getByRole('button', { name: 'Show the plan' }).click();
  await expect(counting).toHaveText('Listing: 1,234,567 objects, 3.40 GB so far');
  planned();
  await expect(page.getByTestId('plan')).toBeVisible();
  await expect(counting).toHaveCount(0);
  heard.clean();
});
