// What is due by the clock and who works on it: the pages, and what an operator does there, with script and without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, states;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "operator"] })]);
  const [viewer, operator] = [await session(browser, program, "viewer@example.com"), await session(browser, program, "operator@example.com")];
  states = { viewer, operator };
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function pageOf(role, options = {}) {
  return watched(await contextOf(browser, program, { storageState: states[role], ...options }));
}

const heading = (page) => page.getByRole("heading", { level: 1 });

test("the navigation leads to the list, the list to a schedule", async () => {
  const page = await pageOf("viewer");
  await page.goto("/");
  const menu = page.getByRole("navigation", { name: "Main" });
  await menu.getByRole("link", { name: "Schedules" }).click();
  await page.locator("[id=\"schedule-leads.sweep\"]").getByText("Every 15 minutes").waitFor();
  assert.equal(await menu.getByRole("link", { name: "Schedules" }).getAttribute("aria-current"), "page");
  await page.getByRole("link", { name: "leads.daily_sweep" }).click();
  await heading(page).getByText("leads.daily_sweep").waitFor();
  const next = page.getByRole("list").filter({ has: page.getByText(/UTC/) }).getByRole("listitem");
  assert.equal(await next.count(), 20);
  assert.match(await next.first().locator("time").getAttribute("title"), /^\d{4}-\d\d-\d\d 09:00:00 UTC$/);
  assert.equal(await page.getByRole("button", { name: "Run now" }).count(), 0, "a viewer is offered nothing");
  assert.equal(await page.locator("main form[method=post]").count(), 0);
  assertUntroubled(page);
});

test("an operator runs a schedule, and an open page sees its job end", async () => {
  const [page, witness] = [await pageOf("operator"), await pageOf("viewer")];
  await openLive(witness, "/schedules/leads.sweep");
  await page.goto("/schedules/leads.sweep");
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("status").getByText(/It runs now, as job \d+\./).waitFor();
  const row = witness.getByRole("row").filter({ hasText: "asked for by operator of the tests" }).first();
  await row.getByText("By hand").waitFor();
  await row.getByText("Done").waitFor();
  await row.getByRole("link").click();
  await heading(witness).getByText("leads.sweep").waitFor();
  assertUntroubled(page);
  assertUntroubled(witness);
});

test("an operator holds a schedule by the keyboard, everyone reads why, and it goes on", async () => {
  const page = await pageOf("operator");
  await page.goto("/schedules/leads.daily_sweep");
  await pressUntilFocused(page, page.getByRole("link", { name: "Pause" }));
  await page.keyboard.press("Enter");
  const reason = page.getByLabel("Reason");
  await page.getByLabel("Until").fill("2099-01-01T09:00");
  await reason.fill("Zoho is being moved");
  await assertPageRules(page, "a schedule with the form of a pause");
  await reason.press("Enter");
  await page.getByRole("status").getByText("It is paused.").waitFor();
  await heading(page).getByText("Paused").waitFor();

  const viewer = await pageOf("viewer");
  await viewer.goto("/schedules");
  const row = viewer.getByRole("row").filter({ hasText: "leads.daily_sweep" });
  await row.getByText(/Paused by operator of the tests since .*, until 1 Jan 2099: Zoho is being moved\./).waitFor();
  await assertPageRules(viewer, "the list with a paused schedule");
  await viewer.goto("/schedules/leads.daily_sweep");
  await viewer.getByText("It does not fire by itself").waitFor();
  await assertPageRules(viewer, "a paused schedule");

  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").getByText("It goes on at its next due time.").waitFor();
  assert.equal(await page.getByText("It does not fire by itself").count(), 0);
  assertUntroubled(page);
  assertUntroubled(viewer);
});

test("all of it works without script", async () => {
  const page = await pageOf("operator", { javaScriptEnabled: false });
  await page.goto("/schedules/leads.sweep");
  await page.getByText("Pause it").click();
  await page.getByLabel("Reason").fill("no script here");
  await page.locator("#hold").getByRole("button", { name: "Pause" }).click();
  await page.getByText(/Paused by .*, until someone resumes it: no script here\./).waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("status").getByText("It runs now").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").getByText("It goes on").waitFor();
});

test("the page of processes shows the one that answers, and a stranger is refused", async () => {
  const page = await pageOf("viewer");
  await page.goto("/processes");
  const row = page.getByRole("row").filter({ hasText: "answers you" });
  await row.getByText("Running").waitFor();
  await row.getByText("web, worker, scheduler").waitFor();
  assert.equal(await page.getByText("fallen silent").count(), 0);
  assertUntroubled(page);

  const operator = await page.evaluate(async () =>
    (await fetch("/schedules/leads.sweep/run", { method: "POST", body: new URLSearchParams(), redirect: "manual" })).status);
  assert.equal(operator, 403, "a viewer cannot run a schedule");
});
