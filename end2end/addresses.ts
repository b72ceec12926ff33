// Which pages there are.
import type { Server } from './server';

interface Listed { items: { id: string | number; status?: string }[] }

/** Name and path of every page of a demo server, with a job's page for each stage that the demo shows. */
export async function addresses(server: Server): Promise<[string, string][]> {
  const jobs = (await server.json<Listed>('jobs', 'list')).items;
  const pages: [string, string][] = [
    ['overview', '/'], ['datasets', '/datasets'], ['datasets-by-cost', '/datasets?sort=cost'], ['dataset', '/datasets/1'],
    ['recommendations', '/recommendations'], ['jobs', '/jobs'], ['locations', '/locations'], ['prices', '/prices'],
    ['price-book', '/prices?book=aws%2Fus-east-1'], ['plan', '/plan?dataset=1&target=nas'], ['what-if', '/datasets/7/what-if?growth=200'],
    ['policies', '/policies'], ['reports', '/reports'], ['report-savings', '/reports/savings'], ['report-placement', '/reports/placement'],
    ['report-moves', '/reports/moves'], ['report-advice', '/reports/advice'], ['backtest', '/datasets/1?backtest=1'],
  ];
  for (const status of ['completed', 'failed', 'awaiting_approval']) {
    const job = jobs.find((j) => j.status === status);
    if (job) pages.push([`job-${status}`, `/jobs/${job.id}`]);
  }
  return pages;
}
