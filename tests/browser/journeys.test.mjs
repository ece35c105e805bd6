// The main journeys in a real browser, against a running `throughline demo` (scripts/browser-test starts one and hands its
// address over): what pages do by themselves, what they do without script, and whether everyone can use them.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const demo = JSON.parse(process.env.THROUGHLINE_DEMO);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
let browser;

before(async () => { browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] }); });
after(async () => { await browser?.close(); });

/* A signed-in person; whatever their browser complains about fails the test that looks at `complaints`. */
async function person(options = {}) {
  const context = await browser.newContext({ baseURL: demo.url, viewport: { width: 1300, height: 800 }, ...options });
  const page = await context.newPage(), complaints = [];
  /* Refusals are part of the journeys, and leaving a page ends what it was fetching. */
  const expected = /status of 4\d\d|Failed to fetch/;
  page.on("console", (message) => { if (message.type() === "error" && !expected.test(message.text())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto("/login");
  await page.fill("#email", demo.email);
  await page.fill("#password", demo.password);
  await page.click("button[type=submit]");
  await page.waitForSelector("h1:has-text('Overview')");
  return { context, page, complaints };
}

let number = 0;
const unique = (word) => `${word} ${process.pid}-${++number}`;

async function lead(name, more = {}) {
  const body = JSON.stringify({ name, email: `${name.toLowerCase().replace(/[^a-z0-9]+/g, ".")}@example.com`, ...more });
  const answer = await fetch(`${demo.url}/api/store-lead`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  assert.equal(answer.status, 201);
  return (await answer.json()).id;
}

async function status(page, id, wanted) {
  await page.goto(`/leads/${id}`);
  await page.waitForSelector(`h1 .pill:has-text("${wanted}")`, { timeout: 20000 });
}

test("a lead arrives and is delivered while two people watch, and nobody loses their place", async () => {
  const [one, two] = [await person(), await person()];
  const word = unique("Watched");
  const first = await lead(`${word} first`);
  for (const { page } of [one, two]) await page.goto(`/leads?text=${encodeURIComponent(word)}`);
  await one.page.fill("#text", `${word} and typing`);
  await two.page.evaluate(() => scrollTo(0, 40));

  const second = await lead(`${word} second`);

  for (const { page } of [one, two]) await page.waitForSelector(`#lead-${second} .pill-ok`, { timeout: 20000 });
  assert.equal(await one.page.inputValue("#text"), `${word} and typing`, "what was typed stays");
  assert.ok(await one.page.evaluate(() => document.activeElement.id === "text"), "the focus stays");
  assert.ok(two.page.url().includes("text="), "the filter stays");
  assert.equal(await two.page.locator("tbody tr").count(), 2, "and is still in force");

  /* One change, made by one person, seen by the other without a click. */
  for (const { page } of [one, two]) await page.goto(`/leads/${first}`);
  await one.page.click("#edit summary");
  await one.page.fill("#company", "Difference Engines");
  await one.page.click("#edit button[type=submit]");
  await one.page.waitForSelector(".notice-ok");
  await two.page.waitForSelector("dd:has-text('Difference Engines')", { timeout: 10000 });
  assert.deepEqual([...one.complaints, ...two.complaints], []);
});

test("rows do not move under someone's hands, and a button says what is new", async () => {
  const { page, complaints } = await person();
  const word = unique("Held");
  await lead(`${word} a`); await lead(`${word} b`);
  await page.goto(`/leads?text=${encodeURIComponent(word)}`);
  await page.focus("tbody tr:nth-child(2) a");
  await page.waitForTimeout(300);
  const before = await page.locator("tbody tr").count();

  const id = await lead(`${word} c`);
  await page.waitForSelector("[data-live-more]:not([hidden])", { timeout: 10000 });

  assert.equal(await page.locator("tbody tr").count(), before);
  assert.match(await page.textContent("[data-live-more]"), /1 new/);
  assert.ok(await page.evaluate(() => document.activeElement.matches("tbody tr:nth-child(2) a")), "the focus stays");
  await page.click("[data-live-more] button");
  await page.waitForSelector(`#lead-${id}`);
  assert.deepEqual(complaints, []);
});

test("a lead that Zoho refuses says why, and a correction gets it there", async () => {
  const { page, complaints } = await person();
  const name = unique("Refused"), address = `${name.toLowerCase().replace(/[^a-z0-9]+/g, ".")}@example.com`;
  const fault = { fault: "refuse_record", match: { field: "Email", equals: address }, code: "INVALID_DATA", api_name: "Email" };
  const scripted = await fetch(`${demo.sandbox_url}/__faults`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fault) });
  assert.ok(scripted.ok, await scripted.text());
  const id = await lead(name);
  await status(page, id, "Failed");
  assert.match(await page.textContent(".notice-bad"), /INVALID_DATA/);

  await page.click("#edit summary");
  await page.fill("#email", "nonsense");
  await page.click("#edit button[type=submit]");
  assert.match(await page.textContent("#email-error"), /not an email address/);
  assert.equal(await page.inputValue("#email"), "nonsense", "what was typed stays");
  await page.fill("#email", `corrected.${address}`);
  await page.click("#edit button[type=submit]");
  await status(page, id, "Sent");
  assert.deepEqual(complaints, []);
});

test("everything works with script switched off", async () => {
  const { page } = await person({ javaScriptEnabled: false });
  const word = unique("Unscripted"), id = await lead(word);
  await page.fill("#q", word);
  await page.press("#q", "Enter");
  assert.equal(await page.locator("tbody tr").count(), 1);
  await page.click(`#lead-${id} a`);
  await page.click("button:has-text('Send')");
  assert.ok(await page.isVisible(".notice"));
  await page.click("dd a[href^='/outbox/']");
  assert.match(await page.textContent("h1"), /leads\.deliver/);
  await page.goto("/account");
  await page.click("main button:has-text('Dark')");
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  await page.click("details.menu summary");
  await page.click("text=Sign out");
  assert.ok(page.url().endsWith("/login"));
});

test("the keyboard is enough", async () => {
  const { page } = await person();
  await page.goto("/outbox");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "q");
  await page.focus("details.menu summary");
  await page.keyboard.press("Enter");
  assert.ok(await page.isVisible(".menu-pop"));
  await page.keyboard.press("Escape");
  assert.ok(!(await page.isVisible(".menu-pop")));
});

test("every page can be used by everyone, on every screen, in both themes", async () => {
  const { page, complaints } = await person();
  const id = await lead(unique("Accessible سارة"));
  await status(page, id, "Sent");
  const line = await page.getAttribute("dd a[href^='/lines/']", "href"), job = await page.getAttribute("dd a[href^='/outbox/']", "href");
  const found = [];
  for (const path of ["/", "/leads", "/leads?text=nothing-has-this-name", `/leads/${id}`, "/outbox", job, line, "/account", "/nowhere"]) {
    for (const [width, colorScheme] of [[320, "light"], [390, "dark"], [768, "light"], [1440, "dark"]]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.goto(path);
      if (path === `/leads/${id}`) await page.click("#edit summary");
      const session = await page.context().newCDPSession(page);
      await session.send("Runtime.evaluate", { expression: `${axe};0` });
      const violations = await page.evaluate((rules) => axe.run(document, { runOnly: rules }), RULES);
      for (const one of violations.violations) found.push(`${path} ${width} ${colorScheme}: ${one.id} ${one.nodes[0].html.slice(0, 160)}`);
      const overflows = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      if (overflows) found.push(`${path} ${width}: scrolls sideways`);
      await session.detach();
    }
  }
  assert.deepEqual(found, []);
  assert.deepEqual(complaints, [], "nothing breaks the content security policy");
});
