// What is done to many: ticked rows, all that fit a filter, with script and without, by the keyboard, and its files.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched, PHONE } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

const REFUSED = { fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } };

let browser, program, states;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "operator"] })]);
  states = { viewer: await session(browser, program, "viewer@example.com"), operator: await session(browser, program, "operator@example.com") };
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function pageOf(role, options = {}) {
  return watched(await contextOf(browser, program, { storageState: states[role], ...options }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });
const rows = (page) => page.locator("tbody tr");

/** Leads that Zoho refuses; waits until all of them have failed. */
async function refuse(count, tag) {
  await program.faults(REFUSED);
  for (let at = 0; at < count; at += 1) await program.postLead({ name: `${tag} ${at}`, email: `${tag}.${at}@refused.example`.toLowerCase(), source: tag.toLowerCase() });
  const page = await pageOf("viewer");
  await openLive(page, `/leads?status=failed&source=${tag.toLowerCase()}`);
  await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, Math.min(count, 50));
  await page.context().close();
}

test("all failed leads are sent again, from the list over the preview to the end", async () => {
  await refuse(12, "Bulk");
  await program.clearFaults();
  const page = await pageOf("operator");
  await page.goto("/leads?source=bulk");
  await page.getByText("All that match").click();
  await page.getByRole("link", { name: "Send all failed ones again…" }).click();
  await heading(page).getByText("Send again all leads that fit").waitFor();
  await page.getByRole("heading", { name: "12 leads" }).waitFor();
  await page.getByText("has the state Failed, came from bulk").waitFor();
  assert.equal(await rows(page).count(), 10, "the first ones are shown");
  await assertPageRules(page, "a preview");

  await page.getByLabel("Reason").fill("The field is there now");
  await page.getByRole("button", { name: "Send again 12 leads" }).click();
  await page.getByRole("status").getByText("It has started.").waitFor();
  await heading(page).getByText("Done").waitFor();
  await page.getByText("all 12 that were met").waitFor();
  await page.getByText("The field is there now").waitFor();
  const bar = page.getByRole("progressbar");
  assert.deepEqual([await bar.getAttribute("max"), await bar.getAttribute("value")], ["12", "12"]);
  await assertPageRules(page, "an operation");
  await page.goto("/operations");
  await rows(page).filter({ hasText: "Send again 12 leads" }).getByText("12 put in the queue").waitFor();
  await assertPageRules(page, "the list of operations");
  await openLive(page, "/leads?status=sent&source=bulk");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 12);
  const arrived = (await program.ledger()).filter((record) => /bulk/i.test(record.Last_Name + record.Email));
  assert.equal(arrived.length, 12, "each once");
  assertUntroubled(page);
});

test("a preview of nothing says so, and a viewer is offered none of it", async () => {
  const page = await pageOf("operator");
  await page.goto("/operations/preview?subject=jobs&act=discard&text=nobody-said-this");
  await page.getByText("Nothing would be done").waitFor();
  await assertPageRules(page, "a preview of nothing");
  const viewer = await pageOf("viewer");
  await viewer.goto("/outbox");
  assert.equal(await viewer.getByText("All that match").count(), 0);
  assert.equal(await viewer.locator("[data-row-check]").count(), 0);
  await viewer.goto("/operations/preview?subject=jobs&act=retry");
  await viewer.getByText("Your role does not allow this").waitFor();
  assertUntroubled(page);
});

