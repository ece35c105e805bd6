// One Chromium a test file, and pages that remember what went wrong in them.

import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";

import { chromium } from "playwright-core";

import { PASSWORD } from "./program.js";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";

export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

const browsers = [];

/** A browser with a fresh profile. */
export async function launch() {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  browsers.push(browser);
  return browser;
}

// What a test has opened is closed after it: a page left open would follow every change of the tests that come.
const contexts = () => browsers.flatMap((browser) => browser.contexts());
let openBefore = [];
beforeEach(() => { openBefore = contexts(); });
afterEach(() => Promise.all(contexts().filter((one) => !openBefore.includes(one)).map((one) => one.close())));

/** Answers that a test asks for on purpose: the browser logs them as errors of loading, which they are not. */
const EXPECTED_STATUS = /the server responded with a status of (401|403|404|405|422|429)/;

/** A page that writes down each error of its console, each uncaught error and each violation of the policy. */
export async function watched(context) {
  const page = await context.newPage();
  page.troubles = [];
  page.on("console", (message) => {
    const isTrouble = message.type() === "error" && !EXPECTED_STATUS.test(message.text());
    if (isTrouble || /Content Security Policy/.test(message.text())) page.troubles.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (cause) => page.troubles.push(`${page.url()}: ${cause.stack}`));
  page.on("requestfailed", (request) => {
    // Leaving a page ends its stream and what it was loading.
    if (request.failure().errorText !== "net::ERR_ABORTED") page.troubles.push(`${request.url()}: ${request.failure().errorText}`);
  });
  page.setDefaultTimeout(20_000);
  return page;
}

export function assertUntroubled(page) {
  assert.deepEqual(page.troubles, [], "no console error and no violation of the content security policy");
}

/** A context for a program's pages; `options` as Playwright has them. */
export function contextOf(browser, program, options = {}) {
  return browser.newContext({ baseURL: program.url, viewport: DESK, locale: "en-GB", timezoneId: "UTC", ...options });
}

export async function signIn(page, email, password = PASSWORD) {
  await page.goto("/login");
  await page.getByLabel("Mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
}

/** Signs in once and keeps the session, for contexts that begin signed in: `contextOf(browser, program, { storageState })`. */
export async function session(browser, program, email, password = PASSWORD) {
  const context = await contextOf(browser, program);
  const page = await watched(context);
  await signIn(page, email, password);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** Waits until the stream of a live page is open: from then on no change is missed. */
export async function openLive(page, path) {
  const stream = page.waitForResponse((answer) => new URL(answer.url()).pathname === "/events");
  await page.goto(path);
  await stream;
}
