// The catalogue: a product and its prices with their working, and a file of products looked over and taken over; with script and without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { addList, addProduct, setPrice } from "./support/catalogue.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

const LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft";

let browser, program, storageState;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start()]);
  storageState = await session(browser, program, "operator@example.com");
});

after(() => Promise.all([browser?.close(), program?.stop()]));

for (const javaScriptEnabled of [true, false]) {
  const mark = javaScriptEnabled ? "A" : "B";
  test(`a product is added, priced and its price explained, ${javaScriptEnabled ? "with" : "without"} script`, async () => {
    const page = await watched(await contextOf(browser, program, { storageState, javaScriptEnabled }));
    if (javaScriptEnabled) {
      for (const path of ["/products", "/price-lists", "/products/imports", "/products/new", "/price-lists/new"]) {
        await page.goto(path);
        await assertPageRules(page, `${path}, empty`);
      }
      await page.goto("/products/new");
      await page.getByRole("button", { name: "Add product" }).click();
      await page.getByRole("link", { name: "Enter the SKU" }).waitFor();
      await assertPageRules(page, "a product with mistakes");
    }
    await addList(page, `Retail ${mark}`, "EUR", async () => {
      if (javaScriptEnabled) await page.getByLabel("Default list of its currency").check();
    });
    await addList(page, `Trade ${mark}`, "EUR", () => page.getByLabel("Priority").fill("5"));

    await addProduct(page, `EQ-${mark}`, `Grinder ${LONG}`);
    await page.getByRole("heading", { name: "It has no price" }).waitFor();
    await setPrice(page, `EUR · Retail ${mark}`, "1", "1.500");
    await page.getByText("Amounts in EUR have 2 decimals.").first().waitFor();
    if (javaScriptEnabled) await assertPageRules(page, "a price with a mistake");
    await setPrice(page, `EUR · Retail ${mark}`, "1", "1,500");
    await page.getByText("The price is set.").waitFor();
    await setPrice(page, `EUR · Trade ${mark}`, "10", "1350.50");
    await page.getByText("The price is set.").waitFor();
    await page.getByText("It is for 10 pieces at least.").waitFor();
    await page.getByRole("spinbutton", { name: "Quantity", exact: true }).fill("10");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText(javaScriptEnabled ? "which yields to any other" : "has the higher priority: 5 over 0").waitFor();
    if (javaScriptEnabled) await assertPageRules(page, "a product with its working");
    await page.getByRole("button", { name: /^Remove the price 1,350\.50/ }).click();
    await page.getByText("The price is removed.").waitFor();

    await page.goto("/products");
    await page.getByRole("link", { name: /Grinder/ }).first().waitFor();
    if (javaScriptEnabled) {
      await assertPageRules(page, "the list of products");
      await page.goto("/price-lists");
      await assertPageRules(page, "the price lists");
    }
    assertUntroubled(page);
  });
}

test("an open list shows what somebody else adds", async () => {
  const [page, other] = await Promise.all([1, 2].map(async () => watched(await contextOf(browser, program, { storageState }))));
  await page.goto("/products?text=live-1");
  await page.getByText("No products match").waitFor();
  await other.goto("/products/new");
  await other.getByLabel("SKU").fill("LIVE-1");
  await other.getByLabel("Name in English").fill("Seen at once");
  await other.getByRole("button", { name: "Add product" }).click();
  await page.getByRole("link", { name: "Seen at once" }).waitFor();
  assertUntroubled(page);
});

test("a file is looked over, refused, mended and taken over", async () => {
  const page = await watched(await contextOf(browser, program, { storageState }));
  await addList(page, "Japan", "JPY", () => page.getByLabel("Default list of its currency").check());
  const upload = async (rows) => {
    await page.goto("/products/imports");
    const buffer = Buffer.from(["sku;name_en;name_ar;price_jpy;Farbe", ...rows].join("\r\n"));
    await page.getByLabel("File", { exact: true }).setInputFiles({ name: "products.csv", mimeType: "text/csv", buffer });
    await page.getByRole("button", { name: "Upload" }).click();
    await page.getByRole("heading", { level: 1, name: /products\.csv/ }).waitFor();
  };
  const good = [`BN-1;House blend ${LONG};خلطة البيت;1,500;teal`, "BN-2;Filters;;800;"];
  await upload([...good, "BN-3;Cups;;12.5;"]);
  await page.getByText("Nothing can be imported yet").waitFor();
  await page.getByText("Amounts in JPY have no decimals.").waitFor();
  await assertPageRules(page, "an import with a refused row");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByText("Cancelled").waitFor();

  await upload(good);
  await page.getByText("Japan: JPY 1,500").waitFor();
  await assertPageRules(page, "an import that waits");
  await page.getByRole("button", { name: "Start the import" }).click();
  await page.getByText("Done", { exact: true }).waitFor();
  await assertPageRules(page, "an import that is done");
  await upload(good);
  await page.getByText("It would change nothing").waitFor();
  await page.goto("/products?text=bn-");
  assert.equal(await page.locator("tbody tr").count(), 2);
  await page.getByText("JPY 1,500").waitFor();
  assertUntroubled(page);
});
