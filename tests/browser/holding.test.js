// What holds jobs, and holding them on purpose: the page of connections, pauses of kinds and lanes, with and without script.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, signIn, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["operator", "viewer"] })]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage() {
  return watched(await contextOf(browser, program, { storageState }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });

async function unfoldAll(page) {
  const closed = page.locator(".disclose:not([open]) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
}

test("a connection is paused with a reason, its jobs say so, and go when it is resumed", async () => {
  const page = await newPage();
  await openLive(page, "/connections");
  // Zoho CRM is the first panel, Zoho Books the second.
  await page.getByText("It works: jobs go out as they become due.").waitFor();
  await page.getByRole("progressbar", { name: /^Calls in any 24 hours: / }).first().waitFor();
  await unfoldAll(page);
  await assertPageRules(page, "/connections");

  await page.getByLabel("Reason").first().fill("The CRM is being moved");
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();
  await page.getByRole("status").getByText("From now on Zoho CRM is paused.").waitFor();
  await page.getByText(/By operator of the tests, since .*until someone resumes it\. The CRM is being moved\./).waitFor();
  await unfoldAll(page);
  await assertPageRules(page, "/connections, paused");

  const lead = await program.postLead({ name: "Grace Hopper", email: "grace@example.com" });
  await page.goto(`/leads/${lead.id}`);
  await page.locator(".notice").filter({ hasText: "Is on hold, because Zoho CRM is paused: The CRM is being moved." }).waitFor();
  await page.goto("/connections");
  await page.getByRole("button", { name: /^Resume/ }).click();
  await page.getByRole("status").getByText("From now on Zoho CRM is no longer paused.").waitFor();
  await openLive(page, `/leads/${lead.id}`);
  await heading(page).getByText("Sent").waitFor();
  assertUntroubled(page);
});

test("a kind is paused until a moment, from the outbox", async () => {
  const page = await newPage();
  await page.goto("/outbox");
  await unfoldAll(page);
  await assertPageRules(page, "/outbox with its form");
  await page.getByLabel("What").selectOption("kind:leads.deliver");
  await page.getByLabel(/^Until/).fill("2099-01-01T12:00");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText("Jobs of the kind leads.deliver are paused", { exact: true }).waitFor();
  const lead = await program.postLead({ name: "Joan Clarke", email: "joan@example.com" });
  const row = page.getByRole("row").filter({ hasText: `Lead ${lead.id} ` });
  await row.getByText(/Is on hold, because jobs of the kind leads\.deliver are paused\. Until 1 Jan 2099, 12:00:00/).waitFor();
  await assertPageRules(page, "/outbox with a kind on hold");
  await page.getByRole("button", { name: /^Resume/ }).click();
  await row.getByText("Done").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Resume/ }).count(), 0);
  assertUntroubled(page);
});

test("without script a lane is paused and resumed", async () => {
  const page = await watched(await contextOf(browser, program, { javaScriptEnabled: false }));
  await signIn(page, "operator@example.com");
  await page.goto("/outbox");
  await page.getByText("Pause a kind or a lane").click();
  await page.getByLabel("What").selectOption("lane:backfill");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText("The lane backfill is paused", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Resume/ }).click();
  await page.getByText("From now on the lane backfill is no longer paused.").waitFor();
  assertUntroubled(page);
});

test("a viewer reads it all and is offered no pause", async () => {
  const page = await watched(await contextOf(browser, program, { storageState: await session(browser, program, "viewer@example.com") }));
  for (const path of ["/connections", "/outbox"]) {
    await page.goto(path);
    assert.equal(await page.getByRole("main").locator("form[method=post]").count(), 0, path);
    await assertPageRules(page, `${path} as a viewer sees it`);
  }
  assertUntroubled(page);
});
