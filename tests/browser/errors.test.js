// What people see when something is not there, not allowed or asked for the wrong way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

for (const [path, status, words] of [
  ["/no-such-page", 404, "There is nothing at this address"],
  ["/leads/999999", 404, "lead"],
  ["/leads/not-a-number", 404, "There is nothing at this address"],
  ["/outbox/999999", 404, "job"],
  ["/lines/not-a-line", 404, "line"],
  ["/logout", 405, "This address takes POST"],
]) {
  test(`${path} is a ${status} in words, with a way back`, async () => {
    const page = await watched(await contextOf(browser, program, { storageState }));
    const answer = await page.goto(path);
    assert.equal(answer.status(), status);
    assert.match(await page.getByRole("heading", { level: 1 }).textContent(), new RegExp(words, "i"));
    assert.match(await page.getByRole("main").textContent(), /Reference [0-9a-f]{12}/);
    await assertPageRules(page, `${path} (${status})`);
    await page.getByRole("link", { name: "Go to the overview" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    assertUntroubled(page);
  });
}

test("a stranger learns no more than that there is nothing, and where to sign in", async () => {
  const page = await watched(await contextOf(browser, program));
  assert.equal((await page.goto("/no-such-page")).status(), 404);
  await assertPageRules(page, "the error page of a stranger");
  await page.goto("/leads/1");
  assert.equal(new URL(page.url()).pathname, "/login");
  assertUntroubled(page);
});

test("programs get the same as data", async () => {
  const ask = (path, init = {}) => fetch(program.url + path, { redirect: "manual", ...init, headers: { accept: "application/json", ...init.headers } });
  for (const [answer, status] of [
    [await ask("/no-such-page"), 404],
    [await ask("/leads"), 401],
    [await ask("/logout"), 405],
    [await ask("/login", { method: "POST", headers: { origin: "https://evil.example" }, body: new URLSearchParams({ email: "a", password: "b" }) }), 403],
  ]) {
    assert.equal(answer.status, status);
    assert.match(answer.headers.get("content-type"), /^application\/problem\+json/);
    const problem = await answer.json();
    assert.equal(problem.status, status);
    assert.ok(problem.title.length > 5);
  }
  assert.equal((await ask("/logout")).headers.get("allow"), "POST");
});
