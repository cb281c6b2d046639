/** A peer that carries audio itself, beside peers that exchange audio in events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMulaw, encodeMulaw } from '../../src/audio/g711.ts';
import { bytesToSamples, concatSamples, rmsDbfs } from '../../src/audio/pcm.ts';
import { createResampler } from '../../src/audio/resample.ts';
import type { RealtimeSession } from '../../src/session/realtime-session.ts';
import { base64Audio } from '../../src/transport/base64-audio.ts';
import { AudioPeer } from '../support/audio-peer.ts';
import { audioOf, Client, newConversation, update } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { countTo, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { updated } from './session/session-updates.ts';

const turn = (sampleRateHz: number) =>
  concatSamples([silence(400, sampleRateHz), tone(1190, sampleRateHz), silence(700, sampleRateHz)]);

/** The audio of a peer's events, as 16-bit samples. */
function deltas(client: Client): Int16Array {
  const sent = client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64'));
  return bytesToSamples(Buffer.concat(sent));
}

function withAudioPeer(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation(settings);
  return { ...conversation, phone: new AudioPeer(conversation.session) };
}

test('an audio peer exchanges PCM, and gets every event without audio', async () => {
  verifies('R1.17', 'R3.23');
  const { client, phone, clock, engines } = withAudioPeer();
  engines.languageModel.script = () => say('One two three four.');
  client.forget();
  phone.forget();
  await phone.write(turn(48_000), 48_000);
  await clock.advance(10_000);

  assert.equal(client.last('input_audio_buffer.speech_started').audio_start_ms, 384 - 300);
  assert.equal(client.last('input_audio_buffer.speech_stopped').audio_end_ms, 1600 + 500);
  const [clip] = engines.transcriber.clips;
  assert.equal(clip?.sampleRateHz, 24_000, 'it is brought to the rate of the session');
  assert.ok(rmsDbfs(clip.samples) > -20);

  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(
    phone.events,
    client.events.filter(({ type }) => type !== 'response.output_audio.delta'),
  );
  assert.equal(phone.last('response.output_audio_transcript.done').transcript, 'One two three four.');
  assert.ok(phone.last('response.output_audio.done'));
  assert.equal(deltas(client).length, 24 * 1000);
  assert.deepEqual(phone.loudspeaker.samples, deltas(client));
  const { item_id, content_index } = phone.last('response.output_audio.done');
  for (const { itemId, contentIndex, sampleRateHz } of phone.loudspeaker.taken) {
    assert.deepEqual([itemId, contentIndex, sampleRateHz], [item_id, content_index, 24_000]);
  }
});

test('an audio peer gets PCM even if the session has a telephone format for other peers', async () => {
  const { client, phone, clock, engines } = withAudioPeer();
  engines.languageModel.script = () => say('One two three four.');
  const format = { type: 'audio/pcmu' };
  await updated(client, { audio: { input: { format }, output: { format } } });
  await phone.write(turn(48_000), 48_000);
  await clock.advance(10_000);
  const sent = client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64'));
  assert.deepEqual(decodeMulaw(encodeMulaw(phone.loudspeaker.samples)), decodeMulaw(Buffer.concat(sent)));
  assert.equal(phone.loudspeaker.taken[0]?.sampleRateHz, 8000);
});

test('audio of an audio peer stays in order with events, and an append before a change of the format', async () => {
  verifies('R2.20');
  const { client, phone, session } = withAudioPeer();
  await updated(client, { audio: { input: { turn_detection: null } } });
  const sound = tone(200, 8000);
  // All events are passed at once, without awaiting the change.
  client.post(update({ audio: { input: { format: { type: 'audio/pcmu' } } } }));
  client.append(encodeMulaw(sound));
  session.write({ samples: sound, sampleRateHz: 8000 }, phone);
  client.post({ type: 'input_audio_buffer.commit' });
  session.write({ samples: tone(400, 8000), sampleRateHz: 8000 }, phone);
  await settle();
  const { item_id } = client.last('input_audio_buffer.committed');
  assert.deepEqual(audioOf(await client.retrieve(item_id)), Buffer.from(encodeMulaw(concatSamples([sound, sound]))));
});

test('a resampler loses no samples of a chunked stream', async () => {
  const { client, phone } = withAudioPeer();
  await updated(client, { audio: { input: { turn_detection: null } } });
  const sound = tone(1000, 48_000);
  await phone.write(sound, 48_000);
  await client.say({ type: 'input_audio_buffer.commit' });
  const { item_id } = client.last('input_audio_buffer.committed');
  const resampler = await createResampler(48_000, 24_000, { align: false });
  const expected = resampler.push(sound);
  resampler.free();
  assert.deepEqual(bytesToSamples(audioOf(await client.retrieve(item_id))), expected);
});

