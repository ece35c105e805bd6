// The page of health: good, with a warning, failing; what its buttons do; keyboard and no script.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { pressUntilFocused } from "./support/keyboard.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["operator", "viewer"] })]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

const newPage = async (options = {}) => watched(await contextOf(browser, program, { storageState, ...options }));
const state = (page) => page.getByRole("heading", { level: 1 });

test("all is well: one sentence, no advice, and the token counts down", async () => {
  const page = await newPage();
  await openLive(page, "/health");
  await state(page).getByText("Healthy").waitFor();
  await page.getByText("Everything works: leads arrive and go out by themselves.").waitFor();
  await page.getByText("Nothing to do").waitFor();
  const before = await page.getByRole("timer").textContent();
  await page.waitForFunction((before) => document.querySelector("[role=timer]").textContent !== before, before);
  const closed = page.locator(".disclose:not([open]) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
  await page.getByText("leads:oldest-waiting").waitFor();
  await assertPageRules(page, "/health, healthy");
  assertUntroubled(page);
});

test("the refresh is tried out by keyboard, and its result is said", async () => {
  const page = await newPage();
  await page.goto("/health");
  const button = page.getByRole("button", { name: "Test token refresh" });
  await pressUntilFocused(page, button);
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("The token refresh works").waitFor();
  await assertPageRules(page, "/health with the result of a test");
  assertUntroubled(page);
});

test("a lead that Zoho refuses warns, and the advice leads to it", async () => {
  const page = await newPage();
  await openLive(page, "/health");
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } });
  await program.postLead({ name: "Jürgen", email: "j@refused.example" });
  await state(page).getByText("Degraded").waitFor();
  await page.getByText("1 lead did not reach Zoho CRM.").first().waitFor();
  await assertPageRules(page, "/health, degraded");
  await page.getByRole("link", { name: "Open failed leads" }).click();
  await page.waitForURL(/\/leads\?status=failed/);
  assertUntroubled(page);
});

test("without script an operator processes what waits; a viewer has no buttons", async () => {
  await program.postLead({ name: "Ada", email: "ada@example.com" });
  const page = await newPage({ javaScriptEnabled: false });
  await page.goto("/health");
  await page.getByRole("button", { name: "Process pending now" }).first().click();
  await page.getByRole("status").getByText(/No lead waits|processed:/).waitFor();
  const viewer = await watched(await contextOf(browser, program, { storageState: await session(browser, program, "viewer@example.com") }));
  await viewer.goto("/health");
  await state(viewer).waitFor();
  assert.equal(await viewer.getByRole("button", { name: /Process pending|Test token/ }).count(), 0);
  assertUntroubled(viewer);
});

test("not connected: it fails, and connecting is the first thing to do", async () => {
  const alone = await Quiet.start({ connected: false });
  try {
    const signedIn = await session(browser, alone, "operator@example.com");
    const page = await watched(await contextOf(browser, alone, { storageState: signedIn }));
    await page.goto("/");
    await page.getByRole("link", { name: "Every check" }).click();
    await state(page).getByText("Unhealthy").waitFor();
    const first = page.getByRole("region", { name: "Recommended" }).getByRole("listitem").first();
    await first.getByText("Connect Zoho CRM").waitFor();
    await assertPageRules(page, "/health, not connected");
    assertUntroubled(page);
  } finally {
    await alone.stop();
  }
});
