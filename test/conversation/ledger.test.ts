/** The stages of an answer, and what its first sound waited for (docs/turn-taking.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { concatSamples } from '../../src/audio/pcm.ts';
import { type LedgerEntry, TurnLedger } from '../../src/session/observing/turn-ledger.ts';
import { newConversation } from '../support/conversation.ts';
import { say } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { input, quiet, speech, turn } from './turns/support.ts';

/** A conversation with engines that take this long on the Clock, and the ledger of its responses. */
function timed({ overlap }: { overlap: 'on' | 'off' }) {
  const entries: (LedgerEntry | undefined)[] = [];
  const ledger = new TurnLedger((_response, _times, entry) => entries.push(entry));
  const conversation = newConversation({ overlap }, { observers: [ledger] });
  const { engines, clock } = conversation;
  const pass = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  engines.transcriber.hear = async () => {
    await pass(100);
    return 'How are you today?';
  };
  engines.languageModel.script = async function* () {
    await pass(40);
    yield* say('Fine, thank you.');
  };
  const { voice } = engines;
  const speak = voice.speak.bind(voice);
  voice.speak = async function* (text, options) {
    await pass(20);
    yield* speak(text, options);
  };
  return { ...conversation, entries };
}

test('without overlap, the parts add up to the time from the end of speech to the first audible sample', async () => {
  const { client, clock, entries } = timed({ overlap: 'off' });
  await client.speak(turn);
  await clock.advance(10_000);
  const [entry] = entries;
  assert.equal(entry?.itemId, client.last('input_audio_buffer.committed').item_id);
  assert.equal(entry?.responseId, client.last('response.done').response.id);
  assert.deepEqual(entry?.atMs, { decided: 500, transcript: 600, first_token: 640, first_audio: 660, audible: 660 });
  assert.deepEqual(entry?.partsMs, { policy: 500, transcriber: 100, language_model: 40, voice: 20, parley: 0 });
});

test('work in the pause of the turn takes no part of the time', async () => {
  const { client, clock, entries } = timed({ overlap: 'on' });
  await client.speak(concatSamples([quiet(400), speech(800), quiet(128)]));
  await clock.advance(300);
  await client.speak(quiet(600));
  await clock.advance(10_000);
  assert.deepEqual(entries[0]?.partsMs, { policy: 500, transcriber: 0, language_model: 0, voice: 0, parley: 0 });
  assert.equal(entries[0]?.atMs.audible, 500);
});

test('a response that a client requests before the transcript is known is an answer to the turn', async () => {
  const { client, clock, entries } = timed({ overlap: 'off' });
  await client.say(input({ turn_detection: { type: 'server_vad', create_response: false } }));
  await client.speak(turn);
  for (const _request of [1, 2]) {
    await client.say({ type: 'response.create' });
    await clock.advance(10_000);
  }
  const [first, second] = entries;
  assert.deepEqual([first?.atMs.decided, first?.atMs.transcript], [500, 600]);
  assert.deepEqual([second?.itemId, second?.atMs.decided], [undefined, undefined]);
});

test('silence at the beginning of the voice counts, and a response without audio has no parts', async () => {
  const { client, clock, entries, engines } = timed({ overlap: 'off' });
  engines.voice.speak = async function* () {
    const samples = concatSamples([new Int16Array(16 * 30), speech(200)]);
    yield { samples, sampleRateHz: 16_000 };
  };
  await client.speak(turn);
  await clock.advance(10_000);
  assert.ok(Math.abs((entries[0]?.partsMs?.parley ?? 0) - 30) < 2, JSON.stringify(entries[0]));
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  await clock.advance(10_000);
  assert.equal(entries[1]?.partsMs, undefined);
  assert.deepEqual(Object.keys(entries[1]?.atMs ?? {}), ['first_token']);
});

test('clients that request the extension get the ledger after response.done, others do not', async (t) => {
  verifies('R3.85', 'R1.32');
  const { wsUrl } = await newServer(t);
  const received = async (query: string) => {
    const socket = new WebSocket(`${wsUrl}?model=gpt-realtime${query}`);
    const events: { type: string; response_id?: string; response?: { id: string }; parts_ms?: object }[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on('message', (data) => {
      const event = JSON.parse(data.toString());
      events.push(event);
      if (event.type === 'session.created') {
        socket.send(JSON.stringify({ type: 'conversation.item.create', item: hello }));
        socket.send(JSON.stringify({ type: 'response.create' }));
      }
      if (event.type === 'rate_limits.updated') resolve();
    });
    await promise;
    socket.terminate();
    return events;
  };
  const events = await received('&parley=ledger');
  const ledger = events.find(({ type }) => type === 'parley.ledger');
  const done = events.find(({ type }) => type === 'response.done');
  assert.ok(ledger && done && events.indexOf(ledger) > events.indexOf(done));
  assert.equal(ledger.response_id, done.response?.id);
  const parts = ['policy', 'transcriber', 'language_model', 'voice', 'parley'];
  assert.deepEqual(Object.keys(ledger.parts_ms ?? {}), parts);
  assert.ok((await received('')).every(({ type }) => type !== 'parley.ledger'));
});

const hello = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] };
