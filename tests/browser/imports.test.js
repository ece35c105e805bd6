// An older system's leads: uploaded, looked over, imported, the refused ones fetched; with script and without.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

const LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft";
const FILE = [
  "id;Wer;email;status;created_at;Farbe",
  "1;Layla Haddad;layla@example.com;pending;2026-01-12 09:31:00;teal",
  `2;${LONG};tom@example.com;sent;2026-01-12 10:02:11;`,
  "3;Mina Park;mina@example.com;processing;2026-01-13 08:15:40;",
  "4;Jo Lind;jo@example;pending;2026-01-13 11:20:05;",
].join("\r\n");

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["admin"] })]);
  storageState = await session(browser, program, "admin@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function upload(page, source) {
  await page.goto("/imports");
  await page.getByLabel("Older system").fill(source);
  await page.getByLabel("File", { exact: true }).setInputFiles({ name: "old-leads.csv", mimeType: "text/csv", buffer: Buffer.from(FILE) });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByRole("heading", { level: 1, name: /old-leads\.csv/ }).waitFor();
}

for (const javaScriptEnabled of [true, false]) {
  test(`a file becomes leads, ${javaScriptEnabled ? "with" : "without"} script`, async () => {
    const page = await watched(await contextOf(browser, program, { storageState, javaScriptEnabled }));
    if (javaScriptEnabled) {
      await page.goto("/imports");
      await assertPageRules(page, "/imports, empty");
    }
    await upload(page, javaScriptEnabled ? "old shop" : "older shop");
    await page.getByText("Not started").waitFor();
    await page.getByLabel("Wer").selectOption({ label: "Name" });
    await page.getByRole("button", { name: "Look again with these" }).click();
    await page.getByText("Layla Haddad").waitFor();
    await page.getByText("Line 5").waitFor();
    if (javaScriptEnabled) await assertPageRules(page, "an import that waits");

    await page.getByRole("button", { name: "Start the import" }).click();
    if (!javaScriptEnabled) {
      // Without script a person looks again.
      for (let look = 0; look < 100 && !(await page.getByText("Done", { exact: true }).count()); look += 1) await page.reload();
    }
    await page.getByText("Done", { exact: true }).first().waitFor();
    await page.getByText("1 row was refused").waitFor();
    if (javaScriptEnabled) await assertPageRules(page, "an import that is done");
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download them with their reasons" }).click()]);
    assert.equal(file.suggestedFilename(), "old-leads.refused.csv");
    assert.match(await readFile(await file.path(), "utf8"), /^import_line;import_why;id;Wer;[^]*5;email is not an email address, such as name@example\.com;4;Jo Lind/);

    await page.goto("/leads");
    await page.getByRole("link", { name: "Mina Park" }).first().waitFor();
    assertUntroubled(page);
  });
}

test("a file that is none is refused by name", async () => {
  const page = await watched(await contextOf(browser, program, { storageState }));
  await page.goto("/imports");
  await page.getByLabel("File", { exact: true }).setInputFiles({ name: "old.xlsx", mimeType: "application/octet-stream", buffer: Buffer.from("PK\u0003\u0004 rest") });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("an Excel workbook or another ZIP file: save it as “CSV UTF-8”").waitFor();
  await assertPageRules(page, "/imports with a refusal");
  assertUntroubled(page);
});
