import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { EngineSet } from '../../src/server/server.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

const toFirstRow = Array<string>(6).fill('ArrowUp');

suite('the timeline in Chromium', inBrowser, () => {
  let engines: EngineSet;
  before(async () => {
    engines = await embeddedEngines();
  });
  after(() => engines.close());

  /** A page on which a spoken question has been answered. */
  async function afterQuestion(t: TestContext, stored: object = {}) {
    const server = await newServer(t, { engines: borrowed(engines) });
    const samples = await spokenQuestion(engines, 'What time is it?');
    const opened = await openPage(t, server.url, { samples, stored });
    await reach(opened.page, 'ready');
    await opened.page.getByTestId('talk').click();
    await reach(opened.page, 'agent-speaks');
    await reach(opened.page, 'listening');
    await opened.page.getByTestId('talk').click();
    await reach(opened.page, 'ready');
    return opened;
  }

  /** The figures of the chosen mark after each key. */
  async function press(page: Page, ...keys: string[]): Promise<string> {
    for (const key of keys) await page.keyboard.press(key);
    return (await page.getByTestId('timeline-details').textContent()) ?? '';
  }

  test('the keyboard names every figure, and leads to the event and back', async (t) => {
    const { page, complaints } = await afterQuestion(t);
    await page.getByTestId('timeline').focus();
    const speech = await press(page, '0', 'ArrowRight', ...toFirstRow, 'Home');
    assert.match(speech, /^Speech · [\d.]+ s to [\d.]+ s, [\d.]+ m?s · audio_start_ms: /);
    assert.match(await press(page, 'ArrowDown'), /^Turn · /);
    assert.match(await press(page, 'ArrowDown'), /^Transcript “What time is it\?” · /);
    assert.match(
      await press(page, 'ArrowDown'),
      /^Response “It is .*” · .* · first audio: after \d+ ms · status: completed/,
    );
    assert.match(await press(page, 'ArrowDown'), /· part: [\d.]+ ms of [\d.]+ ms from the end of speech/);

    assert.match(await press(page, 'ArrowDown', 'Home'), /^Session started “sess_.*” · at /);

    await press(page, 'ArrowUp', 'ArrowUp', 'End', 'Enter');
    const row = page.getByTestId('events').locator(':focus');
    assert.match((await row.textContent()) ?? '', /response\.created/);
    await page.getByTestId('events').getByRole('button', { name: 'Show in timeline' }).click();
    assert.match(await press(page), /^Response “It is/);
    assert.deepEqual(complaints, []);
  });

  test('the pointer names marks, selects a stretch and plays it', async (t) => {
    const { page, complaints } = await afterQuestion(t);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    const box = (await page.getByTestId('timeline').boundingBox()) ?? assert.fail();
    const y = box.y + 20;
    await page.mouse.move(box.x + 200, y);
    await page.mouse.down();
    await page.mouse.move(box.x + 320, y, { steps: 3 });
    await page.mouse.up();
    assert.match(await press(page), /^Selection · [\d.]+ s to [\d.]+ s, /);
    const play = page.getByRole('button', { name: 'Play', exact: true });
    await play.click();
    await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
    await play.waitFor();

    await page.getByTestId('timeline').focus();
    await press(page, 'ArrowRight');
    // Without a chosen mark, the keyboard plays what is visible.
    assert.match(await press(page, 'PageUp'), /^Arrow keys choose a mark/);
    await press(page, ' ');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    const live = page.getByRole('button', { name: 'Live' });
    assert.equal(await live.getAttribute('aria-pressed'), 'false');
    await live.click();
    assert.equal(await live.getAttribute('aria-pressed'), 'true');
    assert.deepEqual(complaints, []);
  });

  test('the audio of a turn and of its answer can be replayed', async (t) => {
    const { page, complaints } = await afterQuestion(t);
    for (const role of ['user', 'assistant']) {
      await page.locator(`[data-role=${role}]`).getByRole('button', { name: 'Replay' }).click();
      await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    }
    assert.deepEqual(complaints, []);
  });

  test('a session is saved, and opened again without a server', async (t) => {
    const { page, complaints } = await afterQuestion(t);
    const folder = await mkdtemp(join(tmpdir(), 'parley-test-'));
    t.after(() => rm(folder, { recursive: true }));
    const save = async (name: RegExp) => {
      await page.getByRole('button', { name: 'Session', exact: true }).click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
      const path = join(folder, download.suggestedFilename());
      await download.saveAs(path);
      return path;
    };
    const files = [await save(/^Save the events/), await save(/^Save the audio/)];
    assert.match(files.join(), /parley-[\dT-]+\.jsonl,.*parley-[\dT-]+\.wav$/);
    await page.getByTestId('timeline').focus();
    const chosen = await press(page, 'ArrowRight', ...toFirstRow, 'Home');

    await page.reload();
    await reach(page, 'ready');
    await page.context().setOffline(true);
    await page.getByTestId('session-files').setInputFiles(files);
    await page.getByText(/^A saved session of /).waitFor();
    await page.getByTestId('timeline').focus();
    assert.equal(await press(page, 'ArrowRight', ...toFirstRow, 'Home'), chosen);
    await press(page, ' ');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    const transcript = page.getByTestId('record-transcript');
    const texts = transcript.locator('.text');
    assert.match((await texts.allTextContents()).join(), /^What time is it\?,It is .*$/);
    for (const role of ['user', 'assistant']) {
      await transcript.locator(`[data-role=${role}]`).getByRole('button', { name: 'Replay' }).click();
      await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    }
    assert.match((await page.getByTestId('facts').textContent()) ?? '', /Turns1Responses1Latency \(median\)\d+ ms/);
    assert.equal(await page.getByTestId('events').getByText('parley.ledger').count(), 1);
    await page.getByRole('button', { name: 'Back to your session' }).click();
    assert.equal(await transcript.isVisible(), false);
    assert.equal(await page.getByTestId('events').getByText('parley.ledger').count(), 0);

    await page.getByTestId('session-files').setInputFiles(files.slice(1));
    await page.getByText(/^The session cannot be opened\. Choose the file of its events/).waitFor();
    // The live session reconnects in the meantime.
    const others = complaints.filter((complaint) => !complaint.includes('ERR_INTERNET_DISCONNECTED'));
    assert.deepEqual(others, []);
  });

  test('in a call, both sides are on the timeline without events of audio', async (t) => {
    const { page, complaints } = await afterQuestion(t, { transport: 'webrtc' });
    await page.getByTestId('timeline').focus();
    assert.match(await press(page, '0', 'ArrowRight', ...toFirstRow, 'Home'), /^Speech · /);
    assert.match(await press(page, 'End'), /^Played · [\d.]+ s to [\d.]+ s, /);
    const waitedFor = await press(page, 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown');
    assert.match(waitedFor, /· part: [\d.]+ ms of [\d.]+ ms from the end of speech/);
    assert.deepEqual(complaints, []);
  });
});
