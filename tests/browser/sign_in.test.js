// Who gets in, who does not, and what belongs to one's own account.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, signIn, watched } from "./support/browser.js";
import { PASSWORD, Quiet } from "./support/program.js";

let browser, program;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "operator", "admin"] })]);
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function newPage(options) {
  return watched(await contextOf(browser, program, options));
}

async function attempt(page, email, password) {
  await page.getByLabel("Mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  const answer = page.waitForResponse((answer) => answer.request().method() === "POST");
  await page.getByRole("button", { name: "Sign in" }).click();
  return (await answer).status();
}

test("a wrong password is refused; the right one leads to the page that was asked for", async () => {
  const page = await newPage();
  await page.goto("/outbox?state=failed");
  assert.equal(new URL(page.url()).pathname, "/login");
  assert.equal(await attempt(page, "operator@example.com", "not the password"), 401);
  await page.getByRole("alert").getByText("The mail address or the password is wrong.").waitFor();
  assert.equal(await page.getByLabel("Mail address").inputValue(), "operator@example.com");

  await attempt(page, "operator@example.com", PASSWORD);
  await page.getByRole("heading", { level: 1, name: "Outbox" }).waitFor();
  assert.equal(new URL(page.url()).search, "?state=failed");
  assertUntroubled(page);
});

test("a password can be looked at before it is sent", async () => {
  const page = await newPage();
  await page.goto("/login");
  const field = page.getByLabel("Password", { exact: true });
  await page.getByRole("button", { name: "Show password" }).click();
  assert.equal(await field.getAttribute("type"), "text");
  await page.getByRole("button", { name: "Show password" }).click();
  assert.equal(await field.getAttribute("type"), "password");
});

test("too many wrong passwords close the account for a while, even to the right one", async () => {
  const page = await newPage();
  await page.goto("/login");
  for (let wrong = 0; wrong < 6; wrong += 1) assert.equal(await attempt(page, "viewer@example.com", `guess ${wrong}`), 401);
  assert.equal(await attempt(page, "viewer@example.com", PASSWORD), 429);
  await page.getByText("Too many wrong passwords. Try again in").waitFor();
  assertUntroubled(page);
});

test("signing out ends the session", async () => {
  const page = await newPage({ storageState: await session(browser, program, "operator@example.com") });
  await page.goto("/");
  const cookies = await page.context().cookies();
  await page.getByLabel("account and theme").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/login");

  await page.context().addCookies(cookies);
  await page.goto("/leads");
  assert.equal(new URL(page.url()).pathname, "/login", "a copy of the cookie is worth nothing now");
  assertUntroubled(page);
});

test("a new password ends the other sessions and keeps this one", async () => {
  const [page, other] = [await newPage(), await newPage()];
  await signIn(page, "admin@example.com");
  await signIn(other, "admin@example.com");

  await page.goto("/account");
  const change = async (current, next) => {
    await page.getByLabel("Current password").fill(current);
    await page.getByLabel("New password").fill(next);
    await page.getByRole("button", { name: "Change password" }).click();
  };
  await change("not the current one", "quite another sentence");
  await page.getByText("This is not your current password.").waitFor();
  await change(PASSWORD, "quite another sentence");
  await page.getByRole("status").getByText("Your password is changed; 1 other session ended.").waitFor();

  await page.goto("/");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await other.goto("/");
  assert.equal(new URL(other.url()).pathname, "/login");
  await signIn(other, "admin@example.com", "quite another sentence");
  assertUntroubled(page);
});

test("the theme is kept over reloads, on every page, before anything is drawn", async () => {
  const page = await newPage({ storageState: await session(browser, program, "operator@example.com"), colorScheme: "light" });
  await page.goto("/");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel("account and theme").click();
  const kept = page.waitForResponse((answer) => new URL(answer.url()).pathname === "/theme");
  await page.getByRole("button", { name: "Dark" }).click();
  await kept;
  assert.notEqual(await ground(), light, "it shows at once");

  for (const path of ["/", "/leads", "/account"]) {
    const answer = await page.goto(path);
    assert.match(await answer.text(), /<html[^>]* data-theme="dark"/, "the server writes it, so nothing flashes");
  }
  assert.equal(await page.getByRole("main").getByRole("button", { name: "Dark" }).getAttribute("aria-pressed"), "true");
  assertUntroubled(page);
});
