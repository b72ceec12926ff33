// On a phone: what waits for a person is seen, read and approved with a thumb.
import { devices, expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

const { viewport, deviceScaleFactor, isMobile, hasTouch, userAgent } = devices['Pixel 7'];
test.use({ viewport, deviceScaleFactor, isMobile, hasTouch, userAgent });

let server: Server;
test.afterEach(async () => server?.stop());

test('a plan that waits for approval is approved on a phone', async ({ page }) => {
  server = await Server.start();
  const heard = listen(page);
  const uri = await server.files('data/pictures', 12, 20_000);
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);
  expect((await server.dim('datasets', 'create', '--name', 'pictures', '--path-uri', uri)).code).toBe(0);
  const planned = await server.dim('migrate', 'plan', '--dataset-id', 'pictures', '--target-location', 'store', '--require-approval');
  expect(planned.code, planned.err).toBe(0);

  await page.goto(server.url);
  await live(page);
  await page.getByTestId('attention').getByRole('link', { name: /pictures/ }).tap();
  await expect(page.getByTestId('job-page')).toHaveAttribute('data-status', 'awaiting_approval');
  const approve = page.getByTestId('job-approve');
  const typed = page.getByLabel(/^Type the dataset's name, pictures/);
  await expect(approve).toBeInViewport();
  expect((await approve.boundingBox())!.height).toBeGreaterThanOrEqual(40);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await expect(page.locator('.checks')).toContainText('Free space');
  // Its source is deleted later, so nothing goes on before the dataset's name was typed.
  await approve.tap();
  await typed.fill('picture');
  await approve.tap();
  expect(await typed.evaluate((field: HTMLInputElement) => field.validity.patternMismatch)).toBe(true);
  await expect(page.getByTestId('job-page')).toHaveAttribute('data-status', 'awaiting_approval');
  await typed.fill('pictures');
  await approve.tap();
  await expect(page.getByTestId('job-page')).toHaveAttribute('data-status', 'completed', { timeout: 60_000 });
  heard.clean();
});
