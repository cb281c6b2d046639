/** A peer that carries audio itself, in a relayed session, beside peers that exchange audio in events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMulaw } from '../../src/audio/g711.ts';
import { bytesToSamples, concatSamples } from '../../src/audio/pcm.ts';
import { Loudspeaker } from '../support/audio-peer.ts';
import { settle } from '../support/fake-clock.ts';
import { tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { responseOf, type UpstreamSide, upstreamSession } from './support/fake-upstream.ts';
import { AttachedPeer, liveSession, openingSession, type RelayedOptions } from './support/peers.ts';

async function withPhone(t: Parameters<typeof liveSession>[0], options: RelayedOptions = {}) {
  const relayed = await liveSession(t, options);
  const loudspeaker = new Loudspeaker();
  const phone = new AttachedPeer(relayed.session, { playback: loudspeaker });
  return { ...relayed, loudspeaker, phone };
}

const base64 = (samples: Int16Array) =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');

const part = { response_id: 'resp_up', item_id: 'item_said', output_index: 0, content_index: 0 };
const delta = (samples: Int16Array, index = 0) => ({
  type: 'response.output_audio.delta',
  event_id: `event_audio_${index}`,
  ...part,
  delta: base64(samples),
});

/** The audio of the next appends, as bytes. */
async function appended(side: UpstreamSide, count: number): Promise<Buffer> {
  const all: Buffer[] = [];
  while (all.length < count) {
    all.push(Buffer.from(String((await side.next('input_audio_buffer.append')).audio), 'base64'));
  }
  return Buffer.concat(all);
}

test('its audio is sent upstream in order, in the rate and format of the session', async (t) => {
  const { side, session, phone } = await withPhone(t);
  const chunk = tone(20, 24_000);
  void session.write({ samples: chunk, sampleRateHz: 24_000 }, phone);
  chunk.fill(0);
  assert.deepEqual(bytesToSamples(await appended(side, 1)), tone(20, 24_000), 'a copy of it');

  const wide = tone(200, 48_000);
  for (let at = 0; at < wide.length; at += 960) {
    void session.write({ samples: wide.subarray(at, at + 960), sampleRateHz: 48_000 }, phone);
  }
  phone.post({ type: 'input_audio_buffer.commit' });
  assert.equal((await appended(side, 10)).length, 200 * 48, 'before the commit, though a resampler had to be made');
  await side.next('input_audio_buffer.commit');

  phone.post({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { format: { type: 'audio/pcmu' } } } },
  });
  void session.write({ samples: tone(20, 8000), sampleRateHz: 8000 }, phone);
  const coded = await appended(side, 1);
  assert.equal(coded.length, 160, 'in the format that was asked for, which the upstream has not confirmed yet');
  assert.ok(Math.abs((decodeMulaw(coded)[0] ?? 0) - 12_000) < 500);
});

test("it gets the upstream's audio, and every event without audio", async (t) => {
  const { side, client, phone, loudspeaker } = await withPhone(t);
  const [client0, phone0] = [client.events.length, phone.events.length];
  const said = tone(400, 24_000);
  side.send(
    { type: 'response.created', event_id: 'event_created', response: responseOf('in_progress') },
    delta(said.subarray(0, 4800), 1),
    delta(said.subarray(4800), 2),
    { type: 'response.output_audio.done', event_id: 'event_done', ...part },
  );
  await phone.next('response.output_audio.done');
  await settle();
  assert.deepEqual(loudspeaker.samples, said);
  assert.deepEqual(
    phone.events.slice(phone0),
    client.events.slice(client0).filter(({ type }) => type !== 'response.output_audio.delta'),
  );
  assert.equal(client.types(client0).filter((type) => type === 'response.output_audio.delta').length, 2);
  const [first] = loudspeaker.taken;
  assert.deepEqual([first?.itemId, first?.responseId, first?.sampleRateHz], ['item_said', 'resp_up', 24_000]);
});

test('sidebands get neither session.created nor audio', async (t) => {
  verifies('R10.1');
  const { side, session, client } = await openingSession(t);
  const early = new AttachedPeer(session, { sideband: true });
  side.create();
  await client.next('session.created');
  const late = new AttachedPeer(session, { sideband: true });
  side.send(
    { type: 'response.created', event_id: 'event_created', response: responseOf('in_progress') },
    delta(tone(200, 24_000)),
    { type: 'response.output_audio.done', event_id: 'event_done', ...part },
  );
  await client.next('response.output_audio.done');
  const expected = ['response.created', 'response.output_audio.done'];
  assert.deepEqual([early.types(), late.types()], [expected, expected]);
});

