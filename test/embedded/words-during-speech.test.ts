/** Words of real speech appear before its end, through the front door (docs/protocol.md, R3.73). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesIn } from '../../src/audio/pcm.ts';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import type { ServerEvent } from '../../src/protocol/index.ts';
import type { Transcriber } from '../../src/session/ports/transcriber.ts';
import { assertUnderstood } from '../engines/speech.ts';
import { borrowed, spokenQuestion, words } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const sentence = 'My brother is coming to see me on Friday evening and I want to cook something good for him.';
const pieceMs = 300;

/** The transcriber, and a promise that is resolved when its next pass over an open turn begins. */
function watched(transcriber: Transcriber): { transcriber: Transcriber; nextPass: () => Promise<void> } {
  let pass = Promise.withResolvers<void>();
  return {
    transcriber: {
      transcribe: (clip, options) => transcriber.transcribe(clip, options),
      follow(turn, options) {
        const reading = {
          get durationMs() {
            return turn.durationMs;
          },
          clip(fromMs: number, toMs?: number) {
            pass.resolve();
            return turn.clip(fromMs, toMs);
          },
          reaches: (durationMs: number, signal: AbortSignal) => turn.reaches(durationMs, signal),
        };
        return transcriber.follow?.(reading, options) ?? assert.fail('it follows no open turns');
      },
    },
    nextPass() {
      pass = Promise.withResolvers<void>();
      return pass.promise;
    },
  };
}

test('words of a spoken sentence arrive during speech, and the transcript continues them', async (t) => {
  verifies('R3.9', 'R3.73', 'R3.75');
  const set = createEngines({}, { transcriberWorkers: 1, pool: { partialShare: 1 } });
  t.after(() => set.close());
  await set.ready;
  const { transcriber, nextPass } = watched(set.engines.transcriber);
  const engines = { ...borrowed(set), engines: { ...set.engines, transcriber } };
  const { wsUrl } = await newServer(t, { engines });
  const client = await WireClient.open(`${wsUrl}?intent=transcription`);
  const transcription = { model: 'gpt-realtime-whisper' };
  client.send({ type: 'session.update', session: { type: 'transcription', audio: { input: { transcription } } } });
  await client.until('session.updated');

  const samples = await spokenQuestion(set, sentence, 300);
  const step = samplesIn(pieceMs, 24_000);
  for (let at = 0; at < samples.length; at += step) {
    const audio = Buffer.from(samples.slice(at, at + step).buffer).toString('base64');
    const passed = at + step <= samples.length ? nextPass() : Promise.resolve();
    client.send({ type: 'input_audio_buffer.append', audio });
    await passed;
  }
  const first = await client.until('conversation.item.input_audio_transcription.delta');
  client.send({ type: 'input_audio_buffer.commit' });
  const events: ServerEvent[] = [first];
  while (events.at(-1)?.type !== 'conversation.item.input_audio_transcription.completed') {
    events.push(await client.next());
  }
  const committed = events.findIndex(({ type }) => type === 'input_audio_buffer.committed');
  const deltas = events.flatMap((event, index) =>
    event.type === 'conversation.item.input_audio_transcription.delta' ? [{ ...event, early: index < committed }] : [],
  );
  const early = deltas
    .filter((delta) => delta.early)
    .map(({ delta }) => delta)
    .join('');
  assert.ok(words(early).split(' ').length >= 5, `only these words came during speech: ${early}`);
  assert.ok(words(sentence).startsWith(words(early)), early);
  const completed = events.at(-1);
  assert.ok(completed?.type === 'conversation.item.input_audio_transcription.completed');
  assertUnderstood(sentence, completed.transcript, 0.1);
  assert.deepEqual(new Set(deltas.map(({ item_id }) => item_id)), new Set([completed.item_id]));
  assert.deepEqual(completed.usage, { type: 'duration', seconds: Math.ceil(samples.length / 24_000) });
  const all = deltas.map(({ delta }) => delta).join('');
  assert.ok(all === completed.transcript || all === early, 'the rest follows, unless words were rewritten');
});
