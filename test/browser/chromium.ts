/** A Chromium whose microphone plays a recording. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { chromium, type Locator, type Page } from 'playwright-core';
import { writeWav } from '../../src/audio/wav.ts';
import { frameCheck, type WireDialect } from '../support/frame-check.ts';

/** The browser of this machine: `CHROMIUM`, or one of the usual paths. */
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find((path) => path !== undefined && existsSync(path));

const missing = executablePath === undefined && process.env.PARLEY_TEST_ALL !== '1';

/** The options of browser tests: without a browser they are skipped, or fail if `PARLEY_TEST_ALL` is 1. */
export const inBrowser = {
  skip: missing && 'Chromium is not installed: install it, or set CHROMIUM to its path.',
  // Applies to whole suites too. A single step times out earlier, after `patienceMs`.
  timeout: 600_000,
};

/** How long a page may take for one step, on a machine that does other work too. */
const patienceMs = 90_000;

export interface Opened {
  page: Page;
  /** Problems of the page so far: blocked or missing files, uncaught errors. */
  complaints: string[];
}

export interface OpenOptions {
  samples?: Int16Array;
  /** The user's settings. */
  stored?: object;
  /** Of the events that the server sends. */
  dialect?: WireDialect;
  /** Of the browser. */
  args?: string[];
}

/**
 * Opens a page, closed at the end of the test. The microphone plays `samples` (24 kHz) once, then silence; without
 * samples the browser denies it. Settings of the page are `stored`, with a WebSocket by default: every event that the page
 * receives on it is validated (see `frameCheck`). Without `transport` (undefined) the page chooses.
 */
export async function openPage(
  t: TestContext,
  url: string,
  { samples, stored = {}, dialect = 'ga', args = [] }: OpenOptions = {},
): Promise<Opened> {
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking',
      ...args,
      ...(samples === undefined
        ? ['--deny-permission-prompts']
        : [
            '--use-fake-ui-for-media-stream',
            `--use-file-for-fake-audio-capture=${await recording(t, samples)}%noloop`,
          ]),
    ],
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(patienceMs);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('websocket', (socket) => {
    const check = frameCheck(dialect, new URL(socket.url()).searchParams.get('parley')?.split(','));
    socket.on('framereceived', ({ payload }) => check(payload.toString()));
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript(
    (json) => {
      // A frame without an origin has no storage.
      if (window === top) localStorage.setItem('parley.settings', json);
    },
    JSON.stringify({ transport: 'websocket', ...stored }),
  );
  await page.goto(url);
  return { page, complaints };
}

/** Waits until the page shows a state, such as `agent-speaks`. */
export async function reach(page: Page, state: string): Promise<void> {
  await page.locator(`body[data-state="${state}"]`).waitFor();
}

/** The texts of the transcript. */
export function entries(page: Page, role: string): Locator {
  return page.getByTestId('transcript').locator(`[data-role=${role}] .text`);
}

/** Types a question that the stand-in can answer, and waits for the spoken answer. */
export async function typeSum(page: Page): Promise<void> {
  await reach(page, 'ready');
  await page.getByTestId('text-input').fill('What is two plus two?');
  await page.getByTestId('send').click();
  await reach(page, 'agent-speaks');
  await entries(page, 'assistant')
    .filter({ hasText: /four|4/ })
    .waitFor();
}

async function recording(t: TestContext, samples: Int16Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'microphone.wav');
  await writeFile(path, writeWav({ samples, sampleRateHz: 24_000 }));
  return path;
}
