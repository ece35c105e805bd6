// Zoho connected in the browser: there and back through the sandbox's consent page, reconnecting, the field mapping, disconnecting.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, signIn, watched } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertAccessible, assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  const settings = { ZOHO_CLIENT_ID: "", ZOHO_CLIENT_SECRET: "" };
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "operator", "admin"], connected: false, settings })]);
  storageState = await session(browser, program, "admin@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage(options = { storageState }) {
  return watched(await contextOf(browser, program, options));
}

const heading = (page) => page.getByRole("heading", { level: 1 });
const said = (page, text) => page.getByRole("status").getByText(text).first().waitFor();

/** On the sandbox's page: whose account, and what is decided. */
async function decide(page, decision, organisation = "Sample Seller") {
  await page.waitForURL(/\/oauth\/v2\/auth/);
  await page.getByLabel("Organisation").selectOption({ label: organisation });
  await page.getByRole("button", { name: decision }).click();
  await page.waitForURL((url) => url.origin === program.url);
}

async function field(state) {
  const answer = await fetch(`${program.sandboxUrl}/__field`, { method: "POST", body: JSON.stringify({ state }) });
  assert.equal(answer.status, 200);
}

test("an admin connects: client typed in, refused once at Zoho, then accepted", async () => {
  const page = await newPage();
  await page.goto("/");
  await page.getByRole("link", { name: "Open the connection" }).click();
  await heading(page).getByText("Not connected").waitFor();
  await assertPageRules(page, "a connection that is not there");
  await page.getByRole("button", { name: "Sign in at Zoho" }).click();
  await page.getByRole("alert").getByText("Nothing was begun yet").waitFor();
  await assertPageRules(page, "a connection without a client");

  await page.getByLabel("Client id").fill("1000.TESTS");
  await page.getByLabel("Client secret").fill("a secret");
  await page.getByRole("button", { name: "Sign in at Zoho" }).click();
  await page.waitForURL(/\/oauth\/v2\/auth/);
  await assertAccessible(page, "the sandbox's consent page");
  await page.getByText("ZohoCRM.org.READ").waitFor();
  await decide(page, "Reject");
  await heading(page).getByText("Access was refused on Zoho's page").waitFor();
  await assertPageRules(page, "a sign-in that was refused");

  await page.goto("/connections/zoho");
  await page.getByText("Connect Zoho CRM").first().waitFor();
  await page.getByLabel("Client id").fill("1000.TESTS");
  await page.getByLabel("Client secret").fill("a secret");
  await page.getByRole("button", { name: "Sign in at Zoho" }).click();
  await decide(page, "Accept");
  await said(page, "Leads go to Sample Seller.");
  await heading(page).getByText("Connected").waitFor();
  assert.equal(new URL(page.url()).search, "", "nothing of the sign-in stays in the address");
  await page.getByText("Found and unique").waitFor();
  await assertPageRules(page, "a connection");
  assertUntroubled(page);
});

test("reconnecting is one click; another organisation is refused, and moved to by choice", async () => {
  const page = await newPage();
  await page.goto("/connections/zoho");
  await page.getByRole("button", { name: "Reconnect" }).click();
  await decide(page, "Accept");
  await said(page, "Zoho CRM is connected.");

  await page.getByRole("button", { name: "Reconnect" }).click();
  await decide(page, "Accept", "Another Seller");
  await heading(page).getByText("You signed in to another organisation").waitFor();
  await page.getByText("Nothing was changed").waitFor();
  await assertPageRules(page, "a sign-in to another organisation");
  await page.reload();
  await heading(page).getByText("This link was used before").waitFor();

  await page.goto("/connections/zoho");
  await page.getByText("Sample Seller (id").waitFor();
  await page.getByRole("button", { name: "Reconnect" }).click();
  await decide(page, "Accept", "Another Seller");
  await page.getByRole("button", { name: "Sign in again and move to “Another Seller”" }).click();
  await decide(page, "Accept", "Another Seller");
  await page.getByText("Another Seller (id").waitFor();
  await page.getByRole("button", { name: "Reconnect" }).click();
  await decide(page, "Accept");
  await page.getByRole("button", { name: "Sign in again and move to “Sample Seller”" }).click();
  await decide(page, "Accept");
  await said(page, "Leads go to Sample Seller.");
  assertUntroubled(page);
});

test("the unique field is missing, then not unique, then there", async () => {
  const page = await newPage();
  await page.goto("/connections/zoho");
  for (const [state, words, pill] of [["missing", "still have no field", "Missing"], ["not_unique", "still allows duplicate values", "Found, not unique"], ["unique", "each arrives exactly once", "Found and unique"]]) {
    await field(state);
    await page.getByRole("button", { name: "Check again" }).click();
    await said(page, words);
    await page.getByText(pill, { exact: true }).waitFor();
    if (state !== "unique") await assertPageRules(page, `the field for our id is ${state}`);
  }
  assertUntroubled(page);
});

