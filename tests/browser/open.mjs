// Opens a large report in headless Chromium, shows more of it, searches it, and follows a link; prints how long each took and
// what was seen, as JSON. Then it opens the report without its end.
//
//     node open.mjs PAGE SEARCHED

import { readFileSync, writeFileSync } from "node:fs";
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
  seen[`${what}_ms`] = Math.round(performance.now() - begun);
  return value;
};
try {
  const page = await browser.newPage();
  const painted = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  await timed("opened", () => page.goto(pathToFileURL(file).href, { timeout: 120_000 }).then(painted));
  const counts = () => page.evaluate(() => ["#table tbody tr", "#sections > *"].map((of) => document.querySelectorAll(of).length));
  seen.rows = await counts();
  seen.more = await page.evaluate(() => document.querySelector(".more").firstChild.textContent);
  await page.evaluate(() => document.querySelector(".more button").click());
  seen.grown = [await counts(), await page.evaluate(() => document.activeElement.textContent)];
  await page.evaluate((text) => {
    const search = document.getElementById("search");
    search.value = text;
    search.dispatchEvent(new Event("input"));
  }, searched);
  const said = () => document.getElementById("found").textContent !== "";
  await timed("searched", () => page.waitForFunction(said, { timeout: 120_000 }));
  seen.said = await page.evaluate(() => document.getElementById("found").textContent);
  seen.found = await page.evaluate(() => document.querySelector("#table tbody th").textContent);
  await timed("linked", () => page.evaluate(() => (location.hash = "#i9999")).then(painted));
  seen.opened = await page.evaluate(() => document.querySelector("#i9999 [open] .facts")?.checkVisibility());

  // A file that is cut lacks its data. The page says so, and shows the instances that it has.
  const cut = `${file}.cut.html`;
  const whole = readFileSync(file);
  writeFileSync(cut, whole.subarray(0, whole.length - 1_000_000));
  await page.goto(pathToFileURL(cut).href, { timeout: 120_000 });
  seen.cut = await page.evaluate(() => [document.querySelector("body > [role=alert]").textContent, document.querySelectorAll("#plain tbody tr").length, document.querySelector("#plain tbody tr").checkVisibility(), document.getElementById("scroll").checkVisibility()]);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
