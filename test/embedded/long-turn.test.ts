/** A turn that is longer than the transcriber's window, through the front door. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples, durationMs } from '../../src/audio/pcm.ts';
import type { Transcriber } from '../../src/session/ports/transcriber.ts';
import { assertUnderstood, silence } from '../engines/speech.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const sentences = [
  'My brother is coming to see me on Friday evening and I want to cook something good for him.',
  'He likes fish and rice, but he does not eat any meat, and he is allergic to nuts.',
  'Last year I made a soup from vegetables, which took me the whole afternoon.',
  'Could you tell me what I can prepare in less than one hour for four people?',
];
const pauseMs = 300;

test('a turn of more than 20 s is transcribed completely, in parts while it is spoken', async (t) => {
  const set = await embeddedEngines();
  t.after(() => set.close());
  const { transcriber } = set.engines;
  const turns: (object | undefined)[] = [];
  let transcribed = Promise.withResolvers<void>();
  const watched: Transcriber = {
    async *transcribe(clip, options) {
      turns.push(clip.turn);
      try {
        yield* transcriber.transcribe(clip, options);
      } finally {
        transcribed.resolve();
      }
    },
  };
  const engines = { ...borrowed(set), engines: { ...set.engines, transcriber: watched } };
  const { wsUrl } = await newServer(t, { engines });
  const client = await WireClient.open(`${wsUrl}?model=m`);
  const detection = { type: 'server_vad', silence_duration_ms: 1500, create_response: false };
  const input = { transcription: {}, turn_detection: detection };
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
  await client.until('session.updated');
  const send = (samples: Int16Array) => {
    const audio = Buffer.from(samples.slice().buffer).toString('base64');
    client.send({ type: 'input_audio_buffer.append', audio });
  };
  const said = [...sentences, ...sentences.slice(0, 2)];
  let ms = 0;
  for (const sentence of said) {
    const speech = await spokenQuestion(set, sentence, pauseMs);
    ms += durationMs(speech.length, 24_000);
    transcribed = Promise.withResolvers();
    send(speech);
    await transcribed.promise;
  }
  assert.ok(ms > 22_000, `${ms} ms`);
  send(concatSamples([silence(1800, 24_000)]));
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  assert.ok(turns.length >= said.length && turns[0] !== undefined && new Set(turns).size === 1);
  assertUnderstood(said.join(' '), transcript, 0.15);
});