test("ticked jobs: a bar counts them, a dialog asks, the list keeps its filter", async () => {
  await refuse(4, "Ticked");
  const page = await pageOf("operator");
  await page.goto("/outbox?state=failed&class=validation");
  const bar = page.getByText("selected", { exact: false }).locator("xpath=ancestor::form");
  assert.equal(await page.locator("form.bulk").isVisible(), false, "the bar waits until a row is ticked");
  await page.getByRole("checkbox", { name: /^Select job/ }).nth(0).check();
  await page.getByRole("checkbox", { name: /^Select job/ }).nth(1).check();
  await bar.getByText("2 selected").waitFor();
  await assertPageRules(page, "a list with ticked rows");
  await bar.getByRole("button", { name: "Cancel" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Cancel 2 jobs?" }).waitFor();
  await assertPageRules(page, "the question before ticked jobs are cancelled");
  await dialog.getByRole("button", { name: "Cancel 2 jobs" }).click();
  await page.getByRole("status").getByText("2 jobs cancelled.").waitFor();
  assert.equal(new URL(page.url()).search, "?state=failed&class=validation");
  await page.getByRole("checkbox", { name: "Select all jobs on this page" }).check();
  await page.locator("form.bulk").getByRole("button", { name: "Retry" }).click();
  await page.getByRole("status").getByText(/\d+ jobs will run again now\./).waitFor();
  assertUntroubled(page);
});

test("rows that are ticked stay where they are while the list changes", async () => {
  await refuse(2, "Held");
  const page = await pageOf("operator");
  await openLive(page, "/leads");
  const box = page.getByRole("row").filter({ hasText: "Held 0" }).getByRole("checkbox");
  await box.check();
  await page.mouse.move(0, 0);
  await program.postLead({ name: "Newcomer", email: "newcomer@example.com" });
  await page.getByRole("button", { name: /new: show|has changed: show/ }).waitFor();
  assert.equal(await box.isChecked(), true);
  assert.equal(await rows(page).filter({ hasText: "Newcomer" }).count(), 0);
  await box.uncheck();
  await heading(page).click();
  await rows(page).filter({ hasText: "Newcomer" }).waitFor();
  assertUntroubled(page);
});

test("without script: tick, send again, preview, start, cancel what has ended", async () => {
  await refuse(3, "Plain");
  const page = await pageOf("operator", { javaScriptEnabled: false, viewport: PHONE });
  await page.goto("/leads?status=failed&source=plain");
  await page.getByRole("checkbox", { name: /^Select lead/ }).first().check();
  await page.locator("form.bulk").getByRole("button", { name: "Send again" }).click();
  await page.getByRole("status").getByText("1 lead will be sent again now.").waitFor();
  assert.equal(new URL(page.url()).search, "?status=failed&source=plain");
  await program.clearFaults();
  await page.goto("/operations/preview?subject=leads&act=retry&status=failed&source=plain");
  await page.getByRole("button", { name: /^Send again \d leads?$/ }).click();
  const deadline = Date.now() + 20_000;
  while (!(await heading(page).textContent()).includes("Done")) {
    assert.ok(Date.now() < deadline, "it never ended");
    await page.reload();
  }
  assert.equal(await page.getByRole("button", { name: "Cancel operation" }).count(), 0);
  assertUntroubled(page);
});

test("by the keyboard alone: move, tick, open, search, help, and all of it off", async () => {
  await refuse(2, "Keys");
  const page = await pageOf("operator");
  await page.goto("/leads?status=failed&source=keys");
  const focused = () => page.evaluate(() => document.activeElement.closest("tr")?.id ?? document.activeElement.id);
  const ids = await rows(page).evaluateAll((all) => all.map((row) => row.id));
  await page.keyboard.press("j");
  assert.equal(await focused(), ids[0]);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.equal(await focused(), ids[1], "the last row is the end");
  await page.keyboard.press("k");
  await page.keyboard.press("x");
  assert.equal(await rows(page).nth(0).getByRole("checkbox").isChecked(), true);
  await page.getByText("1 selected").waitFor();
  await page.keyboard.press("/");
  assert.equal(await focused(), "q", "the search");
  await page.keyboard.type("jkx?");
  assert.equal(await page.locator("#q").inputValue(), "jkx?", "in a field they are letters");
  await page.locator("#q").blur();
  await page.keyboard.press("Control+j");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  await assertPageRules(page, "the help about keys");
  await help.getByRole("checkbox", { name: "Use these keys in this browser" }).uncheck();
  await help.getByRole("button", { name: "Close" }).click();
  await page.reload();
  await page.keyboard.press("j");
  assert.notEqual(await focused(), ids[0], "switched off they do nothing");
  await page.getByLabel("account and theme").click();
  await page.getByRole("button", { name: "Keys" }).click();
  await help.getByRole("checkbox").check();
  await page.keyboard.press("Escape");
  await page.locator("body").click({ position: { x: 1, y: 1 } });
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/leads/*");
  await page.goBack();
  await pressUntilFocused(page, page.getByText("All that match"));
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Send all failed ones again…" }).waitFor();
  assertUntroubled(page);
});

test("a list comes as a file with its filter", async () => {
  const page = await pageOf("viewer", { acceptDownloads: true });
  await page.goto("/leads?source=bulk");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  assert.equal(file.suggestedFilename(), "leads.csv");
  const text = await readFile(await file.path(), "utf8");
  assert.ok(text.startsWith("\ufeffid,received_at,kind,source,"));
  assert.equal(text.trim().split("\r\n").length, 13, "a header and twelve leads");
  await page.getByRole("link", { name: "JSON" }).click();
  assert.equal(JSON.parse(await page.locator("body").innerText()).leads.length, 12);
});

test("a filter is saved under a name, shown as a link, renamed and deleted", async () => {
  const page = await pageOf("operator");
  await page.goto("/leads?status=failed&source=bulk");
  await page.getByText("Save this filter").click();
  await page.getByLabel("Name of the filter").fill("Refused in bulk");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("status").getByText("The filter is saved").waitFor();
  await assertPageRules(page, "a list with a saved filter");
  await page.goto("/leads");
  await page.getByRole("link", { name: "Refused in bulk" }).click();
  assert.equal(new URL(page.url()).search, "?status=failed&source=bulk");
  const viewer = await pageOf("viewer");
  await viewer.goto("/leads");
  assert.equal(await viewer.getByRole("link", { name: "Refused in bulk" }).count(), 0, "it is nobody else's");
  await page.goto("/filters");
  await page.getByLabel("New name of Refused in bulk").fill("Bulk, refused");
  await page.getByRole("button", { name: "Rename Refused in bulk" }).click();
  await page.getByRole("link", { name: "Bulk, refused" }).waitFor();
  await assertPageRules(page, "the page of saved filters");
  await page.getByRole("button", { name: "Delete Bulk, refused" }).click();
  await page.getByText("No filter is saved yet").waitFor();
  await assertPageRules(page, "the page without saved filters");
  assertUntroubled(page);
});

test("a page whose stream is cut says how old it is, and recovers by itself", async () => {
  const page = await pageOf("viewer");
  await page.clock.install();
  await openLive(page, "/leads");
  const live = page.locator("[data-live]");
  await live.getByText("Live", { exact: true }).waitFor();
  await page.route("**/events*", (route) => route.abort());
  await program.stopServing();
  await page.clock.runFor(12_000);
  const stale = page.getByText("Live updates stopped");
  await stale.waitFor();
  await live.getByText("Not live").waitFor();
  await page.getByText(/What you see is \d+ s old/).waitFor();
  await page.getByRole("link", { name: "Refresh" }).waitFor();
  await assertPageRules(page, "a page that is out of date");

  await program.startServing();
  await program.postLead({ name: "Mary Jackson", email: "mary@example.com" });
  await page.getByRole("link", { name: "Refresh" }).click();
  await rows(page).filter({ hasText: "Mary Jackson" }).waitFor();
  assert.equal(await stale.isVisible(), true, "the list is fresh, the stream is not back yet");
  await page.unroute("**/events*");
  const deadline = Date.now() + 30_000;
  while (await stale.isVisible()) {
    assert.ok(Date.now() < deadline, "the page never recovered");
    await page.clock.runFor(5_000);
  }
  await live.getByText("Live", { exact: true }).waitFor();
});
