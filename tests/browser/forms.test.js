// The public form: from a visitor's browser to the CRM, in every language, in a frame, by keyboard, without script.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched, PHONE } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertPageRules } from "./support/page_rules.js";
import { demo, Quiet } from "./support/program.js";

let browser, program, site, foreign;

/** Another site, on a port of its own, whose pages a test gives. */
async function startSite() {
  const server = createServer((request, answer) => {
    answer.setHeader("Content-Type", "text/html; charset=utf-8");
    answer.end(`<!doctype html><html lang="en"><title>A site</title><link rel="icon" href="data:,"><main><h1>A site</h1>${server.content ?? ""}</main></html>`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  server.url = `http://127.0.0.1:${server.address().port}`;
  return server;
}

before(async () => {
  [browser, site, foreign] = await Promise.all([launch(), startSite(), startSite()]);
  program = await Quiet.start({ roles: ["admin"], settings: { THROUGHLINE_SITES: site.url } });
});

after(async () => {
  await Promise.all([browser?.close(), program?.stop()]);
  for (const server of [site, foreign]) { server?.closeAllConnections(); server?.close(); }
});

async function fillIn(page, email) {
  await page.locator("#name").fill("Sara Haddad");
  await page.locator("#email").fill(email);
  await page.locator("#message").fill("Forty kilos a month, please.");
  await page.locator("#consent").check();
}

test("the settings of the seller and of the forms, and a mistake in each", async () => {
  const page = await watched(await contextOf(browser, program, { storageState: await session(browser, program, "admin@example.com") }));
  await page.goto("/settings/seller");
  await assertPageRules(page, "the seller before anyone saved them");
  await page.getByLabel("Name", { exact: true }).fill("Marsa Coffee Supply");
  await page.getByLabel("Time zone").fill("Mars");
  await page.getByRole("button", { name: "Save settings" }).click();
  await page.getByText("Nothing was saved yet").waitFor();
  await assertPageRules(page, "the seller with a mistake");
  await page.getByLabel("Time zone").fill("Asia/Dubai");
  await page.getByLabel("Address of the privacy notice").fill("https://www.example.com/privacy");
  await page.getByLabel("Phone").fill("+971 4 555 0100");
  for (const language of ["German", "French", "Spanish", "Arabic", "Japanese"]) await page.getByLabel(language, { exact: true }).check();
  await page.getByRole("button", { name: "Save settings" }).click();
  await page.getByText("The settings are saved").waitFor();
  await assertPageRules(page, "the seller, saved");
  await page.goto("/settings/forms");
  await assertPageRules(page, "the forms");
  await page.locator("#en-wording").fill("Yes");
  await page.locator("#en-wording").press("Tab");
  await page.getByRole("button", { name: "Save as a new version in English" }).click();
  await page.getByText("Say in a sentence").first().waitFor();
  await assertPageRules(page, "the forms with a mistake");
  assertUntroubled(page);
});

for (const language of ["en", "de", "fr", "es", "ar", "ja"]) {
  test(`the form in ${language}: empty, with mistakes, thanked for`, async () => {
    const page = await watched(await contextOf(browser, program));
    await page.goto(`/forms/quote?lang=${language}`);
    await assertPageRules(page, `the form in ${language}`);
    await page.locator("button[type=submit]").click();
    await page.locator("[role=alert]").waitFor();
    await assertPageRules(page, `the form in ${language} with mistakes`);
    await page.locator("[role=alert] a").first().click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "name", "the summary leads to the field");
    await fillIn(page, `${language}@example.com`);
    await page.locator("button[type=submit]").click();
    await page.waitForURL(/\/forms\/quote\/thanks/);
    await assertPageRules(page, `thanks in ${language}`);
    assert.equal(await page.evaluate(() => document.dir), language === "ar" ? "rtl" : "ltr");
    assert.deepEqual(await page.context().cookies(), []);
    assertUntroubled(page);
  });
}

test("by keyboard alone on a phone, from right to left, with the system's font", async () => {
  const page = await watched(await contextOf(browser, program, { viewport: PHONE }));
  const fonts = [];
  page.on("request", (request) => { if (/woff2/.test(request.url())) fonts.push(request.url()); });
  await page.goto("/forms/quote?lang=ar");
  const typeInto = async (id, text) => { await pressUntilFocused(page, page.locator(id)); await page.keyboard.type(text); };
  await typeInto("#name", "سارة");
  await typeInto("#email", "sara@example.com");
  await pressUntilFocused(page, page.locator("#consent"));
  await page.keyboard.press("Space");
  await pressUntilFocused(page, page.locator("button[type=submit]"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/thanks\?lang=ar/);
  const name = await page.locator("h1").boundingBox();
  assert.ok(name.x >= 0 && name.x + name.width <= PHONE.width);
  assert.deepEqual(fonts, []);
  assertUntroubled(page);
});

test("without script", async () => {
  const page = await watched(await contextOf(browser, program, { javaScriptEnabled: false }));
  await page.goto("/forms/quote?lang=de");
  await page.locator("button[type=submit]").click();
  await page.getByText("Geben Sie Ihren Namen an.").first().waitFor();
  await fillIn(page, "ohne@example.com");
  await page.locator("button[type=submit]").click();
  await page.getByText("Ihre Anfrage ist angekommen").waitFor();
});

test("in a frame of a listed site, and not of another", async () => {
  const frame = `<iframe src="${program.url}/forms/quote?embed=1" title="Ask for a quote" width="600" height="900"></iframe>`;
  [site.content, foreign.content] = [frame, frame];
  const page = await watched(await contextOf(browser, program));
  await page.goto(site.url);
  const inside = page.frameLocator("iframe");
  await fillIn({ locator: (selector) => inside.locator(selector) }, "framed@example.com");
  await inside.locator("button[type=submit]").click();
  await inside.getByText("Your request has arrived").waitFor();
  assertUntroubled(page);
  const other = await (await contextOf(browser, program)).newPage();
  const refused = other.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
  await other.goto(foreign.url);
  await refused;
  assert.equal(await other.frameLocator("iframe").locator("#name").count(), 0);
});

test("a plain form of another site leads back to it, or to our form where there are mistakes", async () => {
  site.content = `<form action="${program.url}/api/store-lead" method="post"><input name="name"><input name="email"><input type="hidden" name="next" value="${site.url}/danke"><button>Go</button></form>`;
  const page = await watched(await contextOf(browser, program));
  await page.goto(site.url);
  await page.locator("[name=email]").fill("plain@example.com");
  await page.getByRole("button").click();
  await page.getByText("Enter your name.").first().waitFor();
  assert.equal(await page.locator("#email").inputValue(), "plain@example.com");
  await fillIn(page, "plain@example.com");
  await page.locator("button[type=submit]").click();
  await page.waitForURL(`${site.url}/danke`);
  assertUntroubled(page);
});

test("a script of a listed site may send a lead and read the answer; another may not", async () => {
  [site.content, foreign.content] = ["", ""];
  const page = await (await contextOf(browser, program)).newPage();
  const post = (url) => page.evaluate(async (url) => {
    try {
      const answer = await fetch(`${url}/api/store-lead`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "Ada", email: "ada@example.com" }) });
      return answer.status;
    } catch { return "refused"; }
  }, url);
  await page.goto(site.url);
  assert.equal(await post(program.url), 201);
  await page.goto(foreign.url);
  assert.equal(await post(program.url), "refused");
});

test("in the demonstration a form's lead is delivered", async () => {
  const shown = await demo();
  try {
    const page = await watched(await contextOf(browser, shown));
    await page.goto("/forms/quote");
    await fillIn(page, "visitor@example.com");
    // At the pace of a person: who fills a form within a second is taken for a program.
    await page.locator("#company").pressSequentially("Oasis Coffee and Tea Trading", { delay: 100 });
    await page.locator("button[type=submit]").click();
    await page.getByText("Your request has arrived").waitFor();
    const staff = await watched(await contextOf(browser, shown, { storageState: await session(browser, shown, shown.email, shown.password) }));
    await staff.goto("/leads?text=visitor@example.com");
    await staff.getByRole("link", { name: "Sara Haddad" }).click();
    await staff.locator("h1").getByText("Sent").waitFor();
    assertUntroubled(page);
    assertUntroubled(staff);
  } finally {
    await shown.stop();
  }
});
