// What a seller types in before there is anything to buy.

/** A price list; `change` fills in more of its form. Ends on the page of the list. */
export async function addList(page, name, currency, change = async () => {}) {
  await page.goto("/price-lists/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Currency", { exact: true }).fill(currency);
  await change();
  await page.getByRole("button", { name: "Add price list" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** A product. Ends on its page. */
export async function addProduct(page, sku, name) {
  await page.goto("/products/new");
  await page.getByLabel("SKU").fill(sku);
  await page.getByLabel("Name in English").fill(name);
  await page.getByRole("button", { name: "Add product" }).click();
}

/** A price, on the page of its product. */
export async function setPrice(page, list, quantity, amount) {
  await page.getByLabel("List", { exact: true }).selectOption({ label: list });
  await page.getByLabel("From this quantity on").fill(quantity);
  await page.getByLabel("Price of one").fill(amount);
  await page.getByRole("button", { name: "Set price" }).click();
}
