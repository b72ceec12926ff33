// The guide's narrative in a browser: a dataset, its accesses, the advice, a move that is watched without a reload, the bytes on
// the disk, a failure that is retried, a move that is cancelled and one that is undone.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Page, expect, test } from '@playwright/test';
import { Server } from '../server';
import { idOf, listen, live, noteStages } from '../watch';

let server: Server;

test.afterEach(async () => server?.stop());

/** Content hashes of every file below a directory, by relative path. */
async function hashes(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[relative(dir, path)] = createHash('sha256').update(await readFile(path)).digest('hex');
  }
  return found;
}

/** The path of an address like file:///a/b. */
const pathOf = (uri: string) => decodeURI(new URL(uri).pathname);

interface Dataset { id: number; name: string; path_uri: string; location_name: string }
const dataset = (id: number) => server.json<Dataset>('datasets', 'get', String(id));

/** Registers a dataset by the page's form and opens its page. */
async function register(page: Page, name: string, uri: string): Promise<number> {
  await page.goto(`${server.url}/datasets`);
  await live(page);
  await page.getByTestId('new-dataset').locator('summary').click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Address of its objects').fill(uri);
  await page.getByLabel('Size in bytes (optional)').fill('1048576');
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await expect(page).toHaveURL(/\/datasets\/\d+$/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  return idOf(page);
}

/** Plans a move by the dataset page's form, queues it and stands on the job's page. */
async function move(page: Page, id: number, target: string, approval = false): Promise<string> {
  await page.goto(`${server.url}/datasets/${id}`);
  await live(page);
  await page.getByLabel('Target location').selectOption(target);
  await page.getByRole('button', { name: 'Show the plan' }).click();
  await expect(page.getByTestId('plan')).toBeVisible();
  if (approval) await page.getByLabel('Wait for an approval before it begins').check();
  else await page.getByTestId('typed-name').fill((await dataset(id)).name);
  await page.getByTestId('queue-move').click();
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  return String(idOf(page));
}

const stage = (page: Page, word: string) =>
  expect(page.getByTestId('job-page')).toHaveAttribute('data-status', word, { timeout: 60_000 });

test('a dataset is registered, read, advised on, moved while it is watched, and moved back', async ({ page }) => {
  // Slow enough to be watched: 3 MB at 1.5 MB/s, once for the copy and once for the check.
  server = await Server.start('--inject', 'slow-copy=1500000');
  const heard = listen(page);
  const uri = await server.files('data/demo-dataset', 60, 50_000);
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);

  await page.goto(server.url);
  await live(page);
  const id = await register(page, 'demo-dataset', uri);
  await page.getByTestId('scan').click();
  await expect(page.getByText('60 objects').first()).toBeVisible();

  // The guide's events, one by the page and the others by the command line; the page follows by itself.
  await live(page);
  await page.getByLabel('First byte, ms').fill('11.4');
  await page.getByTestId('record-access').click();
  await expect(page.getByTestId('notice').first()).toBeVisible();
  for (const [size, latency] of [['4096', '9.8'], ['65536', '14.2'], ['131072', '22.7']]) {
    const ran = await server.dim('access', '--dataset-id', String(id), '--op', 'read', '--size-bytes', size, '--client-lat-ms', latency);
    expect(ran.code, ran.err).toBe(0);
  }
  await expect(page.getByTestId('recommendation')).toBeVisible();
  await page.goto(server.url);
  await expect(page.getByTestId('access-count')).toContainText('4');

  const before = await hashes(pathOf(uri));
  const job = await move(page, id, 'store', true);
  await live(page);
  await stage(page, 'awaiting_approval');
  const stages = await noteStages(page);
  await page.getByTestId('typed-name').fill('demo-dataset');
  await page.getByTestId('job-approve').click();
  await stage(page, 'completed');
  const seen = (await stages()).filter((s) => s !== 'awaiting_approval');
  // `switching` is one transaction, so a busy browser may draw it together with what follows; the events below tell all.
  expect(seen.filter((s) => s !== 'queued' && s !== 'switching')).toEqual(['copying', 'verifying', 'completed']);
  await expect(page.getByTestId('job-events')).toContainText('Switching');

  // The time line names every stage, and the slider goes back to when bytes were copied.
  for (const word of ['Copying', 'Verifying']) await expect(page.getByTestId('gantt')).toContainText(word);
  await page.getByTestId('replay-at').focus();
  await page.keyboard.press('Home');
  await expect(page.getByTestId('replayed')).toContainText('Awaiting approval');
  await page.keyboard.press('End');
  await expect(page.getByTestId('replayed')).toContainText('Completed');
  await expect(page.getByTestId('receipt')).toBeVisible();

  const moved = await dataset(id);
  expect(moved.location_name).toBe('store');
  expect(await hashes(pathOf(moved.path_uri))).toEqual(before);
  // The source stays for the grace period.
  expect(await hashes(pathOf(uri))).toEqual(before);

  await page.getByTestId('job-undo').click();
  await stage(page, 'undone');
  expect((await dataset(id)).path_uri).toBe(uri);
  expect(await hashes(pathOf(uri))).toEqual(before);
  const watched = await server.dim('watch', 'job', '--job-id', job, '--source', 'go', '--interval', '2');
  expect(watched.out).toContain('verifying');
  heard.clean();
});

test('an injected failure names the object, leaves the source serving, and a retry completes', async ({ page }) => {
  server = await Server.start('--inject', 'fail-verify=1');
  const uri = await server.files('data/fragile', 12, 20_000);
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);
  const id = await register(page, 'fragile', uri);
  const before = await hashes(pathOf(uri));
  const job = await move(page, id, 'store');
  await stage(page, 'failed');
  await expect(page.getByTestId('job-reason')).toContainText('.bin');
  expect((await dataset(id)).path_uri).toBe(uri);

  await page.goto(server.url);
  await expect(page.getByTestId('attention')).toContainText('fragile');
  await page.goto(`${server.url}/jobs/${job}`);
  await live(page);
  await page.getByTestId('job-retry').click();
  await stage(page, 'completed');
  expect(await hashes(pathOf((await dataset(id)).path_uri))).toEqual(before);
});

test('a cancelled move stops at once and leaves nothing behind', async ({ page }) => {
  server = await Server.start('--inject', 'slow-copy=200000');
  const uri = await server.files('data/long', 40, 100_000);
  await server.files('store/placeholder', 1, 10);
  const store = join(server.dir, 'files', 'store');
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${store}`)).code).toBe(0);
  const id = await register(page, 'long', uri);
  await move(page, id, 'store');
  await live(page);
  await stage(page, 'copying');
  const asked = Date.now();
  await page.getByTestId('job-cancel').click();
  await stage(page, 'cancelled');
  expect(Date.now() - asked).toBeLessThan(5_000);
  await expect.poll(async () => (await readdir(store)).sort()).toEqual(['placeholder']);
  expect((await dataset(id)).path_uri).toBe(uri);
  expect(existsSync(pathOf(uri))).toBe(true);
});
