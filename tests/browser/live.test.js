// Two people look at the same thing: one change, both see it, and neither loses their place.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, signIn, watched } from "./support/browser.js";
import { Quiet } from "./support/program.js";

/** More than a page of the list holds. */
const LEADS = 60;

let browsers, program, states;

before(async () => {
  [program, ...browsers] = await Promise.all([Quiet.start({ roles: ["operator", "admin"] }), launch(), launch()]);
  for (let at = 0; at < LEADS; at += 1) await program.postLead({ name: `Visitor ${at}`, email: `visitor.${at}@example.com` });
  states = [await session(browsers[0], program, "operator@example.com"), await session(browsers[1], program, "admin@example.com")];
});

after(() => Promise.all([...(browsers ?? []).map((browser) => browser.close()), program?.stop()]));

/** A page in each browser, with its stream open and a mark that a reload would wipe out. */
async function both(path) {
  return Promise.all(
    browsers.map(async (browser, at) => {
      const page = await watched(await contextOf(browser, program, { storageState: states[at] }));
      await openLive(page, path);
      await page.evaluate(() => { window.notReloaded = true; });
      return page;
    }),
  );
}

async function assertNotReloaded(...pages) {
  for (const page of pages) {
    assert.equal(await page.evaluate(() => window.notReloaded), true, "the page was not loaded again");
    assertUntroubled(page);
    await page.context().close();
  }
}

const row = (page, name) => page.getByRole("row").filter({ hasText: name });

beforeEach(() => program.clearFaults());

test("a lead that arrives appears in both lists; filter, focus, typed text and place are kept", async () => {
  const pages = await both("/leads?source=website");
  const places = [];
  for (const page of pages) {
    await page.getByRole("combobox", { name: "Source" }).selectOption("website");
    const search = page.getByRole("main").getByRole("searchbox");
    await search.fill("half a wo");
    await row(page, "Visitor 30").scrollIntoViewIfNeeded();
    await page.mouse.move(2, 2);
    places.push(await page.evaluate(() => window.scrollY));
    assert.ok(places.at(-1) > 300, "it is scrolled");
  }
  const seen = (page) => row(page, "Visitor 30").evaluate((el) => el.getBoundingClientRect().top);
  const before = await Promise.all(pages.map(seen));

  await program.postLead({ name: "Zoë from elsewhere", email: "zoe@example.com", source: "partner" });
  await program.postLead({ name: "Ada Lovelace", email: "ada@example.com" });

  for (const [at, page] of pages.entries()) {
    await row(page, "Ada Lovelace").getByText("Sent").waitFor({ state: "attached" });
    assert.equal(await row(page, "Zoë from elsewhere").count(), 0, "the filter holds");
    const search = page.getByRole("main").getByRole("searchbox");
    assert.equal(await search.inputValue(), "half a wo");
    assert.ok(await search.evaluate((el) => el === document.activeElement), "the focus is where it was");
    assert.equal(new URL(page.url()).search, "?source=website");
    const moved = Math.abs((await seen(page)) - before[at]);
    const scrolled = Math.abs((await page.evaluate(() => window.scrollY)) - places[at]);
    assert.ok(Math.min(moved, scrolled) <= 2, `the place is kept: moved ${moved} px, scrolled ${scrolled} px`);
  }
  await assertNotReloaded(...pages);
});

test("rows do not move under the pointer: the page says what is new instead", async () => {
  const [page, other] = await both("/leads");
  await row(page, "Visitor 59").hover();
  await program.postLead({ name: "Grace Hopper", email: "grace@example.com" });
  await row(other, "Grace Hopper").waitFor();
  await page.getByRole("button", { name: /new: show|has changed: show/ }).waitFor();
  assert.equal(await row(page, "Grace Hopper").count(), 0);
  await page.getByRole("button", { name: /new: show|has changed: show/ }).click();
  await row(page, "Grace Hopper").waitFor();
  await assertNotReloaded(page, other);
});

