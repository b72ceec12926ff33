// Browser tests against real `dim serve` processes, in Debian's Chromium. Each story starts its own server (server.ts).
import { defineConfig } from '@playwright/test';

const chromium = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
};

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  // Two cores serve the browser, the server and the moves: one story at a time keeps their waits honest.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  forbidOnly: !!process.env.CI,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: chromium,
    locale: 'en-GB',
    timezoneId: 'UTC',
    // A label that changed should fail soon and by name.
    actionTimeout: 15_000,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: [
    { name: 'with-javascript', use: { javaScriptEnabled: true } },
    // What needs the browser's half is called *.hydrate.spec.ts; everything else must pass without it.
    { name: 'without-javascript', testIgnore: /\.hydrate\.spec\.ts$/, use: { javaScriptEnabled: false } },
  ],
});
