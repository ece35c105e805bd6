// First run: whoever reads the program's output creates the first admin, and nobody else can.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { PASSWORD, Quiet } from "./support/program.js";

let browser, program, page;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: [], connected: false })]);
  page = await watched(await contextOf(browser, program));
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function fill(code, email, password) {
  await page.getByLabel("One-time code").fill(code);
  await page.getByLabel("Mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create admin" }).click();
}

test("every address leads to the set-up while there is no user", async () => {
  await page.goto("/leads");
  await page.waitForURL("**/setup");
  await assertPageRules(page, "set-up");
});

test("a wrong code is refused, and what was typed is kept", async () => {
  await fill("AAAA-AAAA-AAAA", "ada@example.com", PASSWORD);
  await page.getByText("This is not the code that was printed").waitFor();
  assert.equal(await page.getByLabel("Mail address").inputValue(), "ada@example.com");
  assert.equal(await page.getByLabel("One-time code").getAttribute("aria-invalid"), "true");
  await assertPageRules(page, "set-up with a mistake");
  await page.goto("/");
  assert.equal(new URL(page.url()).pathname, "/setup", "nobody is signed in");
});

test("the code of the log lets the first admin in, once", async () => {
  const [, code] = await program.serve.line(/one-time code ([A-Z0-9-]+)/);
  await page.goto("/setup");
  await fill(code, "ada@example.com", PASSWORD);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await assertPageRules(page, "the overview of an installation without leads and without a connection");

  const other = await watched(await contextOf(browser, program));
  await other.goto("/setup");
  assert.equal(new URL(other.url()).pathname, "/login", "there is nothing to set up any more");
  assertUntroubled(page);
  assertUntroubled(other);
});
