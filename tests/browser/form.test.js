// The script of a public form (static/form.js): it does the work, sends once, and the form is sent without it too.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { Quiet } from "./support/program.js";

let browser, program, operator;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  operator = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

/** A form as a site's own page has it, without a stamp; served in the program's place, under its policy. */
const FORM = `<!doctype html><html lang="en"><title>Ask</title><form data-defence="store-lead" action="/api/store-lead" method="post">
<label>Name <input name="name"></label><label>Mail <input name="email"></label><label>Message <textarea name="message"></textarea></label>
<div hidden><label>Leave this empty <input name="_website" tabindex="-1" autocomplete="off"></label></div>
<p data-defence-status role="status" hidden></p><button>Send</button></form><script defer src="/form.js"></script></html>`;
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'";

async function openForm(options) {
  const page = await watched(await contextOf(browser, program, options));
  await page.route("**/a-form", (route) => route.fulfill({ body: FORM, contentType: "text/html", headers: { "content-security-policy": POLICY } }));
  await page.goto("/a-form");
  return page;
}

async function fill(page, name, { waitMs = 0 } = {}) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Mail").fill(`${name.toLowerCase()}@example.com`);
  await page.getByLabel("Message").fill("Two grinders, please.");
  // The program's own clock decides how long the form was open.
  if (waitMs) await page.waitForFunction((until) => performance.now() > until, waitMs);
}

async function listed(name) {
  const page = await watched(await contextOf(browser, program, { storageState: operator }));
  const answer = await page.request.get(`/leads?text=${name}`, { headers: { accept: "application/json" } });
  const { leads } = await answer.json();
  const held = await (await page.request.get("/leads?status=quarantined", { headers: { accept: "application/json" } })).json();
  await page.context().close();
  return { taken: leads.length, held: held.leads.filter((lead) => lead.name === name).length };
}

test("the script brings a stamp and a proof of work, and the lead is taken", async () => {
  const page = await openForm();
  await fill(page, "Scripted", { waitMs: 3000 });
  const sent = page.waitForRequest((request) => request.method() === "POST");
  await page.getByRole("button", { name: "Send" }).dblclick();
  const fields = new URLSearchParams((await sent).postData());
  assert.match(fields.get("_stamp"), /^\d+\.[\w-]{16}\.[\w-]{22}$/);
  assert.match(fields.get("_work"), /^\d+\.14\.[\w-]{22}\.\d+$/);
  await page.waitForURL("**/forms/quote/thanks**");
  assert.deepEqual(await listed("Scripted"), { taken: 1, held: 0 }, "and a double click is one lead");
  assertUntroubled(page);
});

test("sent within a second of being opened it is held", async () => {
  const page = await openForm();
  // Its stamp is taken and sent back in one step, whose length no busy machine stretches by much.
  await page.evaluate(async () => {
    const form = document.forms[0];
    form.elements.name.value = "Hasty";
    form.elements.email.value = "hasty@example.com";
    const { stamp } = await (await fetch("/api/intake/stamp?form=store-lead")).json();
    form.querySelector("[name=_stamp]")?.remove();
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "_stamp", value: stamp }));
    form.submit();
  });
  await page.waitForURL("**/forms/quote/thanks**");
  assert.deepEqual(await listed("Hasty"), { taken: 0, held: 1 });
  assertUntroubled(page);
});

test("what people do not see is not reached by the keyboard, and whoever fills it in is held", async () => {
  const page = await openForm();
  await fill(page, "Trapped", { waitMs: 3000 });
  for (const label of ["Name", "Mail", "Message"]) {
    await page.getByLabel(label).focus();
    await page.keyboard.press("Tab");
    assert.notEqual(await page.evaluate(() => document.activeElement.name), "_website");
  }
  await page.evaluate(() => { document.forms[0].elements._website.value = "https://buy.example"; });
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL("**/forms/quote/thanks**");
  assert.deepEqual(await listed("Trapped"), { taken: 0, held: 1 });
  assertUntroubled(page);
});

test("without script the form is sent as it is, and the lead is taken", async () => {
  const page = await openForm({ javaScriptEnabled: false });
  await fill(page, "Plain");
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL("**/forms/quote/thanks**");
  assert.deepEqual(await listed("Plain"), { taken: 1, held: 0 });
  assertUntroubled(page);
});

test("where no stamp can be had the form is sent without", async () => {
  const page = await openForm();
  const blocked = await watched(await contextOf(browser, program));
  await blocked.route("**/a-form", (route) => route.fulfill({ body: FORM, contentType: "text/html" }));
  await blocked.route("**/api/intake/**", (route) => route.fulfill({ status: 404, body: "{}" }));
  await blocked.goto("/a-form");
  await fill(blocked, "Cutoff");
  await blocked.getByRole("button", { name: "Send" }).click();
  await blocked.waitForURL("**/forms/quote/thanks**");
  assert.deepEqual(await listed("Cutoff"), { taken: 1, held: 0 });
  assertUntroubled(page);
  assertUntroubled(blocked);
});
