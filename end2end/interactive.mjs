// Measures, on a running server, when a page can be read and when it answers: in Chromium slowed down by CDP, with an empty cache.
// Usage: node interactive.mjs [BASE_URL] [SLOWDOWN] [ROUNDS]    one line a page: medians in milliseconds, and what was fetched
import { chromium } from "playwright-core";

const [base = "http://127.0.0.1:8080", slowdown = "4", rounds = "5"] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const middle = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];

for (const path of ["/", "/datasets", "/datasets/1", "/recommendations", "/jobs", "/jobs/1", "/datasets/7/what-if", "/reports/savings"]) {
  const seen = { read: [], answers: [], bytes: [] };
  for (let round = 0; round < Number(rounds); round += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: Number(slowdown) });
    await cdp.send("Network.enable");
    let bytes = 0;
    cdp.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; });
    const began = Date.now();
    await page.goto(base + path, { waitUntil: "commit" });
    // It answers once a key opens the help: the listener is put there by hydration.
    await page.waitForFunction(() => {
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "?" }));
      return document.querySelector("dialog#keys")?.open;
    }, null, { polling: 20, timeout: 60_000 });
    seen.answers.push(Date.now() - began);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
    seen.read.push(paint);
    seen.bytes.push(bytes);
    await context.close();
  }
  console.log(`${path.padEnd(18)} first contentful paint ${Math.round(middle(seen.read))} ms, interactive ${middle(seen.answers)} ms, ${Math.round(middle(seen.bytes) / 1000)} kB`);
}
await browser.close();
