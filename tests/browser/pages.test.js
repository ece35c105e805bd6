// Every page in every state it can be in: accessible, nothing to scroll sideways, nothing inline, no complaint of the browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched, PHONE } from "./support/browser.js";
import { assertAccessible, assertFits, assertPageRules, assertPageRulesInEveryLook } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

/** As long as people's names and addresses get, without a place to break. */
const LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe";

let browser, program, storageState, adminState, lines;
/** The pages in which those that only need to be looked at are opened, one after the other. */
let shown, shownToAdmin;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["operator", "admin"] })]);
  storageState = await session(browser, program, "operator@example.com");
  adminState = await session(browser, program, "admin@example.com");
  await program.faults(
    { fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } },
    { fault: "refuse_record", code: "RECORD_LOCKED", match: { field: "Email", ends_with: "@locked.example" } },
  );
  const everything = {
    phone: "+971 50 123 4567", company: `${LONG} & Söhne`, message: `Zwei Stück, bitte.\n\n${LONG} https://www.example.com/${LONG}`,
    items: [{ sku: "G65", quantity: 2 }, { sku: LONG, quantity: 1 }], page_url: `https://www.example.com/${LONG}`,
    consent: { given: true, wording: "Yes, you may write to me." }, utm_source: "newsletter", a_field_of_their_own: { nested: ["kept", LONG] },
  };
  const leads = {
    sent: await program.postLead({ name: "عائشة الحدّاد 🎈", email: "aisha@example.com", ...everything }),
    failed: await program.postLead({ name: `Jürgen ${LONG}`, email: `${"j".repeat(60)}@refused.example`, ...everything }),
    retrying: await program.postLead({ name: "Lise Meitner", email: "lise@locked.example" }),
  };
  lines = leads;
  [shown, shownToAdmin] = await Promise.all([newPage(), newPage(adminState)]);
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage(state = storageState) {
  return watched(await contextOf(browser, program, { storageState: state }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });

for (const [state, label] of [["sent", "Sent"], ["failed", "Failed"], ["retrying", "Retrying"]]) {
  test(`a lead that is ${state}, its job and its line`, async () => {
    const page = await newPage();
    await page.goto(`/leads/${lines[state].id}`);
    await heading(page).getByText(label).waitFor();
    const job = await page.locator("dd a[href^='/outbox/']").getAttribute("href");
    for (const path of [`/leads/${lines[state].id}`, job, `/lines/${lines[state].line}`]) {
      await page.goto(path);
      const closed = page.locator(".disclose:not([open]) > summary");
      while ((await closed.count()) > 0) await closed.first().click();
      await assertPageRulesInEveryLook(page, `${path} (${state})`);
    }
    assertUntroubled(page);
  });
}

for (const path of ["/", "/orders", "/orders/unmatched", "/orders?state=to_look_at", "/timeline", "/timeline?kind=lead&human=yes", "/contacts", "/contacts?text=nobody", "/companies", "/connections/books", "/leads", "/leads?status=failed", "/leads?text=nobody-has-this-name", "/outbox", "/outbox?state=uncertain", "/outbox?text=nobody-said-this", "/operations", "/operations/preview?subject=jobs&act=retry", "/filters", "/connections", "/connections/zoho", "/connections/zoho/mapping", "/quarantine", "/schedules", "/schedules/leads.sweep", "/processes", "/health", "/settings/seller", "/settings/forms", "/forms/quote", "/account", "/products", "/products?text=nobody-sells-this", "/products?show=unpriced", "/products/new", "/products/imports", "/price-lists", "/price-lists/new"]) {
  test(`the page ${path}`, async () => {
    shown.troubles.length = 0;
    await shown.goto(path);
    await assertPageRulesInEveryLook(shown, path);
    assertUntroubled(shown);
  });
}

for (const path of ["/connections/zoho", "/connections/zoho/disconnection", "/connections/zoho/mapping", "/settings/mail", "/settings/seller", "/settings/forms", "/imports", "/account"]) {
  test(`the page ${path}, as an admin sees it`, async () => {
    shownToAdmin.troubles.length = 0;
    await shownToAdmin.goto(path);
    await assertPageRulesInEveryLook(shownToAdmin, `${path}, as an admin`);
    assertUntroubled(shownToAdmin);
  });
}

test("forms with mistakes: a correction, a password, a sign-in", async () => {
  const page = await newPage();
  await page.goto(`/leads/${lines.failed.id}`);
  await page.locator("#edit").getByLabel("Mail address").fill("nonsense");
  await page.getByRole("button", { name: "Save and send again" }).click();
  await page.getByText("Nothing was saved yet").waitFor();
  await assertPageRules(page, "a correction with a mistake");

  await page.goto("/account");
  await page.getByLabel("Current password").fill("wrong");
  await page.getByLabel("New password").fill("not the current one");
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("This is not your current password.").waitFor();
  await assertPageRules(page, "a change of password with a mistake");

  const stranger = await watched(await contextOf(browser, program));
  await stranger.goto("/login");
  await assertPageRulesInEveryLook(stranger, "sign-in");
  await stranger.getByLabel("Mail address").fill("operator@example.com");
  await stranger.getByLabel("Password", { exact: true }).fill("wrong");
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await stranger.getByRole("alert").waitFor();
  await assertPageRules(stranger, "sign-in with a mistake");
  assertUntroubled(page);
  assertUntroubled(stranger);
});

test("what opens over a page: the account menu, the menu of a phone, a dialog, a message", async () => {
  const page = await newPage();
  await page.goto("/account");
  await page.getByLabel("account and theme").click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await assertPageRules(page, "the account menu");

  await page.setViewportSize(PHONE);
  await page.goto("/leads");
  await page.getByRole("link", { name: "Open menu" }).click();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Outbox" }).waitFor();
  await assertAccessible(page, "the menu of a phone");
  await assertFits(page, "the menu of a phone");
  await page.keyboard.press("Escape");
  await page.getByRole("navigation", { name: "Main" }).waitFor({ state: "hidden" });

  // One of its own: by now the tries of the one above may be used up.
  const retrying = await program.postLead({ name: "Max Born", email: "max@locked.example" });
  await page.goto(`/leads/${retrying.id}`);
  await heading(page).getByText("Retrying").waitFor();
  await page.locator("dd a[href^='/outbox/']").click();
  await page.getByRole("button", { name: "Cancel job" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").waitFor();
  await assertPageRulesInEveryLook(page, "the dialog of a cancellation");
  await dialog.getByRole("button", { name: "Cancel job" }).click();
  await page.getByRole("status").getByText("is cancelled").waitFor();
  await assertPageRulesInEveryLook(page, "a page with a message");
  assertUntroubled(page);
});

test("the rules bite: each planted mistake is found", async () => {
  const page = await newPage();
  await page.goto("/account");
  const plant = (html) => page.evaluate((html) => document.querySelector("main").insertAdjacentHTML("beforeend", html), html);
  await plant(`<div class="planted"><button></button></div>`);
  await page.evaluate(() => { document.querySelector(".planted").style.width = "3000px"; });
  await assert.rejects(assertAccessible(page, "planted"), /button-name/);
  await assert.rejects(assertFits(page, "planted"), /too wide/);
  assertUntroubled(page);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.ran), undefined, "the policy forbids inline scripts");
  assert.ok(page.troubles.length > 0, "and the violation is seen");
});
