// The quarantine: what looks like spam is released and delivered, or marked; by mouse, by keyboard, without script, on a phone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched, PHONE } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, operator, viewer;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["operator", "viewer"] })]);
  operator = await session(browser, program, "operator@example.com");
  viewer = await session(browser, program, "viewer@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

const newPage = async (storageState, options) => watched(await contextOf(browser, program, { storageState, ...options }));
const postSpam = (name) =>
  program.postLead({
    name, email: `${name.toLowerCase().replaceAll(/[^a-z]/g, "")}@mailinator.com`, phone: "+971 50 123 4567",
    message: `We sell backlinks and guest posts. [url=https://seo.example.top/${"very-long-".repeat(20)}]rank your site[/url] ${name}`,
  });
const rowOf = (page, name) => page.getByRole("row").filter({ hasText: name });
const records = async (email) => (await program.ledger()).filter((record) => record.Email === email);

test("with nothing held, and with nothing marked, the page says so", async () => {
  const page = await newPage(operator);
  await page.goto("/quarantine");
  await page.getByText("Nothing to decide").waitFor();
  await assertPageRules(page, "/quarantine, empty");
  await page.getByRole("navigation", { name: "Submissions by state" }).getByRole("link", { name: /Spam/ }).click();
  await page.getByText("Nothing is marked as spam").waitFor();
  await assertPageRules(page, "/quarantine?status=spam, empty");
  assertUntroubled(page);
});

test("a held lead says why, is released and delivered", async () => {
  const { id } = await postSpam("Released Robert");
  const page = await newPage(operator);
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Quarantine 1/ }).click();
  await rowOf(page, "Released Robert").getByText(/search rankings/).waitFor();
  await assertPageRules(page, "/quarantine");
  await page.getByRole("link", { name: "Released Robert" }).click();
  await page.getByText("Held: it looks like spam").waitFor();
  await assertPageRules(page, "the page of a held lead");

  await page.getByRole("button", { name: "Release" }).click();
  await page.getByRole("status").getByText("The lead is released").waitFor();
  await page.goto(`/leads/${id}`);
  await page.getByRole("heading", { level: 1 }).getByText("Sent").waitFor();
  assert.equal((await records("releasedrobert@mailinator.com")).length, 1);
  await assertPageRules(page, "the page of a lead that was held");
  assertUntroubled(page);
});

test("by keyboard alone: one is ticked and marked as spam, another released", async () => {
  await postSpam("Key Kate");
  await postSpam("Key Ken");
  const page = await newPage(operator);
  await page.goto("/quarantine");
  await pressUntilFocused(page, rowOf(page, "Key Kate").getByRole("checkbox"));
  await page.keyboard.press("Space");
  await page.goto(page.url());
  await pressUntilFocused(page, rowOf(page, "Key Ken").getByRole("checkbox"));
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Mark as spam" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("1 submission is marked as spam.").waitFor();
  await assertPageRules(page, "/quarantine with a message");
  assert.equal(await rowOf(page, "Key Ken").count(), 0);
  await pressUntilFocused(page, rowOf(page, "Key Kate").getByRole("button", { name: /Release/ }));
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("The lead is released").waitFor();
  await page.goto("/quarantine?status=spam");
  await rowOf(page, "Key Ken").waitFor();
  await assertPageRules(page, "/quarantine?status=spam");
  assertUntroubled(page);
});

test("all on the page at once, and a tick counts", async () => {
  await postSpam("Bulk Ben");
  await postSpam("Bulk Bea");
  const page = await newPage(operator);
  await page.goto("/quarantine");
  await page.getByRole("checkbox", { name: "Tick all" }).check();
  assert.equal(await page.getByRole("checkbox", { name: "Tick lead" }).first().isChecked(), true);
  await page.getByRole("button", { name: "Mark as spam" }).click();
  await page.getByRole("status").getByText("2 submissions are marked as spam.").waitFor();
  assert.equal((await records("bulkben@mailinator.com")).length, 0);
  assertUntroubled(page);
});

test("without script on a phone: ticked ones are released", async () => {
  await postSpam("Plain Pat");
  const page = await newPage(operator, { javaScriptEnabled: false, viewport: PHONE });
  await page.goto("/quarantine");
  await rowOf(page, "Plain Pat").getByRole("checkbox").check();
  await page.getByRole("button", { name: "Release", exact: true }).first().click();
  await page.getByText("1 lead is released.").waitFor();
  assertUntroubled(page);
});

test("a viewer sees the reasons and no buttons", async () => {
  await postSpam("Seen Sam");
  const page = await newPage(viewer);
  await page.goto("/quarantine");
  await rowOf(page, "Seen Sam").getByText(/mailinator.com/).first().waitFor();
  assert.equal(await page.locator("#main").getByRole("button").count(), 0);
  assert.equal(await page.getByRole("checkbox").count(), 0);
  await assertPageRules(page, "/quarantine as a viewer");
  assertUntroubled(page);
});
