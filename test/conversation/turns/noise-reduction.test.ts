/** Noise reduction of input audio, with a detector that halves every sample. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import type { NoiseReduction, VoiceActivityDetector } from '../../../src/session/ports/voice-activity.ts';
import { audioOf, newConversation } from '../../support/conversation.ts';
import { loudnessDetector } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, marks, quiet, speech, turn } from './support.ts';

/** As much of the end as this is not reduced yet: 20 ms at 24 kHz. */
const delay = 480;

/** Subtracts half of each sample times the strength, with a delay; frames are those of the original audio. */
function halvingDetector(): VoiceActivityDetector {
  return {
    reducesNoise: true,
    open(options) {
      const stream = loudnessDetector.open(options);
      let reduction: NoiseReduction | undefined;
      let held = new Int16Array(0);
      return {
        frameMs: stream.frameMs,
        reduceNoise: (wanted) => {
          reduction = wanted;
        },
        async push(samples) {
          const added = samples.slice();
          const frames = (await stream.push(samples)) ?? [];
          if (!reduction) return frames;
          held = concatSamples([held, added]);
          const done = held.subarray(0, Math.max(0, held.length - delay));
          held = held.slice(done.length);
          const { strength } = reduction;
          reduction.write(done.map((sample) => Math.round(sample * (1 - strength / 2))));
          return frames;
        },
        close: () => stream.close(),
      };
    },
  };
}

function newReducingConversation() {
  const conversation = newConversation();
  conversation.engines.voiceActivity = halvingDetector();
  return conversation;
}

function samplesOf(item: Parameters<typeof audioOf>[0]): Int16Array {
  return new Int16Array(new Uint8Array(audioOf(item)).buffer);
}

const loudest = (samples: Int16Array) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
const full = loudest(speech(100));

for (const chunkMs of [20, 700]) {
  test(`turns consist of reduced audio at its exact positions, in chunks of ${chunkMs} ms`, async () => {
    const plain = newConversation();
    const reducing = newReducingConversation();
    await reducing.client.say(input({ noise_reduction: { type: 'near_field' } }));
    const items: Int16Array[] = [];
    for (const { client } of [plain, reducing]) {
      await client.speak(concatSamples([turn, turn]), chunkMs);
      const committed = client.all('input_audio_buffer.committed').at(-1);
      items.push(samplesOf(await client.retrieve(committed?.item_id ?? '')));
    }
    const [original = new Int16Array(0), reduced] = items;
    assert.deepEqual(marks(reducing.client), marks(plain.client));
    assert.deepEqual(
      reduced,
      original.map((sample) => Math.round(sample / 2)),
    );
    const [clip] = reducing.engines.transcriber.clips;
    assert.equal(loudest(clip?.samples ?? new Int16Array(0)), full / 2, 'for the transcriber too');
  });
}

test('without turn detection, committed audio is reduced except for its last milliseconds', async () => {
  const { client } = newReducingConversation();
  await client.say(input({ turn_detection: null, noise_reduction: { type: 'far_field' } }));
  const said = speech(500);
  await client.speak(said);
  await client.say({ type: 'input_audio_buffer.commit' });
  const item = samplesOf(await client.retrieve(client.last('input_audio_buffer.committed').item_id));
  assert.equal(item.length, said.length);
  assert.deepEqual(
    item.subarray(0, -delay),
    said.subarray(0, -delay).map((sample) => Math.round(sample / 2)),
  );
  assert.deepEqual(item.subarray(-delay), said.subarray(-delay));
});

test('strength applies to the audio that follows, and null turns reduction off', async () => {
  verifies('R2.6');
  const { client } = newReducingConversation();
  const levels: number[] = [];
  for (const noise_reduction of [{ type: 'near_field' }, { type: 'near_field', strength: 0.5 }, {}, null, {}]) {
    await client.say(input({ turn_detection: null, noise_reduction }));
    await client.speak(concatSamples([speech(500), quiet(100)]));
    await client.say({ type: 'input_audio_buffer.commit' });
    const committed = client.all('input_audio_buffer.committed').at(-1);
    const item = samplesOf(await client.retrieve(committed?.item_id ?? ''));
    levels.push(loudest(item.subarray(4800)) / full);
  }
  assert.deepEqual(levels, [0.5, 0.75, 0.75, 1, 0.5]);
});
