/** Where turns begin and end (docs/protocol.md §3b, §8). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { audioOf, type Client, newConversation } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { input, marks, quiet, speech, turn, vad } from './support.ts';

const several = concatSamples([
  quiet(100),
  speech(500),
  quiet(530),
  speech(90),
  quiet(200),
  speech(700),
  quiet(1100),
  speech(40),
  quiet(900),
  speech(600),
  quiet(600),
]);

// biome-ignore format: a recording reads best in a line
const chunkings = { 'one append': 60_000, '200 ms': 200, '20 ms': 20, '7 samples': 7 / 24, 'live, 20 ms': 20 };

/** Appends audio like a microphone: each chunk has passed voice activity detection before the next one arrives. */
async function speakLive(client: Client, samples: Int16Array, chunkMs: number): Promise<void> {
  const step = chunkMs * 24;
  for (let at = 0; at < samples.length; at += step) await client.speak(samples.slice(at, at + step), chunkMs);
}

test('remote engines connect when the user begins to speak', async () => {
  const { client, engines } = newConversation();
  const warmed: string[] = [];
  const parts = ['transcriber', 'languageModel', 'voice'] as const;
  for (const part of parts) Object.assign(engines[part], { warm: () => warmed.push(part) });
  await client.speak(quiet(400));
  assert.deepEqual(warmed, []);
  await client.speak(speech(800));
  assert.equal(client.all('input_audio_buffer.speech_stopped').length, 0);
  assert.deepEqual(warmed, parts);
});

test('the chunking of audio does not affect turns', async (t) => {
  verifies(
    'R3.5',
    'R3.9',
    'R3.23',
    'ga.server.input_audio_buffer.speech_started',
    'ga.server.input_audio_buffer.speech_stopped',
    'ga.server.input_audio_buffer.committed',
  );
  const results: unknown[] = [];
  for (const [name, chunkMs] of Object.entries(chunkings)) {
    await t.test(name, async () => {
      const { client, engines } = newConversation();
      engines.transcriber.hear = (clip) => `${clip.samples.length} samples`;
      await client.say(input({ transcription: {}, turn_detection: { type: 'server_vad', create_response: false } }));
      client.forget();
      if (name.startsWith('live')) await speakLive(client, several, chunkMs);
      else await client.speak(several, chunkMs);
      const ids = client.all('input_audio_buffer.committed').map((event) => event.item_id);
      const started = client.all('input_audio_buffer.speech_started').map((event) => event.item_id);
      const stopped = client.all('input_audio_buffer.speech_stopped').map((event) => event.item_id);
      const previous = client.all('input_audio_buffer.committed').map((event) => event.previous_item_id);
      assert.deepEqual([started, stopped], [ids, ids]);
      assert.deepEqual(previous, [null, ...ids.slice(0, -1)]);
      const transcripts = client.all('conversation.item.input_audio_transcription.completed');
      assert.deepEqual(
        transcripts.map((event) => event.item_id),
        ids,
      );
      const audio: string[] = [];
      for (const id of ids) audio.push(audioOf(await client.retrieve(id)).toString('base64'));
      results.push({ marks: marks(client), transcripts: transcripts.map((event) => event.transcript), audio });
    });
  }
  assert.equal((results[0] as { audio: string[] }).audio.length, 3, 'the recording holds three turns, and a click');
  for (const result of results) assert.deepEqual(result, results[0]);
});

test('the audio of a turn for the transcriber ends with the turn, even if more was appended', async () => {
  const given: number[][] = [];
  for (const chunkMs of [60_000, 20]) {
    const { client, engines } = newConversation();
    await client.say(vad({ silence_duration_ms: 64 }));
    await speakLive(client, several, chunkMs);
    given.push(engines.transcriber.clips.map((clip) => clip.samples.length));
  }
  assert.deepEqual(given[0], given[1]);
});

