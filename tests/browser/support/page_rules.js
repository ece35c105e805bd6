// What holds for every page: no finding of axe-core, nothing to scroll sideways, no inline style.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a theme can change. */
const COLOURS = ["color-contrast", "link-in-text-block"];

/** Each theme and each width once, for every rule there is. */
const DESK_LIGHT = { colorScheme: "light", width: 1440 };
const PHONE_DARK = { colorScheme: "dark", width: 390 };
/** The other two, for what a theme can change. */
const DESK_DARK = { colorScheme: "dark", width: 1440 };
const PHONE_LIGHT = { colorScheme: "light", width: 390 };

/** Fails on each finding of axe-core: WCAG 2.2 AA and best practices, of whatever weight; or of these rules alone. */
export async function assertAccessible(page, where, rules) {
  // Through the debugging protocol, which the page's content security policy does not concern; once a document.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const findings = await page.evaluate(async (rules) => {
    const runOnly = rules && { runOnly: { type: "rule", values: rules } };
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"], ...runOnly });
    return violations.map(
      ({ id, impact, nodes }) => `${impact} ${id}, ${nodes.length} times, first: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`,
    );
  }, rules);
  assert.deepEqual(findings, [], `axe-core on ${where}`);
}

/** Fails where the page itself can be scrolled sideways. */
export async function assertFits(page, where) {
  const { wide, culprits } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const past = [...document.querySelectorAll("body *")].filter((el) => el.getBoundingClientRect().right > clientWidth + 1);
    return { wide: scrollWidth - clientWidth, culprits: past.slice(0, 5).map((el) => el.outerHTML.slice(0, 120)) };
  });
  assert.ok(wide <= 0, `${where} is ${wide} px too wide: ${culprits.join("\n")}`);
}

/** Waits until colours that change in steps have arrived. */
function settled(page) {
  return page.evaluate(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  });
}

async function assertAccessibleAs(page, where, { colorScheme, width }, rules) {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height: 900 });
  await settled(page);
  await assertAccessible(page, `${where}, ${width} px, ${colorScheme}`, rules);
}

/** Everything above, on a desk in light and on a phone in the dark; on phones, that it fits. One load serves all of them. */
export async function assertPageRules(page, where) {
  const size = page.viewportSize();
  for (const one of [DESK_LIGHT, PHONE_DARK]) await assertAccessibleAs(page, where, one);
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await assertFits(page, `${where}, ${width} px`);
  }
  assert.equal(await page.locator("[style], style, script:not([src])").count(), 0, `${where}: no inline style or script`);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  await page.setViewportSize(size);
}

/** The same, and its colours in the other theme at each width. For one state of a page: its other states are drawn by the same sheet. */
export async function assertPageRulesInEveryLook(page, where) {
  const size = page.viewportSize();
  for (const one of [DESK_DARK, PHONE_LIGHT]) await assertAccessibleAs(page, where, one, COLOURS);
  await page.setViewportSize(size);
  await assertPageRules(page, where);
}
