// Walking a page by the keyboard.

import assert from "node:assert/strict";

/** Steps a person would hardly take more of. */
const STEPS_MAX = 80;

/** Presses Tab until `target` has the focus; each stop on the way must show that it has it. */
export async function pressUntilFocused(page, target) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const el = document.activeElement, style = getComputedStyle(el);
      const isRinged = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      return { html: el.outerHTML.slice(0, 150), isRinged, isPage: el === document.body };
    });
    assert.ok(stop.isRinged || stop.isPage, `the focus is not visible on ${stop.html}`);
    if (await target.evaluate((el) => el === document.activeElement)) return;
  }
  assert.fail(`Tab does not reach ${target} within ${STEPS_MAX} steps`);
}
