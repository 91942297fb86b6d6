// Opens a large report in headless Chromium, scrolls to its end, and searches it; prints how long each took, as JSON.
//
//     node open.mjs PAGE SEARCHED

import { pathToFileURL } from "node:url";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const [file, searched] = process.argv.slice(2);
const browser = await puppeteer.launch({
  args: [...chromium.args, "--no-sandbox"],
  executablePath: await chromium.executablePath(),
  headless: "shell",
});
const seen = {};
const timed = async (what, act) => {
  const begun = performance.now();
  const value = await act();
  seen[what] = Math.round(performance.now() - begun);
  return value;
};
try {
  const page = await browser.newPage();
  const painted = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  await timed("opened", () => page.goto(pathToFileURL(file).href, { timeout: 120_000 }).then(painted));
  seen.rows = await page.evaluate(() => document.querySelectorAll("#table tbody tr").length);
  await timed("scrolled", () => page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight)).then(painted));
  seen.at = await page.evaluate(() => scrollY);
  await page.evaluate((text) => {
    const search = document.getElementById("search");
    search.value = text;
    search.dispatchEvent(new Event("input"));
  }, searched);
  const said = () => document.getElementById("found").textContent !== "";
  await timed("searched", () => page.waitForFunction(said, { timeout: 120_000 }));
  seen.said = await page.evaluate(() => document.getElementById("found").textContent);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
