// `throughline demo`: what someone sees who has just started it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, openLive, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { demo } from "./support/program.js";

let browser, program, page;

before(async () => {
  [browser, program] = await Promise.all([launch(), demo()]);
  const storageState = await session(browser, program, program.email, program.password);
  page = await watched(await contextOf(browser, program, { storageState }));
});

after(() => Promise.all([browser?.close(), program?.stop()]));

const leadsToday = () => page.locator(".stat").filter({ hasText: "Leads today" }).locator("dd").first();

test("leads arrive while one looks", async () => {
  await openLive(page, "/");
  await page.evaluate(() => { window.notReloaded = true; });
  const before = Number(await leadsToday().textContent());
  await page.waitForFunction((before) => {
    const stat = [...document.querySelectorAll(".stat")].find((one) => one.textContent.includes("Leads today"));
    return Number(stat.querySelector("dd").textContent) >= before + 3;
  }, before);
  assert.ok((await page.locator("li[id^=latest-]").count()) > 0);
  await page.getByRole("region", { name: "Zoho CRM" }).getByText("Connected").waitFor();
  await page.getByRole("region", { name: "Zoho Books" }).getByText("Connected").waitFor();
  await page.locator(".plot rect").first().waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => window.notReloaded), true);
  assertUntroubled(page);
});

test("what fails on purpose asks for attention and leads to the cause", async () => {
  await page.goto("/");
  const concern = page.getByRole("link", { name: /did not reach Zoho CRM/ });
  await concern.waitFor();
  await concern.click();
  await page.waitForURL(/\/leads\?status=failed/);
  await page.getByRole("row").filter({ hasText: "Failed" }).first().waitFor();
  assertUntroubled(page);
});

test("the chart can be read as a table, and stays open as leads arrive", async () => {
  await openLive(page, "/");
  await page.getByText("Show as table").click();
  const before = Number(await leadsToday().textContent());
  await page.waitForFunction((before) => Number(document.querySelector(".stat dd").textContent) > before, before);
  assert.ok(await page.getByRole("table", { name: "Jobs ended per 10 minutes" }).isVisible());
  assertUntroubled(page);
});

test("the pages of a demo keep the rules, names in every script included", async () => {
  for (const path of ["/", "/leads", "/outbox"]) {
    await page.goto(path);
    await assertPageRules(page, path);
  }
  assertUntroubled(page);
});
