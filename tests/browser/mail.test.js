// Mail: a preference, a test mail that is seen in the sandbox's inbox, previews, the answer to those who write; with script
// and without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, states;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "admin"], mail: true })]);
  states = { viewer: await session(browser, program, "viewer@example.com"), admin: await session(browser, program, "admin@example.com") };
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function pageOf(role, options = {}) {
  return watched(await contextOf(browser, program, { storageState: states[role], ...options }));
}

/** Looks into the inbox again when a mail with this subject is there, and opens it. */
async function openMail(page, subject) {
  await page.goto(`${program.sandboxUrl}/inbox`);
  const isThere = async (subject) => (await (await fetch("/inbox")).text()).includes(subject);
  await page.waitForFunction(isThere, subject, { polling: 500, timeout: 60_000 });
  await page.getByRole("link", { name: "Look again" }).click();
  await page.getByRole("link", { name: subject }).first().click();
  await page.getByRole("heading", { level: 1 }).getByText(subject).waitFor();
}

test("a person chooses to be told at once, and a lead comes into the inbox", async () => {
  const page = await pageOf("viewer");
  await page.goto("/account");
  const panel = page.locator("#mail");
  assert.equal(await panel.getByLabel("When you are told").inputValue(), "off", "nobody is told who did not ask");
  await panel.getByLabel("When you are told").selectOption("at_once");
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("You are told of each new lead by mail.").waitFor();
  await assertPageRules(page, "the account with a choice");
  assertUntroubled(page);

  await program.postLead({ name: "عائشة الحدّاد", email: "aisha@example.net", company: "Oasis", message: "Two, please." });
  const inbox = await pageOf("viewer");
  await openMail(inbox, "New lead: عائشة الحدّاد (Oasis)");
  await inbox.frameLocator("iframe").getByText("Two, please.").waitFor();
  await inbox.getByText("List-Id: <new-leads.example.com>").waitFor();
  await assertPageRules(inbox, "a mail in the inbox of the sandbox");
  assertUntroubled(inbox);
});

test("an admin sends a test mail, reads the server's answer and finds it in the inbox", async () => {
  const page = await pageOf("admin");
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Mail" }).click();
  await page.getByRole("button", { name: "Send a test mail to me" }).click();
  await page.getByRole("status").getByText(/took the test mail to admin@example\.com\. Its answer: 250/).waitFor();
  await assertPageRules(page, "the page of mail");
  await page.getByRole("link", { name: "Inbox of the sandbox" }).click();
  await page.getByRole("link", { name: "Test mail from Throughline" }).click();
  await page.frameLocator("iframe").getByText("Mail works").waitFor();
  assertUntroubled(page);
});

test("each mail can be looked at before one is sent", async () => {
  const page = await pageOf("admin");
  for (const label of ["A new lead, to staff", "Leads that came close together, to staff", "The answer to the person who wrote"]) {
    await page.goto("/settings/mail");
    await page.getByRole("link", { name: label, exact: true }).click();
    await page.getByText("with made-up facts").waitFor();
    await page.frameLocator("iframe").getByRole("heading", { level: 1 }).waitFor();
    await assertPageRules(page, `the preview of: ${label}`);
  }
  assertUntroubled(page);
});

test("the answer is written, refused with its mistakes, and sent in the language of the form, all without script", async () => {
  const page = await pageOf("admin", { javaScriptEnabled: false });
  await page.goto("/settings/mail");
  await page.getByLabel("Answer whoever writes to us").check();
  await page.getByLabel("Language").first().fill("english");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("english: the language is a tag such as en, ar or pt-BR.").waitFor();
  assert.ok(await page.getByLabel("Answer whoever writes to us").isChecked(), "what was chosen is kept");
  await page.getByLabel("Language").first().fill("en");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("Whoever writes to us is answered from now on.").waitFor();

  await program.postLead({ name: "Grace Hopper", email: "grace@example.net" });
  const inbox = await pageOf("admin");
  await openMail(inbox, "We have your enquiry");
  assert.equal(await inbox.getByText("Hopper").count(), 0, "nothing of what was typed is in it");
});

test("a viewer is not let in", async () => {
  const page = await pageOf("viewer");
  await page.goto("/");
  assert.equal(await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Mail" }).count(), 0);
  const answer = await page.goto("/settings/mail");
  assert.equal(answer.status(), 403);
});
