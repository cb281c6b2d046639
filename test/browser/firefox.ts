/** A Firefox without a microphone: pages play sound into a call by WebAudio. */

import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { launch, type Page } from 'puppeteer-core';

/** The browser of this machine: `FIREFOX`, or one of the usual paths. */
const executablePath = [
  process.env.FIREFOX,
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
].find((path) => path !== undefined && existsSync(path));

const missing = executablePath === undefined && process.env.PARLEY_TEST_ALL !== '1';

/** The options of tests in Firefox: without it they are skipped, or fail if `PARLEY_TEST_ALL` is 1. */
export const inFirefox = {
  skip: missing && 'Firefox is not installed: install it, or set FIREFOX to its path.',
  timeout: 120_000,
};

/** Opens a page, closed at the end of the test. */
export async function openInFirefox(t: TestContext, url: string): Promise<Page> {
  const browser = await launch({
    browser: 'firefox',
    ...(executablePath !== undefined && { executablePath }),
    extraPrefsFirefox: {
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.autoplay.block-webaudio': false,
    },
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}
