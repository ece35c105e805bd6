// The inbox in a browser: webhooks arrive on an open page, one is looked at and replayed, and every page keeps the rules.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

const SECRET = "whsec_sandbox0123456789abcdef";

let browser, program, storageState;

before(async () => {
  browser = await launch();
  program = await Quiet.start({ settings: { STRIPE_WEBHOOK_SECRET: SECRET, STRIPE_SECRET_KEY: "sk_test_sandbox" } });
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

/** Has something happen at the stand-in for Stripe, and posts the webhook that tells of it. */
async function push(type, object, alter = (body) => body) {
  const asked = await fetch(`${program.sandboxUrl}/__stripe/events`, { method: "POST", body: JSON.stringify({ type, object }) });
  const { body, signature } = await asked.json();
  return program.postWebhook(alter(body), signature);
}

async function newPage() {
  return watched(await contextOf(browser, program, { storageState }));
}

test("the pages before anything has come", async () => {
  const page = await newPage();
  for (const path of ["/inbox", "/inbox/statistics", "/inbox/refused", "/inbox/replay", "/connections/stripe"]) {
    await page.goto(path);
    await assertPageRules(page, `${path}, empty`);
  }
  assertUntroubled(page);
});

test("a webhook appears by itself, is looked at, and is replayed after a preview", async () => {
  const page = await newPage();
  await page.goto("/inbox");
  await page.getByText("Nothing has come in yet").waitFor();
  const long = "x".repeat(200);
  assert.equal((await push("charge.refunded", { id: "ch_1", object: "charge", payment_intent: "pi_1", description: long })).status, 200);
  assert.equal((await push("invoice.paid", { id: "in_1", object: "invoice" }, (body) => `${body} `)).status, 401);
  await page.getByRole("link", { name: "charge.refunded" }).waitFor();
  await assertPageRules(page, "/inbox");

  await page.getByRole("link", { name: "charge.refunded" }).click();
  await page.getByRole("heading", { level: 1 }).getByText("Handled").waitFor();
  await assertPageRules(page, "a receipt");
  await page.getByRole("link", { name: "Replay: see what it would do" }).click();
  await page.getByText("0 of 1 event would change something now.").waitFor();
  await assertPageRules(page, "the preview of a replay");
  await page.getByRole("button", { name: "Replay 1 event" }).click();
  await page.getByText("The event will be interpreted again now.").waitFor();

  await page.goto("/inbox?type=charge.refunded");
  await page.getByText("All that match").click();
  await page.getByRole("link", { name: "Replay all…" }).click();
  await page.getByRole("heading", { name: "1 event", exact: true }).waitFor();
  await page.getByText("has the type charge.refunded").waitFor();
  await page.getByRole("link", { name: "1 would do nothing, since newer is known" }).click();
  assert.equal(new URL(page.url()).hash, "#would-nothing");
  assert.equal(await page.getByRole("checkbox", { name: "Send the mails that follow from them too" }).isChecked(), false);
  await assertPageRules(page, "the preview of a replay of all that match");
  await page.getByRole("button", { name: "Replay 1 event" }).click();
  await page.getByText("all 1 that were met").waitFor();
  await assertPageRules(page, "a replay of all that matched");

  await page.goto("/inbox/refused");
  await page.getByRole("link", { name: "Signature does not fit" }).click();
  await assertPageRules(page, "a wrong signature");
  for (const path of ["/inbox/statistics", "/inbox/refused", "/connections/stripe", "/inbox?state=failed"]) {
    await page.goto(path);
    await assertPageRules(page, path);
  }
  assertUntroubled(page);
});
