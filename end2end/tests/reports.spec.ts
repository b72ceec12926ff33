// Every report: whole without JavaScript, the same numbers in every form, and fit for paper.
import { mkdir } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { Server } from '../server';

let server: Server;
const shots = new URL('../artifacts/', import.meta.url).pathname;
const reports = ['savings', 'placement', 'moves', 'advice'];

interface Report { figures: { key: string; value: unknown }[]; tables: { key: string; columns: { key: string }[]; rows: unknown[][] }[]; main: string }

test.beforeAll(async () => {
  await mkdir(shots, { recursive: true });
  server = await Server.start('--demo', '--seed', '7');
});
test.afterAll(async () => server?.stop());

test('each report stands whole on its page, and as JSON, CSV and a file of its own', async ({ page }) => {
  await page.goto(`${server.url}/reports`);
  for (const name of reports) await expect(page.locator(`main a[href="/reports/${name}"]`)).toBeVisible();
  for (const name of reports) {
    await page.goto(`${server.url}/reports/${name}`);
    await expect(page.getByTestId('report')).toHaveAttribute('data-report', name);
    const json = await server.json<Report>('report', name);
    for (const table of json.tables) await expect(page.locator(`[data-table=${table.key}]`)).toBeVisible();
    // Work goes on between the two looks, so only what stands still is compared.
    const still = { savings: 'open', placement: 'datasets', moves: 'jobs', advice: 'judged' }[name]!;
    const value = json.figures.find((f) => f.key === still)!.value;
    if (still !== 'open') await expect(page.locator(`[data-figure=${still}] dd`).first()).toHaveText(Number(value).toLocaleString('en-US'));
    const csv = await server.dim('report', name, '-o', 'csv');
    expect(csv.code, csv.err).toBe(0);
    const main = json.tables.find((t) => t.key === json.main)!;
    expect(csv.out.split('\r\n')[0].split(',').length).toBe(main.columns.length);
  }
});

test('each report prints: light, within the sheet, with its heads repeated and nothing to click', async ({ page }, info) => {
  for (const name of reports) {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    // A4 landscape less its margins, in CSS pixels.
    await page.setViewportSize({ width: 1032, height: 700 });
    await page.goto(`${server.url}/reports/${name}`);
    await expect(page.getByRole('navigation', { name: 'Pages' })).toBeHidden();
    await expect(page.locator('.report-tools').first()).toBeHidden();
    const found = await page.evaluate(() => {
      const paper = document.documentElement.clientWidth;
      const wide = [...document.querySelectorAll('.report table')].map((t) => t.getBoundingClientRect().right).filter((r) => r > paper + 1);
      const heads = [...document.querySelectorAll('.report thead')].map((h) => getComputedStyle(h).display);
      return { wide, heads, ground: getComputedStyle(document.body).backgroundColor };
    });
    expect(found.wide, name).toEqual([]);
    expect(new Set(found.heads)).toEqual(new Set(['table-header-group']));
    expect(found.ground).not.toContain('14, 20, 25');
    const pdf = await page.pdf({ path: `${shots}report-${name}.${info.project.name}.pdf`, preferCSSPageSize: true, printBackground: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.length).toBeGreaterThan(10_000);
  }
});
