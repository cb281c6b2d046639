/** The page in Firefox, which has no microphone in tests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newServer } from '../support/server.ts';
import { inFirefox, openInFirefox } from './firefox.ts';

test('in Firefox, a typed question is answered in a call, and its words light up', inFirefox, async (t) => {
  const server = await newServer(t);
  const page = await openInFirefox(t, server.url);
  await page.waitForSelector('body[data-state=ready]');
  await page.type('#text-input', 'Hello.');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-role=assistant] .spoken:not(:empty)');
  await page.waitForSelector('body[data-state=ready] [data-role=assistant] .unheard:empty');
  assert.equal(
    await page.$eval('[data-role=assistant] .text', (text) => text.textContent),
    'Fine, thank you. And you?',
  );
  assert.match((await page.$eval('#session', (line) => line.textContent)) ?? '', / · WebRTC$/);
});
