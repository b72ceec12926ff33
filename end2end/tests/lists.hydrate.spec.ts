// Labels, saved views, policies and a job's log, as somebody with JavaScript meets them.
import { expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen } from '../watch';

let server: Server;
test.beforeAll(async () => {
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

test('ticked datasets are labelled, the label narrows the list, and the list is saved as a view', async ({ page }) => {
  const heard = listen(page);
  await page.goto(`${server.url}/datasets`);
  await expect(page.getByTestId('live-status')).toContainText('Live');
  const rows = page.getByTestId('dataset-row');
  await rows.nth(0).getByRole('checkbox').check();
  await rows.nth(1).getByRole('checkbox').check();
  await page.getByText('With the ticked ones').click();
  await page.getByLabel('Do', { exact: true }).selectOption('label');
  await page.getByLabel(/^Labels/).fill('team=climate');
  await page.getByTestId('apply-chosen').click();
  await expect(page.getByTestId('notice')).toContainText('Labels of 2 datasets changed');

  await rows.nth(0).getByRole('link', { name: 'team=climate' }).click();
  await expect(page).toHaveURL(/label=team%3Dclimate/);
  await expect(rows).toHaveCount(2);

  await page.getByText('Views', { exact: true }).click();
  await page.getByLabel('Name of the view').fill('Climate');
  await page.getByRole('button', { name: 'Save this view' }).click();
  await expect(page.getByTestId('notice')).toContainText('The view Climate is saved.');
  const chip = page.getByRole('navigation', { name: 'Saved views' }).getByRole('link', { name: 'Climate' });
  await expect(chip).toHaveAttribute('aria-current', 'true');
  await page.goto(`${server.url}/datasets`);
  await chip.click();
  await expect(rows).toHaveCount(2);
  heard.clean();
});

test('a policy is added and removed, and says what stands against it', async ({ page }) => {
  const heard = listen(page);
  await page.goto(`${server.url}/policies`);
  await expect(page.getByTestId('live-status')).toContainText('Live');
  await page.getByText('Add a policy').click();
  await page.getByLabel('Name', { exact: true }).fill('nowhere');
  await page.getByLabel(/^Allowed locations/).fill('no-such-place');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const row = page.getByTestId('policy-row');
  await expect(row).toContainText(/datasets against it/);
  await row.getByRole('button', { name: 'Remove the policy nowhere' }).click();
  await expect(row).toHaveCount(0);
  heard.clean();
});

test('a job tells the end of its log', async ({ page }) => {
  const heard = listen(page);
  const jobs = await server.json<{ items: { id: string; status: string }[] }>('jobs', 'list');
  const job = jobs.items.find((j) => j.status === 'completed')!;
  await page.goto(`${server.url}/jobs/${job.id}`);
  await expect(page.getByTestId('job-log')).toContainText('completed');
  heard.clean();
});
