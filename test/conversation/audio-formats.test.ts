/** Input and output formats, and changes between them (docs/protocol.md §2, §8). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../../src/audio/g711.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import { audioOf, newConversation } from '../support/conversation.ts';
import { silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { pcm, updated } from './session/session-updates.ts';

const g711 = [
  { type: 'audio/pcmu', encode: encodeMulaw, decode: decodeMulaw },
  { type: 'audio/pcma', encode: encodeAlaw, decode: decodeAlaw },
] as const;

for (const { type, encode, decode } of g711) {
  test(`${type} in both directions: one byte per sample at 8 kHz`, async () => {
    verifies('R2.18', 'R3.30');
    const { client, clock, engines } = newConversation();
    await updated(client, { audio: { input: { format: { type } }, output: { format: { type } } } });
    engines.languageModel.script = () => [
      { type: 'text', text: 'One two three four.' },
      { type: 'finish', reason: 'stop' },
    ];
    const samples = concatSamples([silence(400, 8000), tone(1200, 8000), silence(700, 8000)]);
    const bytes = encode(samples);
    for (let start = 0; start < bytes.length; start += 160) client.append(bytes.subarray(start, start + 160));
    await clock.advance(10_000);

    assert.equal(client.last('input_audio_buffer.speech_started').audio_start_ms, 384 - 300);
    assert.equal(client.last('input_audio_buffer.speech_stopped').audio_end_ms, 1600 + 500);
    const { item_id } = client.last('input_audio_buffer.committed');
    const heard = audioOf(await client.retrieve(item_id));
    assert.deepEqual(
      heard,
      Buffer.from(bytes.subarray(84 * 8, 2100 * 8)),
      'the item gives back the bytes it was given',
    );
    const [clip] = engines.transcriber.clips;
    assert.equal(clip?.sampleRateHz, 8000);
    assert.deepEqual(clip?.samples, decode(bytes.subarray(84 * 8, 1800 * 8)));

    const sent = Buffer.concat(
      client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64')),
    );
    assert.equal(sent.length, 4 * 250 * 8);
    const loudness = Math.sqrt(decode(sent).reduce((sum, sample) => sum + sample * sample, 0) / sent.length);
    assert.ok(Math.abs(loudness - 12_000 / Math.SQRT2) < 300, `a tone came out at ${loudness}`);
    const { item_id: answer } = client.last('response.output_audio.done');
    assert.deepEqual(audioOf(await client.retrieve(answer)), sent);
  });
}

test('a change of the input format clears the buffer; time continues', async () => {
  verifies('R2.20');
  const { client } = newConversation();
  await client.speak(tone(500, 24000));
  await updated(client, { audio: { input: { format: { type: 'audio/pcmu' } } } });
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(client.lastError().code, 'input_audio_buffer_commit_empty');
  client.append(encodeMulaw(concatSamples([silence(320, 8000), tone(640, 8000), silence(640, 8000)])));
  await client.say({ type: 'input_audio_buffer.clear' });
  // 500 ms were appended before; the tone begins 320 ms later, less 300 ms of padding.
  assert.equal(client.last('input_audio_buffer.speech_started').audio_start_ms, 500 + 320 - 300);
});

test('an odd byte of pcm is carried to the next append (docs/protocol.md §8), but not to another format', async () => {
  verifies('R8.4');
  const { client } = newConversation();
  await updated(client, { audio: { input: { turn_detection: null } } });
  const samples = tone(200, 24000);
  const bytes = Buffer.from(samples.buffer);
  for (let start = 0; start < bytes.length; start += 7) client.append(bytes.subarray(start, start + 7));
  await client.say({ type: 'input_audio_buffer.commit' });
  const { item_id } = client.last('input_audio_buffer.committed');
  assert.deepEqual(audioOf(await client.retrieve(item_id)), bytes);

  client.append(bytes.subarray(0, 1));
  await updated(client, { audio: { input: { format: { type: 'audio/pcmu' } } } });
  await updated(client, { audio: { input: { format: pcm } } });
  client.append(bytes);
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(audioOf(await client.retrieve(client.last('input_audio_buffer.committed').item_id)), bytes);
});