test('audio is paced by playback; barge-in stops it and reports the position to the upstream', async (t) => {
  const { side, phone, loudspeaker } = await withPhone(t);
  loudspeaker.bufferMs = 400;
  side.send(
    { type: 'session.updated', session: upstreamSession },
    { type: 'response.created', response: responseOf('in_progress') },
    ...Array.from({ length: 10 }, (_, index) => delta(tone(200, 24_000), index)),
    { type: 'response.output_audio.done', ...part },
  );
  await phone.next('response.output_audio.done');
  await settle();
  assert.equal(loudspeaker.samples.length, 400 * 24);
  loudspeaker.playNext(1);
  await settle();
  assert.equal(loudspeaker.samples.length, 600 * 24);
  side.send({ type: 'input_audio_buffer.speech_started', audio_start_ms: 100, item_id: 'item_user' });
  const truncate = await side.next('conversation.item.truncate');
  assert.deepEqual([truncate.item_id, truncate.content_index, truncate.audio_end_ms], ['item_said', 0, 200]);
  side.send({ type: 'conversation.item.truncated', item_id: 'item_said', content_index: 0, audio_end_ms: 200 });
  await phone.next('conversation.item.truncated');
  loudspeaker.playNext(9);
  await settle();
  assert.equal(loudspeaker.samples.length, 600 * 24, 'nothing more of it is played');

  const next = { ...delta(tone(100, 24_000), 11), response_id: 'resp_next', item_id: 'item_next' };
  side.send(delta(tone(100, 24_000), 10), next, { type: 'input_audio_buffer.cleared' });
  await phone.next('input_audio_buffer.cleared');
  await settle();
  assert.deepEqual(
    loudspeaker.taken.slice(3).map(({ responseId }) => responseId),
    ['resp_next'],
    'audio that the upstream sent before it stopped is dropped, the next response is played',
  );
});

const created = { type: 'response.created', event_id: 'event_created', response: responseOf('in_progress') };
const completed = { type: 'response.done', response: responseOf('completed') };
const status_details = { type: 'cancelled', reason: 'turn_detected' };
const cancelled = { type: 'response.done', response: { ...responseOf('cancelled'), status_details } };

/** The types of events since `from`, without those of no interest here. */
const reported = (peer: AttachedPeer, from: number) =>
  peer
    .types(from)
    .filter((type) => /^(output_audio_buffer|response\.done|input_audio_buffer\.speech|.*truncated)/.test(type));

test('its playback is reported to all as output_audio_buffer.*', async (t) => {
  verifies('R7.2');
  const { side, client, phone, loudspeaker } = await withPhone(t);
  const [client0, phone0] = [client.events.length, phone.events.length];
  side.send(created, delta(tone(200, 24_000), 1), delta(tone(200, 24_000), 2));
  side.send({ type: 'response.output_audio.done', event_id: 'event_done', ...part });
  await phone.next('response.output_audio.done');
  await settle();
  loudspeaker.playNext(1);
  assert.deepEqual(reported(phone, phone0), ['output_audio_buffer.started']);
  side.send(completed);
  await phone.next('response.done');
  loudspeaker.playNext(1);
  const expected = ['output_audio_buffer.started', 'response.done', 'output_audio_buffer.stopped'];
  assert.deepEqual([reported(phone, phone0), reported(client, client0)], [expected, expected]);
  const stopped = phone.events.at(-1);
  assert.equal(stopped?.type === 'output_audio_buffer.stopped' && stopped.response_id, 'resp_up');
});

test('a response that is played before it is done is stopped when it is done', async (t) => {
  const { side, phone, loudspeaker } = await withPhone(t);
  const phone0 = phone.events.length;
  side.send(created, delta(tone(200, 24_000)), { type: 'response.output_audio.done', event_id: 'event_d', ...part });
  await phone.next('response.output_audio.done');
  await settle();
  loudspeaker.playNext(1);
  side.send(completed);
  await phone.next('output_audio_buffer.stopped');
  assert.deepEqual(reported(phone, phone0), [
    'output_audio_buffer.started',
    'response.done',
    'output_audio_buffer.stopped',
  ]);
});

