// The whole story in a browser: a purchase is begun by a program, paid on a page by a person, told by webhooks, and stands as an order with
// its checkout, as a contact of a company, and in the timelines.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { addList, addProduct, setPrice } from "./support/catalogue.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

const SECRET = "whsec_sandbox0123456789abcdef";
const LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft";

let browser, program, storageState;

before(async () => {
  browser = await launch();
  program = await Quiet.start({ roles: ["admin"], settings: { STRIPE_WEBHOOK_SECRET: SECRET, STRIPE_SECRET_KEY: "sk_test_sandbox" } });
  storageState = await session(browser, program, "admin@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage(options = {}) {
  return watched(await contextOf(browser, program, { storageState, ...options }));
}

async function beginCheckout() {
  const body = JSON.stringify({ items: [{ sku: "G65", quantity: 2 }], currency: "EUR", email: `ada@${LONG.toLowerCase().slice(0, 60)}.example` });
  const headers = { "Content-Type": "application/json", "Idempotency-Key": "cart-1" };
  const answer = await fetch(`${program.url}/api/checkout`, { method: "POST", headers, body });
  assert.equal(answer.status, 201);
  return answer.json();
}

/** Brings what the stand-in for Stripe has to tell, the last first and each twice. */
async function bringWebhooks() {
  const taken = await (await fetch(`${program.sandboxUrl}/__stripe/webhooks`, { method: "POST" })).json();
  assert.ok(taken.length > 0);
  for (const { body, signature } of taken.reverse()) {
    for (const _again of [1, 2]) assert.equal((await program.postWebhook(body, signature)).status, 200);
  }
}

test("the pages before anybody has bought", async () => {
  const page = await newPage();
  for (const path of ["/orders", "/contacts", "/companies", "/timeline", "/connections/books", "/checkout/thanks", "/checkout/cancelled"]) {
    await page.goto(path);
    await assertPageRules(page, `${path}, empty`);
  }
  assertUntroubled(page);
});

test("a purchase from the first call to the timeline", async () => {
  const page = await newPage();
  await addList(page, "Retail", "EUR", () => page.getByLabel("Default list of its currency").check());
  await addProduct(page, "G65", `Grinder ${LONG}`);
  await setPrice(page, "EUR · Retail", "1", "49.00");
  await page.getByText("EUR\u00a049.00").first().waitFor();
  const { url } = await beginCheckout();
  assert.equal((await beginCheckout()).url, url, "the same purchase has one page");
  await page.goto("/orders/1");
  await page.getByText("Open it at Stripe").waitFor();
  await assertPageRules(page, "an order that nobody has paid");

  // The customer has no session here.
  const customer = await (await contextOf(browser, program, { storageState: undefined })).newPage();
  await customer.goto(url);
  await customer.getByLabel("Number of a test card").fill("4000 0000 0000 0002");
  await customer.getByRole("button", { name: "Pay by card" }).click();
  await customer.getByRole("alert").waitFor();
  await customer.getByLabel("Number of a test card").fill("4242 4242 4242 4242");
  await customer.getByRole("button", { name: "Pay by card" }).click();
  await customer.getByRole("heading", { name: "Thank you" }).waitFor();
  assert.match(customer.url(), /\/checkout\/thanks$/);

  await page.goto("/orders/1");
  assert.equal(await page.getByRole("heading", { level: 1 }).getByText("Paid").count(), 0, "coming back decides nothing");
  await bringWebhooks();
  await page.getByRole("heading", { level: 1 }).getByText("Paid").waitFor();
  await assertPageRules(page, "a paid order");

  await page.goto("/contacts");
  await page.locator("#main a[href^='/contacts/']").first().click();
  await page.getByRole("heading", { level: 2, name: "What happened" }).waitFor();
  await page.getByLabel("Note", { exact: true }).fill(`Called, wants another one. ${LONG}`);
  await page.getByRole("button", { name: "Add note" }).click();
  await page.getByText("wants another one").first().waitFor();
  await assertPageRules(page, "a contact");
  await page.goto("/companies");
  await page.locator("#main a[href^='/companies/']").first().click();
  await assertPageRules(page, "a company");
  for (const path of ["/timeline", "/timeline?kind=money&human=yes", "/timeline?source=stripe", "/contacts?text=nobody-has-this-name", "/companies?text=none"]) {
    await page.goto(path);
    await assertPageRules(page, path);
  }
  assertUntroubled(page);
});
