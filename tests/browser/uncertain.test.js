// A CRM without the unique field, and an answer that was lost: a person looks, and decides.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  const settings = { ZOHO_EXTERNAL_FIELD: "A_Field_The_CRM_Lacks" };
  [browser, program] = await Promise.all([launch(), Quiet.start({ settings })]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

const heading = (page) => page.getByRole("heading", { level: 1 });
const records = async (email) => (await program.ledger()).filter((record) => record.Email === email);

/** A lead whose answer broke off after the CRM had taken it in, and the page of its job. */
async function lostAnswer(page, email) {
  await program.faults({ fault: "truncated", path: "/crm/v8/Leads", times: 1, match: { field: "Email", equals: email } });
  const { id } = await program.postLead({ name: "Joan Clarke", email });
  await openLive(page, `/leads/${id}`);
  await heading(page).getByText("Needs a look").waitFor();
  await assertPageRules(page, "a lead that needs a look");
  await page.getByRole("link", { name: "Decide what happened" }).click();
  await page.getByText("It may have arrived, and is looked up by itself.").waitFor();
  await page.getByText(/The next look is at \d\d:\d\d:\d\d/).waitFor();
  return id;
}

test("it arrived: the job is marked as done, with what was seen, and nothing is sent twice", async () => {
  const page = await watched(await contextOf(browser, program, { storageState }));
  const id = await lostAnswer(page, "joan@example.com");
  await assertPageRules(page, "a job that needs a look");
  await page.getByRole("button", { name: "It arrived: mark done" }).click();
  const dialog = page.getByRole("dialog", { name: "Mark this job as done?" });
  await dialog.getByLabel("What you saw").fill("Joan Clarke is in the CRM");
  await dialog.getByRole("button", { name: "Mark as done" }).click();
  await heading(page).getByText("Done").waitFor();
  await page.getByText("Joan Clarke is in the CRM").waitFor();
  await page.goto(`/leads/${id}`);
  await heading(page).getByText("Sent").waitFor();
  assert.equal((await records("joan@example.com")).length, 1);
  assertUntroubled(page);
});

test("the overview and the lists ask for the look", async () => {
  const page = await watched(await contextOf(browser, program, { storageState }));
  await lostAnswer(page, "again@example.com");
  for (const path of ["/", "/leads?status=uncertain", "/outbox?state=uncertain"]) {
    await page.goto(path);
    await page.getByRole("main").getByText(/need(s)? a look/i).first().waitFor();
    await assertPageRules(page, `${path} with something that needs a look`);
  }
  assertUntroubled(page);
});
