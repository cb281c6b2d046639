/** Talking with the page, over both transports. */

import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { EngineSet, ParleyServer } from '../../src/server/server.ts';
import type { OpenTurn, TranscribeOptions, TranscriptEvent } from '../../src/session/ports/transcriber.ts';
import { assertUnderstood } from '../engines/speech.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { FakeTranscriber, fakeEngines, tone } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { entries, inBrowser, openPage, reach, typeSum } from './chromium.ts';
import { giveMicrophone } from './spoken-microphone.ts';

const transports = ['webrtc', 'websocket'] as const;

const sentOrReceived = (page: Page, type: string) => page.getByTestId('events').getByText(type, { exact: true });

/** Records how many characters of the last answer have been heard, at each change. */
async function watchCaptions(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const heard: number[] = [];
    Object.assign(window, { heard });
    const list = document.querySelector('[data-testid=transcript]') ?? document.body;
    const watcher = new MutationObserver(() => {
      const text = [...list.querySelectorAll('[data-role=assistant] .text')].at(-1);
      const unheard = text?.querySelector('.unheard')?.textContent.length;
      if (text && unheard !== undefined) heard.push(text.textContent.length - unheard);
    });
    watcher.observe(list, { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => Reflect.get(window, 'heard'));
}

/** Has words during speech, which goes on. */
class Follower extends FakeTranscriber {
  async *follow(turn: OpenTurn, { signal }: TranscribeOptions): AsyncGenerator<TranscriptEvent> {
    await turn.reaches(500, signal);
    yield { type: 'delta', text: 'Where is my' };
  }
}

suite('talking with the page in Chromium', inBrowser, () => {
  let engines: EngineSet;
  before(async () => {
    engines = await embeddedEngines();
  });
  after(() => engines.close());

  const serve = (t: TestContext, config: object = {}): Promise<ParleyServer> =>
    newServer(t, { engines: borrowed(engines), config });

  for (const transport of transports) {
    test(`a spoken question is answered, and speech interrupts the answer: ${transport}`, async (t) => {
      verifies('R10.5', 'R7.2');
      const server = await serve(t);
      const { page, complaints } = await openPage(t, server.url, { stored: { transport } });
      const speak = await giveMicrophone(page);
      await reach(page, 'ready');
      const heardSoFar = await watchCaptions(page);
      await page.getByTestId('talk').click();
      await page.locator('body[data-microphone]').waitFor();
      void speak(await spokenQuestion(engines, 'What can you do?'));
      await reach(page, 'agent-speaks');
      assertUnderstood('What can you do?', (await entries(page, 'user').first().textContent()) ?? '', 0.5);
      const stages =
        /500 ms of it: silence that server_vad waits for.*transcript \d+ ms.*first audio \d+ ms.*heard \d+ ms/;
      await page.getByTestId('latency').getByRole('listitem').filter({ hasText: stages }).waitFor();

      await page.waitForFunction(() => new Set(Reflect.get(window, 'heard')).size > 4);
      void speak(await spokenQuestion(engines, 'What time is it?'));
      const interrupted = page.locator('[data-role=assistant][data-interrupted]', { hasText: /interrupted after \d/ });
      await interrupted.waitFor();
      const heard = (await heardSoFar()).slice(0, 4);
      assert.deepEqual(
        heard,
        heard.toSorted((a, b) => a - b),
        'words light up one after the other',
      );
      assert.notEqual(
        await interrupted.locator('.unheard').textContent(),
        '',
        'words that were not heard stay visible',
      );
      await entries(page, 'assistant').nth(1).filter({ hasText: /\w/ }).waitFor();
      await reach(page, 'listening');
      const last = entries(page, 'assistant').last();
      assert.equal(await last.locator('.unheard').textContent(), '', 'the whole answer was heard');
      assert.equal(await sentOrReceived(page, 'conversation.item.truncated').count(), 1);
      const events = (await page.getByTestId('events').textContent()) ?? '';
      const audioInEvents = /input_audio_buffer\.append|response\.output_audio\.delta/;
      if (transport === 'webrtc') assert.doesNotMatch(events, audioInEvents);
      else assert.match(events, audioInEvents);

      await page.getByTestId('talk').click();
      await reach(page, 'ready');
      assert.equal(await page.locator('.notice').count(), 0);
      assert.deepEqual(complaints, []);
    });

    test(`push to talk: the turn is what was said while the space bar was held: ${transport}`, async (t) => {
      const server = await serve(t);
      const session = { audio: { input: { transcription: { model: 'whisper-1' }, turn_detection: null } } };
      const stored = { session, transport };
      const { page, complaints } = await openPage(t, server.url, { stored });
      const speak = await giveMicrophone(page);
      await reach(page, 'ready');
      await page.keyboard.down(' ');
      await page.locator('body[data-state=user-speaks][data-microphone]').waitFor();
      await speak(await spokenQuestion(engines, 'Tell me, what can you do?', 300));
      // Released by mistake: the key is pressed again before the tail of the turn has been recorded.
      await page.evaluate(() => {
        for (const type of ['keyup', 'keydown'])
          document.body.dispatchEvent(new KeyboardEvent(type, { key: ' ', code: 'Space', bubbles: true }));
      });
      await page.keyboard.up(' ');
      await reach(page, 'agent-speaks');
      assert.equal(await sentOrReceived(page, 'input_audio_buffer.commit').count(), 1);
      const cleared = await sentOrReceived(page, 'input_audio_buffer.clear').count();
      assert.equal(cleared, transport === 'webrtc' ? 1 : 0, 'only the silence before the turn');
      await entries(page, 'user')
        .filter({ hasText: /you do/i })
        .waitFor();
      await page.keyboard.press('Escape');
      await page.locator('[data-role=assistant][data-interrupted]').waitFor();
      await reach(page, 'ready');
      assert.equal(
        await page.getByTestId('status').textContent(),
        'Ready',
        'the microphone is open, but not listening',
      );
      assert.deepEqual(complaints, []);
    });

    test(`speech does not interrupt the answer if interrupt_response is false: ${transport}`, async (t) => {
      const server = await serve(t);
      const detection = { type: 'server_vad', interrupt_response: false, create_response: false };
      const stored = { session: { audio: { input: { turn_detection: detection } } }, transport };
      const { page, complaints } = await openPage(t, server.url, { stored });
      const speak = await giveMicrophone(page);
      await reach(page, 'ready');
      await page.getByTestId('talk').click();
      await page.locator('body[data-microphone]').waitFor();
      await page.getByTestId('text-input').fill('What can you do?');
      await page.getByTestId('send').click();
      await reach(page, 'agent-speaks');
      void speak(await spokenQuestion(engines, 'What time is it?'));
      await sentOrReceived(page, 'input_audio_buffer.committed').waitFor();
      await reach(page, 'listening');
      assert.equal(await page.locator('[data-interrupted]').count(), 0);
      assert.equal(
        await entries(page, 'assistant').locator('.unheard').textContent(),
        '',
        'the whole answer was heard',
      );
      assert.equal(await sentOrReceived(page, 'conversation.item.truncated').count(), 0);
      assert.deepEqual(complaints, []);
    });

    test(`a typed question is answered aloud without the microphone: ${transport}`, async (t) => {
      const server = await serve(t);
      const { page, complaints } = await openPage(t, server.url, { stored: { transport } });
      await page.evaluate(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('The page asked for the microphone.'));
      });
      await typeSum(page);
      await reach(page, 'ready');
      assert.equal(await entries(page, 'user').textContent(), 'What is two plus two?');
      await page.locator('[data-role=assistant]').getByRole('button', { name: 'Replay' }).click();
      await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
      assert.equal(await page.locator('.notice').count(), 0);
      assert.deepEqual(complaints, []);
    });
  }

  test('the words of the user appear while they are spoken', async (t) => {
    const server = await newServer(t, { engines: fakeEngineSet({ ...fakeEngines(), transcriber: new Follower() }) });
    const { page } = await openPage(t, server.url, { samples: tone(60_000, 24_000) });
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.locator('body[data-state=user-speaks] [data-role=user]', { hasText: 'Where is my' }).waitFor();
  });

  test('the page calls by itself, and uses a WebSocket where calls are impossible, also after a reload', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url, { stored: { transport: undefined } });
    await page.getByText(/· WebRTC$/).waitFor();

    const offers: string[] = [];
    await page.route('**/v1/realtime/calls?*', (route) => {
      offers.push(route.request().method());
      return route.fulfill({ status: 404, body: 'Not here.' });
    });
    const notice = page.locator('.notice', {
      hasText: 'The server did not accept the call (HTTP 404). A WebSocket is used instead.',
    });
    await page.reload();
    await notice.waitFor();
    await page.getByText(/· WebSocket$/).waitFor();
    await page.reload();
    await page.getByText(/· WebSocket$/).waitFor();
    await notice.waitFor();
    assert.deepEqual(offers, ['POST'], 'after a failure, no other call is tried');

    await page.unroute('**/v1/realtime/calls?*');
    await page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'));
    await page.getByRole('button', { name: 'Settings' }).click();
    for (const value of ['websocket', 'webrtc']) await page.getByLabel('Transport').selectOption(value);
    await page.reload();
    await page.locator('.notice', { hasText: 'This browser has no WebRTC.' }).waitFor();
    await reach(page, 'ready');
  });

  test('a server that restarts or does not answer an offer is called again', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    const now = Date.now();
    await page.clock.install({ time: now });
    await page.clock.pauseAt(now + 60_000);
    const aborted: string[] = [];
    page.on('requestfailed', (request) => aborted.push(request.method()));
    const offers = '**/v1/realtime/calls?*';
    await page.route(offers, (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '5' }, body: '' }));
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Transport').selectOption('webrtc');
    await page.getByRole('button', { name: 'Reconnect with these' }).click();
    await page.locator('.notice', { hasText: 'did not accept the call (HTTP 503). Reconnecting…' }).waitFor();

    await page.unroute(offers);
    await page.route(offers, () => {});
    const offered = page.waitForRequest(offers);
    await page.clock.runFor(4900);
    assert.equal(await page.getByTestId('status').textContent(), 'Disconnected', 'not before Retry-After');
    await page.clock.runFor(100);
    await offered;
    await page.clock.runFor(15_000);
    await reach(page, 'disconnected');
    assert.deepEqual(aborted, ['POST']);

    await page.unroute(offers);
    await page.clock.runFor(2000);
    await page.getByText(/· WebRTC$/).waitFor();
    await reach(page, 'ready');
  });

  test('where UDP does not pass, the page says so and uses a WebSocket', async (t) => {
    // An address for documentation (RFC 5737), which answers nothing.
    const server = await serve(t, { callAddresses: ['192.0.2.1'] });
    const { page } = await openPage(t, server.url);
    await page.clock.install();
    await page.evaluate(() => {
      const { prototype } = RTCPeerConnection;
      const answered = new Promise<void>((resolve) => {
        prototype.setRemoteDescription = new Proxy(prototype.setRemoteDescription, {
          async apply(set, peer, description) {
            await Reflect.apply(set, peer, description);
            resolve();
          },
        });
      });
      Object.assign(window, { answered });
    });
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Transport').selectOption('webrtc');
    await page.getByRole('button', { name: 'Reconnect with these' }).click();
    await page.evaluate(() => Reflect.get(window, 'answered'));
    await page.clock.runFor(8000);
    const notice = page.locator('.notice', { hasText: 'No packets pass between the browser and the server (UDP).' });
    await notice.waitFor();
    await page.getByText(/· WebSocket$/).waitFor();
    await notice.getByRole('button', { name: 'Try WebRTC again' }).waitFor();
  });
});
