// The list of jobs while jobs come and go: rows keep their places, new ones wait until they are asked for, and a row that the filter no
// longer fits says what became of it.
import { expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

let server: Server;
test.afterEach(async () => server?.stop());

async function plan(name: string): Promise<string> {
  const uri = await server.files(`data/${name}`, 2, 1_000);
  expect((await server.dim('datasets', 'create', '--name', name, '--path-uri', uri)).code).toBe(0);
  const planned = await server.dim('migrate', 'plan', '--dataset-id', name, '--target-location', 'store', '--require-approval', '--keep-source');
  expect(planned.code, planned.err).toBe(0);
  const jobs = await server.json<{ items: { id: string; dataset_name: string }[] }>('jobs', 'list');
  return jobs.items.find((job) => job.dataset_name === name)!.id;
}

test('new jobs wait above the list until they are asked for', async ({ page }) => {
  server = await Server.start();
  const heard = listen(page);
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);
  const first = await plan('one');
  await page.goto(`${server.url}/jobs`);
  await live(page);
  const rows = page.getByTestId('job-row');
  const ids = () => rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-job-id')));
  await expect(rows).toHaveCount(1);

  const second = await plan('two');
  await expect(page.getByTestId('show-new')).toHaveText('1 job new: show');
  const third = await plan('three');
  await expect(page.getByTestId('show-new')).toHaveText('2 jobs new: show');
  expect(await ids()).toEqual([first]);
  // A row that is shown follows its job all the same.
  await page.getByTestId('job-approve').click();
  await expect(rows.first().getByTestId('job-status')).toHaveAttribute('data-status', 'completed');
  expect(await ids()).toEqual([first]);

  await page.getByTestId('show-new').click();
  await expect(rows).toHaveCount(3);
  expect(await ids()).toEqual([third, second, first]);
  await expect(page.getByTestId('show-new')).toHaveCount(0);

  // What the filter no longer fits stays in its place, and says why it is there.
  await page.getByRole('link', { name: 'Awaiting approval', exact: true }).click();
  await expect(rows).toHaveCount(2);
  expect((await server.dim('jobs', 'cancel', '--job-id', second)).code).toBe(0);
  const row = page.locator(`[data-job-id="${second}"]`);
  await expect(row).toHaveAttribute('data-status', 'cancelled');
  await expect(row).toContainText('Cancelled');
  expect(await ids()).toEqual([third, second]);
  heard.clean();
});
