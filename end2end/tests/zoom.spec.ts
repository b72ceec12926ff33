// A part of the access history: by two dates without a script, by dragging over the bars with one; the link keeps it.
import { expect, test } from '@playwright/test';
import { Server } from '../server';
import { listen, live } from '../watch';

let server: Server;
test.beforeAll(async () => {
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

test('a part of the history is chosen, kept in the link, and left again', async ({ page }, info) => {
  const heard = listen(page);
  await page.goto(`${server.url}/datasets/1`);
  const chart = page.getByRole('img', { name: /^Bytes by/ });
  const from = page.getByLabel('From', { exact: true });
  const to = page.getByLabel('To', { exact: true });
  const whole = [await from.inputValue(), await to.inputValue()];
  await expect(page.getByTestId('whole-history')).toHaveCount(0);

  await from.fill('2026-01-05');
  await to.fill('2026-02-03');
  await page.getByTestId('zoom').click();
  await expect(page).toHaveURL(/\/datasets\/1\?from=2026-01-05&to=2026-02-03/);
  await expect(chart).toHaveAttribute('data-days', '30');
  await expect(page.locator('figcaption').filter({ hasText: 'from 5 Jan 2026 to 3 Feb 2026' })).toBeVisible();
  await page.reload();
  await expect(from).toHaveValue('2026-01-05');
  await page.getByTestId('whole-history').click();
  await expect(page).toHaveURL(/\/datasets\/1$/);
  await expect(from).toHaveValue(whole[0]);

  if (info.project.name === 'with-javascript') {
    await live(page);
    await chart.scrollIntoViewIfNeeded();
    const place = (await chart.boundingBox())!;
    const days = Number(await chart.getAttribute('data-days'));
    const middle = place.y + place.height / 2;
    await page.mouse.move(place.x + place.width * 0.25, middle);
    await page.mouse.down();
    await page.mouse.move(place.x + place.width * 0.4, middle);
    await expect(page.locator('svg .shade')).toHaveCount(1);
    await page.mouse.move(place.x + place.width * 0.5, middle);
    await page.mouse.up();
    await expect(page).toHaveURL(/\/datasets\/1\?from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d$/);
    await expect.poll(async () => Number(await chart.getAttribute('data-days'))).toBeLessThan(days * 0.35);
    expect(Date.parse(await from.inputValue())).toBeGreaterThan(Date.parse(whole[0]));
    await expect(page.locator('svg .shade')).toHaveCount(0);
    // A click chooses nothing.
    const kept = page.url();
    await chart.click();
    expect(page.url()).toBe(kept);
    await page.getByTestId('whole-history').click();
    await expect(to).toHaveValue(whole[1]);
  }
  heard.clean();
});
