// A lead that Zoho refuses: why, corrected, sent again. By mouse, by keyboard alone, and with hostile text in it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  storageState = await session(browser, program, "operator@example.com");
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } });
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage() {
  return watched(await contextOf(browser, program, { storageState }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });

/** The record that the sandbox holds for an address. */
async function records(email) {
  return (await program.ledger()).filter((record) => record.Email === email);
}

test("a refused lead says why, is corrected and becomes Sent while one looks", async () => {
  const { id } = await program.postLead({ name: "Jürgen Groß", email: "juergen@refused.example", message: "Bitte um Rückruf.", items: [{ sku: "G65", quantity: 2 }] });
  const page = await newPage();
  await openLive(page, `/leads/${id}`);
  await heading(page).getByText("Failed").waitFor();
  await page.locator(".notice-bad").getByText(/Email/).waitFor();
  await page.getByText("Bitte um Rückruf.").first().waitFor();

  const form = page.locator("#edit");
  await page.getByRole("link", { name: "Edit and send again" }).click();
  assert.ok(await form.getByLabel("Name").evaluate((el) => el === document.activeElement), "the way to the form leads into it");
  await form.getByLabel("Mail address").fill("not an address");
  await form.getByLabel("Message").fill("Bitte um Rückruf nach 17 Uhr.");
  await form.getByRole("button", { name: "Save and send again" }).click();
  await page.getByRole("alert").getByText("Nothing was saved yet").waitFor();
  assert.equal(await form.getByLabel("Mail address").inputValue(), "not an address", "what was typed is kept");
  assert.equal(await form.getByLabel("Mail address").getAttribute("aria-invalid"), "true");

  await form.getByLabel("Mail address").fill("juergen@example.com");
  await form.getByRole("button", { name: "Save and send again" }).click();
  await page.getByRole("status").getByText("The correction is saved").waitFor();
  await heading(page).getByText("Sent").waitFor();
  await page.getByText("Arrived in Zoho CRM").waitFor();

  assert.equal((await records("juergen@example.com")).length, 1);
  assert.equal((await records("juergen@refused.example")).length, 0);
  await page.goto(`/leads/${id}`);
  await page.getByText("Bitte um Rückruf nach 17 Uhr.").first().waitFor();
  assertUntroubled(page);
});

test("the same by keyboard alone, each step with a visible focus", async () => {
  await program.postLead({ name: "Maria Mitchell", email: "maria@refused.example" });
  const page = await newPage();
  await page.goto("/leads");
  await page.getByRole("row").filter({ hasText: "Maria Mitchell" }).getByText("Failed").waitFor();

  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  await pressUntilFocused(page, page.getByRole("navigation", { name: "Leads by state" }).getByRole("link", { name: /Failed/ }));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/leads?status=failed");

  await page.keyboard.press("/");
  await pressUntilFocused(page, page.getByRole("link", { name: "Maria Mitchell" }));
  await page.keyboard.press("Enter");
  await heading(page).getByText("Maria Mitchell").waitFor();

  const mail = page.locator("#edit").getByLabel("Mail address");
  await pressUntilFocused(page, mail);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("maria@example.com");
  await pressUntilFocused(page, page.getByRole("button", { name: "Save and send again" }));
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("The correction is saved").waitFor();
  await heading(page).getByText("Sent").waitFor();
  assert.equal((await records("maria@example.com")).length, 1);

  await pressUntilFocused(page, page.getByLabel("account and theme"));
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Sign out" }).waitFor({ state: "hidden" });
  assert.ok(await page.getByLabel("account and theme").evaluate((el) => el === document.activeElement), "Escape gives the focus back");
  assertUntroubled(page);
});

test("what is typed into a correction survives a change that arrives meanwhile", async () => {
  const { id } = await program.postLead({ name: "Emmy Noether", email: "emmy@refused.example" });
  const page = await newPage();
  await openLive(page, `/leads/${id}`);
  await heading(page).getByText("Failed").waitFor();
  await page.getByRole("link", { name: "Edit and send again" }).click();
  const name = page.locator("#edit").getByLabel("Name");
  await name.fill("Amalie Emmy Noether");
  const refreshed = page.waitForResponse((answer) => new URL(answer.url()).pathname === `/leads/${id}`);
  await program.postLead({ name: "Someone else", email: "else@example.com" });
  await refreshed;
  assert.equal(await name.inputValue(), "Amalie Emmy Noether");
  assert.ok(await name.evaluate((el) => el === document.activeElement));
  assertUntroubled(page);
});

test("HTML in a lead is text on every page that shows it", async () => {
  const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  const lead = await program.postLead({
    name: hostile,
    email: "mallory@refused.example",
    company: `"><b id=owned>${hostile}`,
    message: `</p>${hostile}`,
    source: `<i id=owned>form</i>`,
    items: [{ sku: hostile, quantity: 1 }],
    "</dd><b id=owned>": hostile,
  });
  const page = await newPage();
  page.on("dialog", (dialog) => page.troubles.push(`a dialog: ${dialog.message()}`));
  await openLive(page, `/leads/${lead.id}`);
  await heading(page).getByText("Failed").waitFor();
  assert.ok((await heading(page).textContent()).includes(hostile));
  for (const path of [`/leads/${lead.id}`, "/leads", "/", `/lines/${lead.line}`, "/outbox", `/leads?text=${encodeURIComponent(hostile)}`]) {
    await page.goto(path);
    assert.equal(await page.locator("#owned, img[src=x]").count(), 0, `${path}: no element comes out of a lead`);
    assert.notEqual(await page.title(), "owned", path);
  }
  assertUntroubled(page);
});

test("right-to-left names stand alone and do not turn the line around", async () => {
  await program.postLead({ name: "عائشة الحدّاد 🎈", email: "aisha@example.com" });
  const page = await newPage();
  await page.goto("/leads");
  const name = page.getByRole("link", { name: "عائشة الحدّاد 🎈" }).locator("bdi");
  assert.equal(await name.evaluate((el) => getComputedStyle(el).unicodeBidi), "isolate");
});

test("a search finds a name, keeps its words, and says so when there is nothing", async () => {
  await program.postLead({ name: "Ærøskøbing Værft", email: "post@example.com" });
  const page = await newPage();
  await page.goto("/leads");
  await page.keyboard.press("/");
  await page.keyboard.type("ærøSKØB");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Ærøskøbing Værft" }).waitFor();
  assert.equal(await page.getByRole("main").getByRole("searchbox").inputValue(), "ærøSKØB");

  await page.getByRole("main").getByRole("searchbox").fill("nobody");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("No leads match").waitFor();
  await page.getByRole("link", { name: "Clear" }).click();
  await page.waitForURL("**/leads");
  assertUntroubled(page);
});
