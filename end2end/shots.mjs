// Takes a picture of every page: light and dark, wide and phone, with JavaScript and without. Fails when the browser's console
// tells of an error, such as a hydration that did not fit or something that the content policy stopped.
// Usage: node shots.mjs [BASE_URL] [only-name …]   pictures go to artifacts/shots (not in git)
import { chromium } from "playwright-core";
import { mkdir } from "node:fs/promises";

const [base = "http://127.0.0.1:8080", ...only] = process.argv.slice(2);
const out = new URL("./artifacts/shots/", import.meta.url).pathname;
await mkdir(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// The first dataset and job that the server has, so that their pages are taken too.
const list = async (path) => {
  const answer = await fetch(base + path, { headers: { accept: "application/json" } }).catch(() => null);
  return answer?.ok ? ((await answer.json()).items ?? []) : [];
};
const datasets = await list("/api/v1/datasets?limit=50");
const jobs = await list("/api/v1/jobs?limit=200");
const locations = await list("/api/v1/locations");

const pages = [
  ["overview", "/"],
  ["datasets", "/datasets"],
  ["datasets-sorted", "/datasets?sort=size"],
  ["datasets-none", "/datasets?search=no-such-name"],
  ["recommendations", "/recommendations"],
  ["jobs", "/jobs"],
  ["locations", "/locations"],
  ["prices", "/prices"],
  ["policies", "/policies"],
  ["price-book", "/prices?book=aws%2Fus-east-1"],
  ["missing-page", "/nowhere"],
  ["missing-dataset", "/datasets/999999"],
];
const moving = datasets.find((d) => d.recommendation?.action === "move") ?? datasets[0];
if (moving) {
  pages.push(["dataset", `/datasets/${moving.id}`]);
  const target = locations.find((l) => l.name !== moving.location_name);
  if (target) pages.push(["plan", `/plan?dataset=${moving.id}&target=${target.name}`]);
}
for (const status of ["copying", "completed", "failed", "awaiting_approval"]) {
  const job = jobs.find((j) => j.status === status);
  if (job) pages.push([`job-${status}`, `/jobs/${job.id}`]);
}
for (const path of (process.env.SHOT_PATHS ?? "").split(" ").filter(Boolean)) {
  pages.push([path.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, ""), path]);
}

const wide = { width: 1360, height: 900 };
const phone = { width: 390, height: 844 };
const looks = [
  ["light", { viewport: wide, colorScheme: "light" }],
  ["dark", { viewport: wide, colorScheme: "dark" }],
  ["phone", { viewport: phone, colorScheme: "light", deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ["phone-dark", { viewport: phone, colorScheme: "dark", deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ["nojs", { viewport: wide, colorScheme: "light", javaScriptEnabled: false }],
];

const bad = [];
for (const [look, options] of looks) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  for (const [name, path] of pages) {
    if (only.length && !only.includes(name) && !only.includes(look)) continue;
    const page = await context.newPage();
    page.on("console", (m) => {
      const expected = name.startsWith("missing") && m.text().includes("404");
      if (["error", "warning"].includes(m.type()) && !expected) bad.push(`${name} ${look}: ${m.text()}`);
    });
    page.on("pageerror", (e) => bad.push(`${name} ${look}: ${e.message}`));
    page.on("request", (r) => {
      if (!r.url().startsWith(base) && !r.url().startsWith("data:")) bad.push(`${name} ${look}: asked ${r.url()}`);
    });
    await page.goto(base + path, { waitUntil: "load" });
    if (options.javaScriptEnabled !== false) {
      await page.getByTestId("live-status").filter({ hasText: "Live" }).waitFor({ timeout: 20_000 }).catch(() => bad.push(`${name} ${look}: never live`));
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth).catch(() => 0);
    if (over > 1) bad.push(`${name} ${look}: ${over} px wider than the window`);
    await page.screenshot({ path: `${out}${name}.${look}.png`, fullPage: true });
    await page.close();
  }
  await context.close();
}
await browser.close();
for (const line of new Set(bad)) console.error(line);
console.log(`${pages.length} pages in ${out}`);
process.exit(bad.length ? 1 : 0);