test("a mapping is checked by the CRM's fields, shown on a lead, and saved", async () => {
  const page = await newPage();
  await page.goto("/connections/zoho");
  await page.getByRole("link", { name: "Edit the mapping" }).click();
  await page.getByText("An invented lead, as it would be sent").waitFor();
  await assertPageRules(page, "the mapping of the settings");

  const row = (n) => [page.getByLabel(`Field of the CRM, row ${n}`, { exact: true }), page.getByLabel(`Part of the lead, row ${n}`, { exact: true })];
  const [name, part] = row(8);
  await name.fill("Shoe_Size");
  await part.selectOption({ label: "the company" });
  await page.getByRole("button", { name: "Check and show on a lead" }).click();
  await page.getByRole("alert").getByText("The CRM's leads have no field Shoe_Size").waitFor();
  assert.equal(await name.getAttribute("aria-invalid"), "true");
  assert.equal(await name.inputValue(), "Shoe_Size", "what was typed stays");
  await assertPageRules(page, "a mapping with a mistake");

  await name.fill("Website");
  await part.selectOption({ label: "the address of the page" });
  await page.getByRole("button", { name: "Check and show on a lead" }).click();
  await page.getByText("The CRM takes this mapping. Nothing is saved yet").waitFor();
  await page.getByText("https://www.sample.example/products/g65", { exact: true }).waitFor();
  await assertPageRules(page, "a mapping that was checked");
  await page.getByRole("button", { name: "Save the mapping" }).click();
  await said(page, "The mapping is saved.");
  await page.getByText("by admin of the tests").waitFor();

  await program.postLead({ name: "Ada Lovelace", email: "ada@example.com", page_url: "https://www.example.com/pumps" });
  const sent = async () => (await program.ledger()).find((lead) => lead.Email === "ada@example.com");
  const deadline = Date.now() + 20_000;
  while (!(await sent())) assert.ok(Date.now() < deadline, "the lead never arrived");
  assert.equal((await sent()).Website, "https://www.example.com/pumps");

  await page.getByRole("button", { name: "Use the settings again" }).click();
  await said(page, "The mapping of the settings holds again.");
  await page.getByText("Lead 1, the newest, as it would be sent").waitFor();
  assertUntroubled(page);
});

test("others see it: a viewer and an operator are offered what they may do", async () => {
  for (const [role, buttons] of [["viewer", 0], ["operator", 1]]) {
    const page = await newPage({});
    await signIn(page, `${role}@example.com`);
    await page.goto("/connections/zoho");
    await page.getByText("Sample Seller (id").waitFor();
    assert.equal(await page.getByRole("button", { name: "Check again" }).count(), buttons, role);
    assert.equal(await page.getByRole("button", { name: "Reconnect" }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "Disconnect" }).count(), 0);
    await page.goto("/connections/zoho/mapping");
    await page.getByText("It takes an admin to change it.").waitFor();
    await assertPageRules(page, `the mapping as ${role}`);
    assertUntroubled(page);
  }
});

test("by the keyboard and without script: disconnect, and connect again", async () => {
  const page = await newPage({ storageState, javaScriptEnabled: false });
  await page.goto("/connections/zoho");
  await page.getByRole("link", { name: "Disconnect" }).click();
  await heading(page).getByText("Disconnect Zoho CRM?").waitFor();
  await page.getByLabel("Reason").fill("we tidy up");
  await page.getByRole("button", { name: "Disconnect Zoho CRM" }).click();
  await page.getByText("the grant is revoked at Zoho").first().waitFor();
  await page.getByText("we tidy up").waitFor();
  await page.getByRole("button", { name: "Reconnect", exact: true }).click();
  await decide(page, "Accept");
  await page.getByText("Zoho CRM is connected.").waitFor();

  const keys = await newPage();
  await keys.goto("/connections/zoho");
  await pressUntilFocused(keys, keys.getByRole("link", { name: "Disconnect" }));
  await keys.keyboard.press("Enter");
  await heading(keys).getByText("Disconnect Zoho CRM?").waitFor();
  await assertPageRules(keys, "the question before disconnecting");
  await pressUntilFocused(keys, keys.getByRole("link", { name: "Keep it connected" }));
  await keys.keyboard.press("Enter");
  await heading(keys).getByText("Connected").waitFor();
  await pressUntilFocused(keys, keys.getByRole("button", { name: "Reconnect", exact: true }));
  await keys.keyboard.press("Enter");
  await keys.waitForURL(/\/oauth\/v2\/auth/);
  await keys.getByRole("button", { name: "Accept" }).focus();
  await keys.keyboard.press("Enter");
  await said(keys, "Zoho CRM is connected.");
  assertUntroubled(keys);
});
