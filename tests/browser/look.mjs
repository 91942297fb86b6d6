// Opens a report in headless Chromium, uses it as a person would, and prints what was seen, as JSON.
//
//     node look.mjs PAGE PICTURES SEARCHED
//
// PICTURES is a folder: wide and narrow, light and dark. SEARCHED is what is typed into the search.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const [file, pictures, searched] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const seen = { requests: [], dialogs: [], errors: [], overflow: {}, inaccessible: {}, grounds: {}, chosen: [], copied: [] };

const browser = await puppeteer.launch({
  args: [...chromium.args, "--no-sandbox"],
  executablePath: await chromium.executablePath(),
  headless: "shell",
});
try {
  const page = await browser.newPage();
  const url = pathToFileURL(file).href;
  page.on("request", (request) => request.url().startsWith(url) || seen.requests.push(request.url().slice(0, 200)));
  page.on("dialog", async (dialog) => {
    seen.dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));

  const begun = performance.now();
  await page.goto(url);
  seen.milliseconds = Math.round(performance.now() - begun);
  seen.text = await page.evaluate(() => document.querySelector("main").textContent);
  seen.header = await page.evaluate(() => document.querySelector("header").innerText.replace(/\s+/g, " "));
  seen.headings = await page.evaluate(() => [...document.querySelectorAll("h2, .tasks h3")].map((it) => it.textContent));

  // What is opened on the way, and what is drawn only once it is in sight, is looked at too.
  await page.evaluate(() => {
    for (const section of document.querySelectorAll(".instance")) section.style.contentVisibility = "visible";
    for (const details of [...document.querySelectorAll("details")].slice(0, 6)) details.open = true;
  });
  await page.waitForFunction(() => [...document.querySelectorAll(".instance [open]")].every((it) => it.querySelector(".body")));
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    seen.grounds[scheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    for (const [name, width] of [["smallest", 320], ["tablet", 768], ["wide", 1280], ["narrow", 390]]) {
      await page.setViewport({ width, height: 900 });
      seen.overflow[`${name}-${scheme}`] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (!["wide", "narrow"].includes(name)) continue;
      await page.screenshot({ path: `${pictures}/${name}-${scheme}.png`, fullPage: true });
    }
    // Runs outside of the page's own policy, which allows no script but its own.
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    seen.inaccessible[scheme] = found.violations.map((it) => `${it.id}: ${it.help}: ${it.nodes[0].html.slice(0, 160)}`);
  }

  const shown = (selector) => page.evaluate((of) => [...document.querySelectorAll(of)].some((it) => it.checkVisibility()), selector);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.emulateMediaType("print");
  await page.setViewport({ width: 750, height: 900 });
  await page.screenshot({ path: `${pictures}/print.png`, fullPage: true });
  seen.paper = { tasks: await shown(".tasks"), controls: await shown("form, .about, .show, .copy, #said") };
  await page.emulateMediaType("screen");
  await page.setJavaScriptEnabled(false);
  await page.goto(url);
  await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });
  seen.scriptless = { tasks: await shown(".tasks"), controls: await shown("form, .show, .copy, #said:not(:empty)") };
  seen.plain = await page.evaluate(() => {
    const shown = (of) => [...document.querySelectorAll(of)].filter((it) => it.checkVisibility()).length;
    return { rows: shown("#plain tbody tr"), details: shown("#plain pre"), others: shown("#scroll, #details"), width: document.documentElement.scrollWidth - innerWidth };
  });
  await page.setJavaScriptEnabled(true);

  // From here on by the keyboard alone.
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(url);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  seen.plain.left = await page.evaluate(() => document.querySelectorAll("#plain, tr[id]").length);
  const names = (selector) => page.evaluate((of) => {
    const shown = [...document.querySelectorAll(of)].filter((it) => !it.closest("[hidden]"));
    return shown.map((it) => it.textContent);
  }, selector);
  await page.keyboard.press("Tab");
  seen.first = await focused();
  for (let at = 0; at < 400 && (await focused()) !== "search"; at += 1) await page.keyboard.press("Tab");
  seen.reached = await focused();
  await page.keyboard.type(searched);
  // The page waits for a pause in what is typed; this timer is behind its.
  const pause = () => page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
  await pause();
  seen.found = {
    said: await page.evaluate(() => document.getElementById("found").textContent),
    rows: await names("#table tbody th"),
    sections: await names("#sections > * h3"),
  };
  for (let at = 0; at < searched.length; at += 1) await page.keyboard.press("Backspace");
  await pause();

  // The filters, each with the first of its values; then two of them and the search together.
  const reach = async (id) => {
    for (let at = 0; at < 20 && (await focused()) !== id; at += 1) await page.keyboard.press("Tab");
  };
  const state = () => page.evaluate(() => {
    const choice = document.activeElement.selectedOptions?.[0];
    return { value: choice?.value, label: choice?.textContent, said: document.getElementById("found").textContent };
  });
  for (const id of ["by-verdict", "by-account", "by-engine", "by-reason"]) {
    await reach(id);
    await page.keyboard.press("ArrowDown");
    seen.chosen.push({ id, ...(await state()), rows: (await names("#table tbody th")).length });
    await page.keyboard.press("ArrowUp");
  }
  await page.keyboard.type("logging-off");
  seen.reason = { ...(await state()), rows: await names("#table tbody th"), sections: await names("#sections > * h3") };
  await page.keyboard.down("Shift");
  for (let at = 0; at < 20 && (await focused()) !== "by-verdict"; at += 1) await page.keyboard.press("Tab");
  await page.keyboard.type("required?");
  seen.both = await state();
  for (let at = 0; at < 20 && (await focused()) !== "search"; at += 1) await page.keyboard.press("Tab");
  await page.keyboard.up("Shift");
  await page.keyboard.type("crm");
  await pause();
  seen.all = { ...(await state()), rows: await names("#table tbody th") };
  await reach("full");
  await page.keyboard.press("Space");
  seen.full = await shown("#table .rest");
  await reach("clear");
  await page.keyboard.press("Enter");
  await pause();
  seen.reset = { ...(await state()), rows: (await names("#table tbody th")).length, full: await shown("#table .rest") };

  for (let at = 0; at < 20 && (await focused()) !== "Instance"; at += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  seen.rising = await names("#table tbody th");
  await page.keyboard.press("Enter");
  seen.falling = await names("#table tbody th");
  seen.sorted = await page.evaluate(() => document.querySelector("#table th").ariaSort);

  // A link leads to an instance that the search has hidden, and opens it.
  await page.evaluate(() => {
    const search = document.getElementById("search");
    search.value = "nothing is called this";
    search.dispatchEvent(new Event("input"));
  });
  await pause();
  seen.linked = await page.evaluate(() => {
    const link = document.querySelector(".tasks a[href^='#i']");
    link.click();
    return [document.querySelectorAll("#sections > *").length, link.textContent];
  });
  await pause();
  seen.opened = await page.evaluate(() => {
    const section = document.querySelector(location.hash);
    const { top } = section.getBoundingClientRect();
    return { name: section.querySelector("h3").textContent, open: !!section.querySelector("[open] .facts").checkVisibility(), inSight: top > -1 && top < innerHeight, focused: section.contains(document.activeElement) };
  });
  await page.evaluate(() => document.getElementById("clear").click());
  await pause();

  // Copying, by the clipboard's interface and without it: what is pasted is what stands there.
  const paste = async () => {
    await page.evaluate(() => {
      const area = document.createElement("textarea");
      area.id = "pasted";
      document.body.append(area);
      area.focus();
    });
    await page.keyboard.down("Control");
    await page.keyboard.press("KeyV");
    await page.keyboard.up("Control");
    return page.evaluate(() => {
      const area = document.getElementById("pasted");
      area.remove();
      return area.value;
    });
  };
  for (const [selector, without] of [[".tasks pre", false], [".tasks li:nth-child(2) pre", true], [".instance pre", true]]) {
    await page.evaluate(() => { for (const details of document.querySelectorAll(".instance details")) details.open = true; });
    await pause();
    const text = await page.evaluate((of, bare) => {
      if (bare) Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
      const pre = [...document.querySelectorAll(of)].find((it) => !it.closest(".instance") || it.textContent.startsWith("SELECT"));
      if (!pre) return null;
      return new Promise((done) => setTimeout(() => (pre.lastElementChild.focus(), done(pre.firstElementChild.textContent)), 200));
    }, selector, without);
    if (text === null) continue;
    await page.evaluate(() => (document.getElementById("said").textContent = ""));
    await page.keyboard.press("Enter");
    await pause();
    const said = await page.evaluate(() => document.getElementById("said").textContent);
    seen.copied.push({ text, said, pasted: await paste() });
  }
  await page.evaluate(() => document.querySelector(".tasks li:nth-child(2) .show")?.click());
  seen.shown = await page.evaluate(() => [document.getElementById("by-verdict").value, document.getElementById("found").textContent]);
  // Details that nobody opened are printed too.
  await page.goto(url);
  seen.details = await page.evaluate(() => {
    addEventListener("beforeprint", () => (window.printed = document.querySelectorAll(".instance .body").length));
    return document.querySelectorAll(".instance .body").length;
  });
  seen.printed = Buffer.from(await page.pdf()).subarray(0, 5).toString();
  seen.printedDetails = await page.evaluate(() => window.printed);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
