// A viewer sees everything and changes nothing: no button is offered, and none that is forged works.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertUntroubled, contextOf, launch, session, watched } from "./support/browser.js";
import { assertPageRules } from "./support/page_rules.js";
import { Quiet } from "./support/program.js";

let browser, program, lead, states;

before(async () => {
  [browser, program] = await Promise.all([launch(), Quiet.start({ roles: ["viewer", "operator"] })]);
  await program.faults({ fault: "refuse_record", code: "INVALID_DATA", api_name: "Email", match: { field: "Email", ends_with: "@refused.example" } });
  lead = await program.postLead({ name: "Ada Lovelace", email: "ada@refused.example" });
  const [viewer, operator] = [await session(browser, program, "viewer@example.com"), await session(browser, program, "operator@example.com")];
  states = { viewer, operator };
});

after(() => Promise.all([browser?.close(), program?.stop()]));

async function pageOf(role) {
  return watched(await contextOf(browser, program, { storageState: states[role] }));
}

/** The forms of the page's main part that would change something. */
async function actions(page) {
  return page.getByRole("main").locator("form[method=post]").evaluateAll((forms) => forms.map((form) => new URL(form.action).pathname));
}

const headingOf = (page) => page.getByRole("heading", { level: 1 });

async function jobPath(page) {
  await page.goto(`/leads/${lead.id}`);
  await headingOf(page).getByText("Failed").waitFor();
  return page.locator("dd a[href^='/outbox/']").getAttribute("href");
}

test("an operator is offered what helps", async () => {
  const page = await pageOf("operator");
  const job = await jobPath(page);
  assert.deepEqual(await actions(page), [`/leads/${lead.id}/delivery`, `/leads/${lead.id}/correction`]);
  await page.goto(job);
  assert.deepEqual(await actions(page), [`${job}/cancellation`, `${job}/completion`, `${job}/run`]);
});

test("a viewer reads the same pages and is offered nothing", async () => {
  const page = await pageOf("viewer");
  const job = await jobPath(page);
  assert.deepEqual(await actions(page), []);
  assert.equal(await page.getByText("Edit and send again").count(), 0);
  await page.goto(job);
  await page.getByText("Attempt 1 failed").waitFor();
  assert.deepEqual(await actions(page), []);
  assert.equal(await page.locator("dialog:not(#keys)").count(), 0);
  await assertPageRules(page, "a job as a viewer sees it");
  assertUntroubled(page);
});

test("what a viewer posts anyway is refused, and nothing changes", async () => {
  const page = await pageOf("viewer");
  const job = await jobPath(page);
  for (const path of [`/leads/${lead.id}/delivery`, `/leads/${lead.id}/correction`, `${job}/run`, `${job}/cancellation`, `${job}/completion`]) {
    const status = await page.evaluate(async (path) => (await fetch(path, { method: "POST", body: new URLSearchParams({ name: "Eve" }), redirect: "manual" })).status, path);
    assert.equal(status, 403, path);
  }

  await page.evaluate((path) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: path });
    document.body.append(form);
    form.submit();
  }, `/leads/${lead.id}/delivery`);
  await headingOf(page).getByText("Your role does not allow this").waitFor();
  await page.getByText("This takes the role Operator; yours is Viewer.").waitFor();
  await assertPageRules(page, "the page of a refusal");

  await page.goto(`/leads/${lead.id}`);
  await headingOf(page).getByText("Ada Lovelace").waitFor();
  await headingOf(page).getByText("Failed").waitFor();
  assertUntroubled(page);
});

test("another site cannot post in an operator's name", async () => {
  const context = await contextOf(browser, program, { storageState: states.operator });
  const page = await context.newPage();
  // Another port is another origin and the same site: the cookie goes with it, the defence has to notice.
  await page.route("http://127.0.0.1:9/", (route) =>
    route.fulfill({ contentType: "text/html", body: `<form method="post" action="${program.url}/leads/${lead.id}/delivery"><button>Win</button></form>` }),
  );
  await page.goto("http://127.0.0.1:9/");
  const answer = page.waitForResponse((answer) => answer.url().startsWith(program.url));
  await page.getByRole("button").click();
  assert.equal((await answer).status(), 403);
  await headingOf(page).getByText("another site").waitFor();
});
