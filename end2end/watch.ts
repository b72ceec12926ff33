// What a page tells while it is watched: console errors, broken policies, failed requests, and the stages that a job went through.
import { type Page, expect } from '@playwright/test';

/** Collects whatever a visitor should never meet; `clean()` fails when there was any. */
export function listen(page: Page): { clean(): void } {
  const heard: string[] = [];
  page.on('console', (message) => {
    // Without JavaScript nothing asks for what was fetched ahead.
    if (message.text().includes('was preloaded using link preload')) return;
    if (message.type() === 'error' || message.type() === 'warning') heard.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => heard.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.hostname !== '127.0.0.1') heard.push(`a request to ${url.hostname}`);
  });
  return { clean: () => expect(heard).toEqual([]) };
}

/** Waits until the browser's half has taken over and its socket is open. */
export async function live(page: Page): Promise<void> {
  await expect(page.getByTestId('live-status')).toContainText('Live');
}

/** Notes every stage that the job's page shows from now on, without any reload. */
export async function noteStages(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    const look = () => {
      const stage = document.querySelector('[data-testid=job-page]')?.getAttribute('data-status');
      if (stage && seen.at(-1) !== stage) seen.push(stage);
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    (window as unknown as { stages: string[] }).stages = seen;
  });
  return () => page.evaluate(() => (window as unknown as { stages?: string[] }).stages ?? []);
}

/** The number at the end of the page's address. */
export function idOf(page: Page): number {
  return Number(new URL(page.url()).pathname.split('/').pop());
}
