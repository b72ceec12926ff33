// The way from the first page to a running move with the keyboard alone.
import { type Page, expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

let server: Server;
test.afterEach(async () => server?.stop());

/** Presses Tab until the element with that test id, or id, has the focus. */
async function tabTo(page: Page, key: string): Promise<void> {
  for (let i = 0; i < 80; i += 1) {
    const here = await page.evaluate(() => {
      const at = document.activeElement;
      return [at?.id, at?.getAttribute('data-testid')];
    });
    if (here.includes(key)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${key}`);
}

test('a dataset is found, planned and moved without a pointer', async ({ page }) => {
  server = await Server.start();
  const heard = listen(page);
  for (const name of ['alpha', 'beta']) {
    const uri = await server.files(`data/${name}`, 6, 10_000);
    expect((await server.dim('datasets', 'create', '--name', name, '--path-uri', uri)).code).toBe(0);
  }
  await server.files('store/placeholder', 1, 10);
  expect((await server.dim('locations', 'add', '--name', 'store', '--uri', `file://${server.dir}/files/store`)).code).toBe(0);

  await page.goto(server.url);
  await live(page);
  // The first stop skips the navigation.
  await page.keyboard.press('Tab');
  await expect(page.locator('.skip')).toBeFocused();

  await page.keyboard.press('?');
  await expect(page.locator('#keys')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('#keys')).toBeHidden();

  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/\/datasets$/);
  await expect(page.getByTestId('dataset-row')).toHaveCount(2);
  await page.keyboard.press('/');
  await page.keyboard.type('bet');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/search=bet/);
  await expect(page.getByTestId('dataset-row')).toHaveCount(1);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('beta');

  await tabTo(page, 'plan-target');
  await page.keyboard.type('store');
  await tabTo(page, 'plan-class');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('plan')).toBeVisible();
  await tabTo(page, 'typed-name');
  await page.keyboard.type('beta');
  await tabTo(page, 'queue-move');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/jobs\/\d+$/);
  await expect(page.getByTestId('job-page')).toHaveAttribute('data-status', 'completed', { timeout: 60_000 });

  await page.keyboard.press('Control+k');
  await page.keyboard.type('alp');
  await expect(page.getByRole('option', { name: /alpha/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('alpha');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('audit');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('report')).toHaveAttribute('data-report', 'moves');
  heard.clean();
});