for (const isDone of [false, true]) {
  test(`barge-in ${isDone ? 'after' : 'before'} response.done is reported in the order of a direct session`, async (t) => {
    verifies('R7.2');
    const { side, phone, loudspeaker } = await withPhone(t);
    const phone0 = phone.events.length;
    side.send({ type: 'session.updated', session: upstreamSession }, created);
    side.send(delta(tone(200, 24_000), 1), delta(tone(200, 24_000), 2));
    side.send({ type: 'response.output_audio.done', ...part });
    await phone.next('response.output_audio.done');
    await settle();
    loudspeaker.playNext(1);
    if (isDone) side.send(completed);
    side.send({ type: 'input_audio_buffer.speech_started', audio_start_ms: 100, item_id: 'item_user' });
    await side.next('conversation.item.truncate');
    if (!isDone) side.send(cancelled);
    side.send({ type: 'conversation.item.truncated', item_id: 'item_said', content_index: 0, audio_end_ms: 200 });
    await phone.next('conversation.item.truncated');
    const cleared = ['output_audio_buffer.cleared', 'conversation.item.truncated'];
    const speech = ['input_audio_buffer.speech_started'];
    assert.deepEqual(reported(phone, phone0), [
      'output_audio_buffer.started',
      ...(isDone ? ['response.done', ...speech] : [...speech, 'response.done']),
      ...cleared,
    ]);
  });
}

test('output_audio_buffer.clear cuts off the audio and cancels its response', async (t) => {
  verifies('R7.2');
  const { side, phone, loudspeaker } = await withPhone(t);
  phone.post({ type: 'output_audio_buffer.clear' });
  side.send(created, delta(tone(200, 24_000), 1), delta(tone(200, 24_000), 2));
  side.send({ type: 'response.output_audio.done', event_id: 'event_done', ...part });
  await phone.next('response.output_audio.done');
  await settle();
  loudspeaker.playNext(1);
  const phone0 = phone.events.length;
  phone.post({ type: 'output_audio_buffer.clear' });
  assert.equal((await side.next('response.cancel')).response_id, 'resp_up');
  const { item_id, audio_end_ms } = await side.next('conversation.item.truncate');
  assert.deepEqual([item_id, audio_end_ms], ['item_said', 200]);
  side.send(delta(tone(200, 24_000), 3), cancelled);
  await phone.next('output_audio_buffer.cleared');
  await settle();
  assert.equal(loudspeaker.taken.length, 2, 'audio that was on its way is not played');
  assert.deepEqual(reported(phone, phone0), ['response.done', 'output_audio_buffer.cleared']);
});

test('output_audio_buffer.clear cancels a response whose audio waits to be played', async (t) => {
  verifies('R7.2');
  const { side, phone, loudspeaker } = await withPhone(t);
  side.send(created, delta(tone(200, 24_000), 1), { type: 'input_audio_buffer.cleared' });
  await phone.next('input_audio_buffer.cleared');
  await settle();
  const phone0 = phone.events.length;
  phone.post({ type: 'output_audio_buffer.clear' });
  assert.equal((await side.next('response.cancel')).response_id, 'resp_up');
  const { item_id, audio_end_ms } = await side.next('conversation.item.truncate');
  assert.deepEqual([item_id, audio_end_ms], ['item_said', 0]);
  side.send(delta(tone(200, 24_000), 2), cancelled);
  await phone.next('response.done');
  await settle();
  assert.equal(loudspeaker.taken.length, 1, 'audio that was on its way is not played');
  assert.deepEqual(reported(phone, phone0), ['response.done'], 'nothing had started');
});

test('output_audio_buffer.clear is refused where no peer carries audio itself', async (t) => {
  const { client } = await liveSession(t);
  client.post({ type: 'output_audio_buffer.clear', event_id: 'mine' });
  const { error } = await client.next('error');
  assert.match(JSON.stringify(error), /WebRTC and telephone.*"event_id":"mine"/);
});

test('audio beyond the queue is dropped and logged, and invalid audio has no effect', async (t) => {
  const { side, client, phone, loudspeaker, log } = await withPhone(t, { keptAudioMs: 1000, checked: false });
  loudspeaker.bufferMs = 0;
  side.send({ ...delta(tone(20, 24_000)), delta: 'no base64' }, delta(tone(3000, 24_000), 1));
  side.send({ type: 'input_audio_buffer.cleared' });
  await phone.next('input_audio_buffer.cleared');
  await settle();
  assert.deepEqual((await log.entry('upstream_odd')).details, {
    upstream: 'fake',
    problem: 'audio that cannot be decoded',
  });
  loudspeaker.bufferMs = Number.POSITIVE_INFINITY;
  loudspeaker.playNext(0);
  await settle();
  assert.equal(concatSamples(loudspeaker.taken.map(({ samples }) => samples)).length, 1000 * 24);
  assert.equal(client.closed, undefined);
});
