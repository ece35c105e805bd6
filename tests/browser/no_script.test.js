// Every page and every action with script switched off.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { contextOf, launch, signIn, watched, PHONE } from "./support/browser.js";
import { Quiet } from "./support/program.js";

/** More than a page of the list holds. */
const LEADS = 55;

let browser, program, page;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } });
  for (let at = 0; at < LEADS; at += 1) await program.postLead({ name: `Visitor ${at}`, email: `visitor.${at}@example.com`, source: at % 2 ? "website" : "partner" });
  page = await watched(await contextOf(browser, program, { javaScriptEnabled: false }));
  await signIn(page, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

const heading = () => page.getByRole("heading", { level: 1 });
const rows = () => page.locator("tbody tr");

/** Loads the page again until it says so: that is what a person without script does. */
async function reloadUntil(text) {
  const deadline = Date.now() + 20_000;
  while (!(await heading().textContent()).includes(text)) {
    assert.ok(Date.now() < deadline, `${page.url()} never said ${text}`);
    await page.reload();
  }
}

test("the list is paged, filtered and searched", async () => {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Leads" }).click();
  assert.equal(await rows().count(), 50);
  await page.getByRole("link", { name: "Older" }).click();
  assert.equal(await rows().count(), LEADS - 50);
  await page.getByRole("link", { name: "Visitor 0", exact: true }).waitFor();
  await page.getByRole("link", { name: "Newer" }).click();
  assert.equal(await rows().count(), 50);
  await page.getByRole("link", { name: `Visitor ${LEADS - 1}` }).waitFor();

  await page.getByRole("combobox", { name: "Source" }).selectOption("partner");
  await page.getByRole("button", { name: "Filter" }).click();
  assert.equal(await rows().count(), Math.ceil(LEADS / 2));
  await page.getByRole("main").getByRole("searchbox").fill("visitor 1");
  await page.getByRole("button", { name: "Filter" }).click();
  assert.equal(await rows().count(), 5, "10, 12, 14, 16 and 18 came from partner");
  await page.getByRole("link", { name: "Clear" }).click();

  await page.getByRole("navigation", { name: "Leads by state" }).getByRole("link", { name: /^Sent/ }).click();
  assert.match(page.url(), /status=sent/);
  await page.getByRole("banner").getByRole("searchbox").fill("Visitor 42");
  await page.getByRole("banner").getByRole("searchbox").press("Enter");
  assert.equal(await rows().count(), 1);
});

test("a refused lead is corrected and sent again", async () => {
  const { id } = await program.postLead({ name: "Jürgen Groß", email: "juergen@refused.example" });
  await page.goto(`/leads/${id}`);
  await reloadUntil("Failed");
  await page.getByRole("link", { name: "Edit and send again" }).click();
  const mail = page.locator("#edit").getByLabel("Mail address");
  await mail.fill("nonsense");
  await page.getByRole("button", { name: "Save and send again" }).click();
  await page.getByText("Nothing was saved yet").waitFor();
  await mail.fill("juergen@example.com");
  await page.getByRole("button", { name: "Save and send again" }).click();
  await page.getByText("The correction is saved").waitFor();
  await reloadUntil("Sent");
});

test("a failed job runs again, a waiting one is cancelled", async () => {
  const { id } = await program.postLead({ name: "Ada Lovelace", email: "ada@refused.example" });
  await page.goto(`/leads/${id}`);
  await reloadUntil("Failed");
  await page.locator("dd a[href^='/outbox/']").click();
  await page.getByText("Request and answer").click();
  await page.getByLabel("answer", { exact: true }).waitFor();
  await program.clearFaults();
  await page.getByRole("button", { name: "Run again now" }).click();
  await page.getByText("will run again now").waitFor();
  await reloadUntil("Done");

  await program.faults({ fault: "refuse_record", code: "RECORD_LOCKED", match: { field: "Email", equals: "locked@example.com" } });
  const locked = await program.postLead({ name: "Lise Meitner", email: "locked@example.com" });
  await page.goto(`/leads/${locked.id}`);
  await reloadUntil("Retrying");
  await page.locator("dd a[href^='/outbox/']").click();
  await page.getByRole("button", { name: "Cancel job" }).click();
  await page.getByText("is cancelled").waitFor();
  await heading().getByText("Cancelled").waitFor();
});

test("theme, account menu, the menu of a phone, and signing out", async () => {
  await page.goto("/account");
  await page.getByRole("main").getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.equal(new URL(page.url()).pathname, "/account", "back where it was chosen");

  await page.setViewportSize(PHONE);
  const main = page.getByRole("navigation", { name: "Main" });
  await main.waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "Open menu" }).click();
  await main.getByRole("link", { name: "Outbox" }).click();
  await heading().getByText("Outbox").waitFor();

  await page.getByLabel("account and theme").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading().getByText("Sign in").waitFor();
});
