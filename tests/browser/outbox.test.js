// Jobs: what they tried, why they wait, and what an operator can do about it.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

beforeEach(() => program.clearFaults());

async function newPage() {
  return watched(await contextOf(browser, program, { storageState }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });

/** Opens the job that delivers a lead, through the list. */
async function openJob(page, lead, state) {
  await openLive(page, "/outbox?kind=leads.deliver");
  const row = page.getByRole("row").filter({ hasText: `Lead ${lead.id} ` });
  await row.getByText(state).waitFor();
  const stream = page.waitForResponse((answer) => new URL(answer.url()).pathname === "/events");
  await row.getByRole("link").click();
  await heading(page).getByText(state).waitFor();
  await stream;
}

test("a failed job shows its attempt, without secrets, and runs again when asked", async () => {
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", equals: "ada@example.com" } });
  const lead = await program.postLead({ name: "Ada Lovelace", email: "ada@example.com" });
  const page = await newPage();
  await openJob(page, lead, "Failed");

  await page.getByText("Attempt 1 failed").waitFor();
  await page.getByText("Request and answer").click();
  const request = await page.getByLabel("request", { exact: true }).textContent();
  assert.match(request, /upsert/i);
  assert.doesNotMatch(request, /Zoho-oauthtoken (?!\[hidden\])\S/, "the access token is not shown");
  assert.match(await page.getByLabel("answer", { exact: true }).textContent(), /INVALID_DATA/);

  await program.clearFaults();
  await page.getByRole("button", { name: "Run again now" }).click();
  await page.getByRole("status").getByText("will run again now").waitFor();
  await heading(page).getByText("Done").waitFor();
  assert.equal(await page.getByRole("button", { name: "Run again now" }).count(), 0, "nothing is left to do");
  assert.equal((await program.ledger()).filter((record) => record.Email === "ada@example.com").length, 1);
  assertUntroubled(page);
});

test("what a person has opened stays open while the page follows", async () => {
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", match: { field: "Email", equals: "open@example.com" } });
  const lead = await program.postLead({ name: "Otto Open", email: "open@example.com" });
  const page = await newPage();
  await openJob(page, lead, "Failed");
  await page.getByText("Request and answer").click();
  const path = new URL(page.url()).pathname;
  const refreshed = page.waitForResponse((answer) => new URL(answer.url()).pathname === path);
  await program.postLead({ name: "Someone else", email: "else@example.com" });
  await refreshed;
  assert.ok(await page.getByLabel("request", { exact: true }).isVisible());
  assertUntroubled(page);
});

test("a job that waits for its next try says until when, and can be cancelled with a reason", async () => {
  await program.faults({ fault: "refuse_record", code: "RECORD_LOCKED", match: { field: "Email", equals: "locked@example.com" } });
  const lead = await program.postLead({ name: "Lise Meitner", email: "locked@example.com" });
  const page = await newPage();
  await openJob(page, lead, "Retrying");
  const why = page.locator(".notice").filter({ hasText: "Why it waits" });
  assert.match(await why.textContent(), /\d\d:\d\d:\d\d/, "it says when it goes on");

  await page.getByRole("button", { name: "Cancel job" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel this job?" });
  assert.ok(await dialog.getByRole("button", { name: "Keep job" }).evaluate((el) => el === document.activeElement), "the safe choice has the focus");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await heading(page).getByText("Retrying").waitFor();

  await page.getByRole("button", { name: "Cancel job" }).click();
  await dialog.getByLabel("Reason").fill("she called us");
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await heading(page).getByText("Cancelled").waitFor();
  await page.getByText("she called us").waitFor();

  await page.goto(`/leads/${lead.id}`);
  await heading(page).getByText("Cancelled").waitFor();
  assertUntroubled(page);
});

test("a job whose provider is away waits, and says for what", async () => {
  await program.faults({ fault: "server_error", path: "/crm" });
  const lead = await program.postLead({ name: "Hedy Lamarr", email: "hedy@example.com" });
  const page = await newPage();
  await openLive(page, `/leads/${lead.id}`);
  const why = page.locator(".notice").filter({ hasText: "Why it waits" });
  await why.waitFor();
  assert.match(await why.textContent(), /Until \d\d:\d\d:\d\d/);
  await page.locator(".notice").filter({ hasText: /Zoho/ }).first().waitFor();
  await program.clearFaults();
  await page.getByRole("button", { name: "Send now" }).click();
  await heading(page).getByText("Sent").waitFor();
  assertUntroubled(page);
});

test("the list narrows by state and kind, in the address", async () => {
  const page = await newPage();
  await page.goto("/outbox");
  await page.getByRole("combobox", { name: "Kind" }).selectOption("leads.deliver");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/kind=leads\.deliver/);
  await page.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: /^Cancelled/ }).click();
  await page.waitForURL(/state=cancelled/);
  assert.match(page.url(), /kind=leads\.deliver/, "the kind stays");
  const rows = page.getByRole("main").getByRole("row");
  await page.getByRole("row").filter({ hasText: "leads.deliver" }).first().waitFor();
  assert.equal(await rows.filter({ hasText: "Done" }).count(), 0);

  await page.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: /^Needs a look/ }).click();
  await page.getByText("No jobs match").waitFor();
  assertUntroubled(page);
});

test("the line of a lead tells the whole story", async () => {
  const lead = await program.postLead({ name: "Rosalind Franklin", email: "rosalind@example.com" });
  const page = await newPage();
  await openLive(page, `/lines/${lead.line}`);
  for (const step of ["Lead received", "Attempt 1 succeeded", "Arrived in Zoho CRM"]) await page.getByText(step).first().waitFor();
  assertUntroubled(page);
});