test("nor do they while the focus is in them", async () => {
  const [page, other] = await both("/leads");
  const link = page.getByRole("link", { name: "Visitor 57" });
  await link.focus();
  await program.postLead({ name: "Dorothy Vaughan", email: "dorothy@example.com" });
  await row(other, "Dorothy Vaughan").waitFor();
  await page.getByRole("button", { name: /1 new: show/ }).waitFor();
  assert.ok(await link.evaluate((el) => el === document.activeElement));
  await assertNotReloaded(page, other);
});

test("what one person corrects, the other sees", async () => {
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } });
  const { id } = await program.postLead({ name: "Jürgen Groß", email: "juergen@refused.example" });
  const [page, other] = await both("/leads");
  for (const one of [page, other]) await row(one, "Jürgen Groß").getByText("Failed").waitFor();

  await page.goto(`/leads/${id}`);
  const form = page.locator("#edit");
  await form.getByLabel("Mail address").fill("juergen@example.com");
  await form.getByRole("button", { name: "Save and send again" }).click();

  await row(other, "Jürgen Groß").getByText("Sent").waitFor();
  await row(other, "juergen@example.com").waitFor();
  await assertNotReloaded(other);
  await page.context().close();
});

test("paused means paused; going on shows what was missed", async () => {
  const [page, other] = await both("/leads");
  await page.getByRole("button", { name: "Pause live updates" }).click();
  await program.postLead({ name: "Katherine Johnson", email: "katherine@example.com" });
  await row(other, "Katherine Johnson").waitFor();
  assert.equal(await row(page, "Katherine Johnson").count(), 0);
  await page.getByRole("button", { name: "Pause live updates" }).click();
  await row(page, "Katherine Johnson").waitFor();
  await assertNotReloaded(page, other);
});

test("a page whose session has ended leads to the sign-in with the next change", async () => {
  const context = await contextOf(browsers[0], program);
  const page = await watched(context);
  await signIn(page, "operator@example.com");
  await openLive(page, "/leads");
  const elsewhere = await watched(context);
  await elsewhere.goto("/");
  await elsewhere.getByLabel("account and theme").click();
  await elsewhere.getByRole("button", { name: "Sign out" }).click();
  await elsewhere.waitForURL("**/login");
  await program.postLead({ name: "Margaret Hamilton", email: "margaret@example.com" });
  await page.waitForURL("**/login?next=%2Fleads");
  await context.close();
});

test("a page that hears nothing any more says so, and catches up when the program is back", async () => {
  const context = await contextOf(browsers[0], program, { storageState: states[0] });
  const page = await context.newPage();
  await page.clock.install();
  await openLive(page, "/leads");
  const stale = page.getByText("Live updates stopped");
  await stale.waitFor({ state: "hidden" });
  await program.stopServing();
  await page.clock.runFor(60_000);
  await stale.waitFor();

  await program.startServing();
  await program.postLead({ name: "Annie Easley", email: "annie@example.com" });
  const deadline = Date.now() + 30_000;
  while (!(await row(page, "Annie Easley").isVisible())) {
    assert.ok(Date.now() < deadline, "the page never caught up");
    await page.clock.runFor(5_000);
  }
  await stale.waitFor({ state: "hidden" });
  await context.close();
});

test("counts of the tabs and of the navigation follow", async () => {
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", match: { field: "Email", ends_with: "@refused.example" } });
  const [page, other] = await both("/outbox");
  const failed = (one) => one.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: /^Failed/ });
  const before = await failed(page).textContent();
  await program.postLead({ name: "Konrad Zuse", email: "konrad@refused.example" });
  const count = Number(before.match(/\d+/)[0]) + 1;
  for (const one of [page, other]) {
    await one.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: `Failed ${count}` }).waitFor();
    await one.getByRole("navigation", { name: "Main" }).getByRole("link", { name: new RegExp(`Outbox ?${count}`) }).waitFor();
  }
  await assertNotReloaded(page, other);
});
