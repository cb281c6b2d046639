/** `output_audio_buffer.*`: the measured playback of a call, as its client and its sidebands see it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { AudioPeer } from '../support/audio-peer.ts';
import { newConversation, update } from '../support/conversation.ts';
import { say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const turn = concatSamples([silence(400, 24_000), tone(1190, 24_000), silence(700, 24_000)]);

function newCall() {
  const conversation = newConversation();
  const phone = new AudioPeer(conversation.session);
  conversation.engines.languageModel.script = () => say('One two three four.');
  /** The types of events since the last call, without deltas. */
  const seen = () => {
    const types = phone.events.map(({ type }) => type).filter((type) => !type.endsWith('.delta'));
    phone.forget();
    return types;
  };
  return { ...conversation, phone, seen };
}

test('a response is started, and stopped after it is done and played', async () => {
  verifies('R7.2', 'ga.server.output_audio_buffer.started', 'ga.server.output_audio_buffer.stopped');
  const { phone, clock, seen } = newCall();
  phone.post({ type: 'response.create' });
  await clock.advance(10_000);
  assert.equal(phone.last('response.done').response.status, 'completed');
  assert.ok(!seen().some((type) => type.startsWith('output_audio_buffer')));
  phone.loudspeaker.playNext(1);
  assert.deepEqual(seen(), ['output_audio_buffer.started']);
  phone.loudspeaker.playNext(100);
  assert.deepEqual(seen(), ['output_audio_buffer.stopped']);
});

test('audio that runs out while its response continues is not stopped', async () => {
  const { phone, clock, seen } = newCall();
  phone.loudspeaker.bufferMs = 200;
  phone.post({ type: 'response.create' });
  await clock.advance(10);
  phone.loudspeaker.playNext(100);
  const before = seen();
  assert.ok(before.includes('output_audio_buffer.started') && !before.includes('response.done'));
  for (let i = 0; i < 20; i++) {
    await clock.advance(10);
    phone.loudspeaker.playNext(100);
  }
  const all = [...before, ...seen()];
  assert.equal(all.filter((type) => type === 'output_audio_buffer.started').length, 1);
  assert.equal(all.filter((type) => type === 'output_audio_buffer.stopped').length, 1);
  assert.ok(all.indexOf('output_audio_buffer.stopped') > all.indexOf('response.done'));
});

test('barge-in: speech_started, response.done, cleared, truncated at the played position', async () => {
  verifies('R7.2', 'ga.server.output_audio_buffer.cleared');
  const { phone, clock, seen } = newCall();
  phone.loudspeaker.bufferMs = 200;
  phone.post({ type: 'response.create' });
  await clock.advance(200);
  phone.loudspeaker.playNext(1);
  seen();
  await phone.write(turn.subarray(0, 24_000), 24_000);
  await clock.advance(10);
  const types = seen().filter(
    (type) => !/^response\.(output|content)|^conversation\.item\.done|rate_limits/.test(type),
  );
  assert.deepEqual(types, [
    'input_audio_buffer.speech_started',
    'response.done',
    'output_audio_buffer.cleared',
    'conversation.item.truncated',
  ]);
});

test('output_audio_buffer.clear cuts off the audio and its response; with nothing playing it is no error', async () => {
  verifies('R7.2');
  const { phone, clock, seen } = newCall();
  phone.post(update({ audio: { input: { turn_detection: null } } }));
  phone.post({ type: 'output_audio_buffer.clear' });
  await clock.advance(10);
  assert.deepEqual(
    seen().filter((type) => type === 'error' || type.startsWith('output')),
    [],
  );
  phone.loudspeaker.bufferMs = 200;
  phone.post({ type: 'response.create' });
  await clock.advance(200);
  phone.loudspeaker.playNext(1);
  await clock.advance(10);
  seen();
  phone.post({ type: 'output_audio_buffer.clear' });
  await clock.advance(10);
  assert.equal(phone.last('response.done').response.status, 'cancelled');
  assert.ok(phone.last('conversation.item.truncated').audio_end_ms > 0);
  const types = seen();
  assert.ok(types.indexOf('output_audio_buffer.cleared') > types.indexOf('response.done'));
  assert.ok(types.indexOf('conversation.item.truncated') > types.indexOf('output_audio_buffer.cleared'));
});

test('output_audio_buffer.clear cancels a response whose audio waits to be played', async () => {
  verifies('R7.2');
  const { phone, clock, seen } = newCall();
  phone.loudspeaker.bufferMs = 200;
  phone.post({ type: 'response.create' });
  await clock.advance(200);
  assert.ok(phone.loudspeaker.taken.length > 0);
  seen();
  phone.post({ type: 'output_audio_buffer.clear' });
  await clock.advance(10);
  assert.equal(phone.last('response.done').response.status, 'cancelled');
  assert.equal(phone.last('conversation.item.truncated').audio_end_ms, 0);
  assert.ok(!seen().some((type) => type.startsWith('output_audio_buffer')), 'nothing had started');
});
