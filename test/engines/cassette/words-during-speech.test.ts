/** A cassette has the words that were sent during speech, and replays them at the same audio. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerEvent } from '../../../src/protocol/index.ts';
import type { OpenTurn, PartialTranscript, TranscribeOptions } from '../../../src/session/ports/transcriber.ts';
import { update } from '../../support/conversation.ts';
import { tone } from '../../support/fake-engines.ts';
import type { Scripted } from '../script/scripted.ts';
import { arrived, newRecorder, player } from './recorded.ts';

const completed = 'conversation.item.input_audio_transcription.completed';

/** A turn that is cleared after a word, and two that are committed. */
async function converse(scripted: Scripted, chunkMs: number): Promise<ServerEvent[]> {
  const { client } = scripted;
  const transcription = { model: 'gpt-realtime-whisper', delay: 'low' };
  await client.say(update({ audio: { input: { turn_detection: null, transcription } } }));
  await client.speak(tone(300, 24_000), chunkMs);
  await client.say({ type: 'input_audio_buffer.clear' });
  for (const turn of [1, 2]) {
    await client.speak(tone(300, 24_000), chunkMs);
    await client.speak(tone(300, 24_000), chunkMs);
    await client.say({ type: 'input_audio_buffer.commit' });
    await arrived(scripted, completed, turn);
  }
  return client.events;
}

function wordsOf(events: readonly ServerEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === 'conversation.item.input_audio_transcription.delta') return [event.delta];
    return /committed|cleared|completed/.test(event.type) ? [event.type.replace(/^.*\./, '')] : [];
  });
}

test('words sent during speech are recorded and replayed, also those of a discarded turn', async (t) => {
  const recorder = newRecorder(t);
  let turns = 0;
  async function* follow(turn: OpenTurn, { signal }: TranscribeOptions): AsyncGenerator<PartialTranscript> {
    turns += 1;
    for (const [index, text] of [`turn ${turns}`, ' goes', ' on'].entries()) {
      await turn.reaches((index + 1) * 250, signal);
      yield { type: 'delta', text };
    }
  }
  Object.assign(recorder.engines.transcriber, { follow, settings: ['delay'], languages: ['en'] });
  recorder.engines.transcriber.hear = () => `turn ${turns} goes on`;
  const recorded = wordsOf(await converse(recorder.open(), 20));
  await recorder.finish();
  assert.deepEqual(recorded, [
    ...['turn 1', 'cleared'],
    ...['turn 2', ' goes', 'committed', ' on', 'completed'],
    ...['turn 3', ' goes', 'committed', ' on', 'completed'],
  ]);
  for (const chunkMs of [20, 100]) {
    assert.deepEqual(wordsOf(await converse(player(recorder.directory).open(), chunkMs)), recorded);
  }
});

test('a cassette without words during speech is played without them', async (t) => {
  const recorder = newRecorder(t);
  recorder.engines.transcriber.hear = () => 'hello';
  const recorded = wordsOf(await converse(recorder.open(), 20));
  await recorder.finish();
  assert.deepEqual(wordsOf(await converse(player(recorder.directory).open(), 20)), recorded);
});
