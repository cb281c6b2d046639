/** The extension `words`: where the words of an answer begin in its audio (docs/protocol.md, R3.91). */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import WebSocket from 'ws';
import type { WordsEvent } from '../../src/protocol/wire/words.ts';
import { fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';

type Received = { type: string } | WordsEvent;

/** The events of an answer to a client with this query. */
async function answered(t: TestContext, query: string, { timed }: { timed: boolean }): Promise<Received[]> {
  const engines = fakeEngines();
  engines.languageModel.script = () => say('One two three. Four five.');
  const { voice } = engines;
  const speak = voice.speak.bind(voice);
  if (!timed) {
    voice.speak = async function* (text, options) {
      for await (const { words: _untimed, ...chunk } of speak(text, options)) yield chunk;
    };
  }
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const socket = new WebSocket(`${wsUrl}?model=gpt-realtime${query}`);
  const events: Received[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    const event: Received = JSON.parse(data.toString());
    events.push(event);
    if (event.type === 'session.created') socket.send('{"type":"response.create"}');
    if (event.type === 'rate_limits.updated') resolve();
  });
  await promise;
  socket.terminate();
  return events;
}

function starts(events: readonly Received[]): [character: number, ms: number][] {
  return events.flatMap((event) =>
    'words' in event
      ? event.words.map(({ start_char, audio_start_ms }): [number, number] => [start_char, audio_start_ms])
      : [],
  );
}

test('each clause of a transcript, and each word that the voice has timed, has its place in the audio', async (t) => {
  verifies('R3.91', 'R1.32');
  const clauses = [
    [0, 0],
    [14, 750],
    [25, 1250],
  ];
  assert.deepEqual(starts(await answered(t, '&parley=words', { timed: false })), clauses);
  const events = await answered(t, '&parley=words', { timed: true });
  // The first words of a clause are timed twice: with the transcript, and by the voice.
  const words = [
    [0, 0],
    [0, 0],
    [4, 250],
    [8, 500],
    [14, 750],
    [15, 750],
    [20, 1000],
    [25, 1250],
  ];
  assert.deepEqual(starts(events), words);
  const types = events.map(({ type }) => type);
  assert.equal(types[types.indexOf('response.output_audio_transcript.delta') + 1], 'parley.words');
  assert.ok(types.lastIndexOf('parley.words') < types.indexOf('response.output_audio.done'));
});

test('a client that does not request it gets no such events', async (t) => {
  verifies('R1.32');
  assert.deepEqual(starts(await answered(t, '', { timed: true })), []);
});
