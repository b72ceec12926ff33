// The way from a dataset to its move by plain forms and links: what JavaScript makes nicer must not need it.
import { expect, test } from '@playwright/test';
import { Server } from '../server';
import { idOf } from '../watch';

let server: Server;
test.beforeAll(async () => {
  server = await Server.start();
});
test.afterAll(async () => server?.stop());

test('a dataset is registered, planned and moved by forms', async ({ page }, info) => {
  const name = info.project.name;
  const uri = await server.files(`data/plain-${name}`, 8, 10_000);
  await server.files(`store-${name}/placeholder`, 1, 10);
  const added = await server.dim('locations', 'add', '--name', `store-${name}`, '--uri', `file://${server.dir}/files/store-${name}`);
  expect(added.code, added.err).toBe(0);

  await page.goto(`${server.url}/datasets`);
  await page.getByTestId('new-dataset').locator('summary').click();
  await page.getByLabel('Name', { exact: true }).fill(`plain-${name}`);
  await page.getByLabel('Address of its objects').fill(uri);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await expect(page).toHaveURL(/\/datasets\/\d+/);
  await page.getByLabel('Target location').selectOption(`store-${name}`);
  await page.getByRole('button', { name: 'Show the plan' }).click();
  await expect(page.getByTestId('plan')).toContainText(`plain-${name}`);
  // A plan with a budget that it breaks is refused; with one that it keeps it stands, and the options are in the link.
  await page.getByTestId('options').last().locator('summary').click();
  await page.getByLabel('Most bytes it may copy').fill('1kB');
  await page.getByTestId('replan').click();
  await expect(page).toHaveURL(/max_bytes=1kB/);
  await expect(page.getByTestId('queue-move')).toHaveCount(0);
  await page.getByLabel('Most bytes it may copy').fill('1MB');
  await page.getByTestId('replan').click();
  await expect(page).toHaveURL(/max_bytes=1MB/);
  // The source is deleted later: nothing is queued before the dataset's name was typed.
  await page.getByTestId('typed-name').fill('another');
  await page.getByTestId('queue-move').click();
  await expect(page.locator('body')).toContainText('the move was not queued. Nothing was changed');
  await expect(page).toHaveURL(/\/plan\?/);
  await page.getByTestId('typed-name').fill(`plain-${name}`);
  await page.getByTestId('queue-move').click();
  await expect(page).toHaveURL(/\/jobs\/\d+/);
  const job = idOf(page);
  const watched = await server.dim('watch', 'job', '--job-id', String(job));
  expect(watched.code, watched.err).toBe(0);
  await page.reload();
  await expect(page.getByTestId('job-page')).toHaveAttribute('data-status', 'completed');
});