test('prefix padding is limited by the start of the recording and by the last commit', async () => {
  verifies('R3.6', 'R3.24');
  const { client } = newConversation();
  await client.say(vad({ prefix_padding_ms: 1000, silence_duration_ms: 200 }));
  await client.speak(concatSamples([speech(640), quiet(320), speech(640), quiet(320)]));
  // Frames of 32 ms: the first turn is voiced until 640, and ends 200 ms later; the second begins there.
  assert.deepEqual(marks(client), [
    [0, 840],
    [840, 1800],
  ]);
  const [first, second] = client.all('input_audio_buffer.committed').map((event) => event.item_id);
  const bytes = [await client.retrieve(first ?? ''), await client.retrieve(second ?? '')].map(
    (item) => audioOf(item).length,
  );
  assert.deepEqual(bytes, [840 * 48, 960 * 48], 'the items hold all audio between, once');
});

test('threshold and silence_duration_ms apply, also when they change during a turn', async () => {
  verifies('R3.24');
  const { client } = newConversation();
  await client.say(vad({ threshold: 0.96 }));
  await client.speak(turn);
  assert.deepEqual(marks(client), [], 'what the detector is 95 % sure of is below the threshold');
  await client.say(vad({ silence_duration_ms: 1000, prefix_padding_ms: 0 }));
  client.forget();
  await client.speak(concatSamples([speech(640), quiet(900)]));
  assert.deepEqual(client.types(), ['input_audio_buffer.speech_started']);
  await client.say(vad({ silence_duration_ms: 300 }));
  await client.speak(quiet(40));
  assert.equal(client.all('input_audio_buffer.speech_stopped').length, 1);
});

test('semantic_vad waits longer at lower eagerness', async () => {
  verifies('R3.25');
  const ends: number[] = [];
  for (const eagerness of ['high', 'auto', 'low']) {
    const { client, engines } = newConversation();
    engines.transcriber.hear = () => 'Hello there.';
    await client.say(input({ turn_detection: { type: 'semantic_vad', eagerness } }));
    await client.speak(concatSamples([quiet(320), speech(640), quiet(2500)]));
    ends.push(client.last('input_audio_buffer.speech_stopped').audio_end_ms - 960);
  }
  assert.ok(ends[0] && ends[1] && ends[2] && 0 < ends[0] && ends[0] < ends[1] && ends[1] < ends[2], ends.join(' < '));
});

test('times are whole milliseconds, wherever turn detection is switched on', async () => {
  const { client } = newConversation();
  await client.say(input({ turn_detection: null }));
  await client.speak(quiet(1000 + 7 / 24));
  await client.say(vad({}));
  await client.speak(turn);
  assert.deepEqual(marks(client), [[1000 + 384 - 300, 1000 + 1216 + 500]]);
});

test('probability slightly below the threshold continues a turn, but does not begin one', async () => {
  const { client, engines } = newConversation();
  const probabilities = [...Array(10).fill(0.4), ...Array(5).fill(0.9), ...Array(30).fill(0.4), ...Array(30).fill(0.3)];
  engines.voiceActivity = {
    open: () => ({
      frameMs: 32,
      push: async (samples) =>
        probabilities
          .splice(0, Math.round(samples.length / 768))
          .map((probability) => ({ probability, energyDb: -20, pitchHz: 0 })),
      close() {},
    }),
  };
  await client.speak(quiet(probabilities.length * 32), 32);
  assert.deepEqual(marks(client), [[320 - 300, 1440 + 500]]);
});

test('a failure of voice activity detection is reported, and detection resumes with the next append', async () => {
  verifies('R5.60');
  const { client, engines } = newConversation();
  const { open } = engines.voiceActivity;
  engines.voiceActivity.open = () => ({ frameMs: 32, push: () => Promise.reject(new Error('no model')), close() {} });
  await client.speak(speech(20));
  assert.deepEqual(
    [client.lastError().type, client.lastError().code],
    ['server_error', 'voice_activity_detection_failed'],
  );
  assert.match(client.lastError().message, /voice activity detection failed: no model/);
  engines.voiceActivity.open = open;
  await client.speak(turn);
  assert.equal(client.all('response.created').length, 1);
});