test('an odd byte belongs to its peer, and is dropped if the append is refused', async () => {
  verifies('R8.4');
  const { client, session } = newConversation({ limits: { inputBufferMs: 1000 } });
  const other = new Client(session);
  await updated(client, { audio: { input: { turn_detection: null } } });
  const bytes = Buffer.from(tone(200, 24_000).buffer);
  client.append(bytes.subarray(0, 1));
  other.append(bytes);
  client.append(bytes.subarray(1));
  client.append(Buffer.alloc(48_001));
  assert.equal(client.lastError().code, 'input_audio_buffer_full');
  client.append(bytes);
  await client.say({ type: 'input_audio_buffer.commit' });
  const { item_id } = client.last('input_audio_buffer.committed');
  assert.deepEqual(audioOf(await client.retrieve(item_id)), Buffer.concat([bytes, bytes, bytes]));
});

test('a stream gets one error when the buffer is full, and continues when there is room', async () => {
  const { client, phone } = withAudioPeer({ limits: { inputBufferMs: 1000 } });
  await updated(client, { audio: { input: { turn_detection: null } } });
  phone.forget();
  await phone.write(silence(1500, 24_000), 24_000);
  assert.equal(phone.all('error').length, 1);
  assert.equal(phone.lastError().code, 'input_audio_buffer_full');
  await client.say({ type: 'input_audio_buffer.clear' });
  await phone.write(tone(500, 24_000), 24_000);
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.ok(client.last('input_audio_buffer.committed'));
  assert.equal(phone.all('error').length, 1);
});

test('barge-in truncates the response at the position of the audio peer', async () => {
  const { client, phone, engines } = withAudioPeer();
  engines.languageModel.script = () => say(countTo(12));
  phone.loudspeaker.bufferMs = 1000;
  await client.say({ type: 'response.create' });
  assert.equal(phone.loudspeaker.samples.length, 24 * 1000, 'the loudspeaker says how much it takes');
  phone.loudspeaker.playNext(3);
  await settle();
  client.forget();
  await phone.write(tone(1000, 48_000), 48_000);
  await settle();
  assert.deepEqual(
    client.types().filter((type) => !type.endsWith('.delta')),
    [
      'input_audio_buffer.speech_started',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
      'output_audio_buffer.cleared',
      'conversation.item.truncated',
    ],
  );
  const { item_id, audio_end_ms } = client.last('conversation.item.truncated');
  assert.equal(audio_end_ms, Math.floor(phone.loudspeaker.positionMs(item_id, 0) ?? 0));
  assert.equal(audioOf(await client.retrieve(item_id)).length, audio_end_ms * 48);
});

test('the first audio peer paces the response; when it detaches, the response continues', async () => {
  const { client, session, phone, clock, engines } = withAudioPeer();
  const second = new AudioPeer(session);
  engines.languageModel.script = () => say(countTo(12));
  phone.loudspeaker.bufferMs = 400;
  second.loudspeaker.bufferMs = 0;
  await client.say({ type: 'response.create' });
  await clock.advance(20_000);
  assert.equal(client.all('response.done').length, 0);
  session.detach(phone);
  second.loudspeaker.bufferMs = Number.POSITIVE_INFINITY;
  await settle();
  second.loudspeaker.playNext(1);
  await clock.advance(20_000);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(second.loudspeaker.samples, deltas(client));
  session.detach(second);
  client.forget();
  await client.say({ type: 'response.create' });
  await clock.advance(20_000);
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('the idle timeout waits for an audio peer that is behind', async () => {
  verifies('R2.15');
  const { client, phone, clock, engines } = withAudioPeer();
  engines.languageModel.script = () => say('One two three four.');
  await updated(client, { audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } } } });
  await client.say({ type: 'response.create' });
  phone.loudspeaker.endsAt = clock.now() + 8000;
  await clock.advance(4000);
  phone.loudspeaker.endsAt += 1000;
  await clock.advance(9999);
  assert.equal(client.all('input_audio_buffer.timeout_triggered').length, 0);
  await clock.advance(1);
  assert.equal(client.all('input_audio_buffer.timeout_triggered').length, 1);
});

test('audio is encoded once for all peers with the same codec', async () => {
  const { session, client, clock, engines } = newConversation();
  engines.languageModel.script = () => say('One two three four.');
  const coded: Int16Array[] = [];
  const codec: typeof base64Audio = {
    ...base64Audio,
    encode(audio) {
      coded.push(audio.samples);
      return base64Audio.encode(audio);
    },
  };
  const others = [1, 2, 3].map(() => new CountingClient(session, codec));
  await client.say({ type: 'response.create' });
  await clock.advance(10_000);
  for (const other of others) assert.deepEqual(deltas(other), deltas(client));
  assert.equal(coded.length, client.all('response.output_audio.delta').length);
});

class CountingClient extends Client {
  override readonly codec: typeof base64Audio;

  constructor(session: RealtimeSession, codec: typeof base64Audio) {
    super(session);
    this.codec = codec;
  }
}
