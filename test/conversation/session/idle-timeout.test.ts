/** `idle_timeout_ms` of `server_vad` (docs/protocol.md §2, §3): counted from the end of playback, on the clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { audioOf, type Conversation, newConversation, update } from '../../support/conversation.ts';
import { say, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const detection = (idle_timeout_ms: number | null) =>
  update({ audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms } } } });

/** A response of four words, one second of audio, without a turn. */
async function answer({ client, engines }: Conversation): Promise<void> {
  engines.languageModel.script = () => say('one two three four');
  await client.say({ type: 'response.create' });
  client.forget();
}

test('after the timeout the silence becomes an item, and a response is created', async () => {
  verifies('R2.15', 'ga.server.input_audio_buffer.timeout_triggered');
  const conversation = newConversation();
  const { client, clock } = conversation;
  await client.say(detection(5000));
  await client.speak(silence(300, 24000));
  await answer(conversation);
  await clock.advance(1000);
  await client.speak(silence(2000, 24000));
  await clock.advance(4999);
  assert.deepEqual(client.types(), [], 'counted from the end of playback, not from the last event');
  await clock.advance(1);

  assert.deepEqual(client.types().slice(0, 5), [
    'input_audio_buffer.timeout_triggered',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
  ]);
  const triggered = client.last('input_audio_buffer.timeout_triggered');
  assert.deepEqual([triggered.audio_start_ms, triggered.audio_end_ms], [300, 2300]);
  assert.equal(triggered.item_id, client.last('input_audio_buffer.committed').item_id);
  await clock.advance(1000);
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('the item has the whole silence, although less is retained otherwise', async () => {
  verifies('R2.15');
  const conversation = newConversation({ limits: { silenceMs: 1000 } });
  const { client, clock } = conversation;
  await client.say(detection(8000));
  await answer(conversation);
  await clock.advance(1000);
  for (let second = 0; second < 8; second += 1) {
    await client.speak(silence(1000, 24000));
    await clock.advance(1000);
  }
  const { item_id, audio_start_ms, audio_end_ms } = client.last('input_audio_buffer.timeout_triggered');
  assert.equal(audio_end_ms - audio_start_ms, 8000);
  assert.equal(audioOf(await client.retrieve(item_id)).length, 8000 * 48);
});

test('the timeout applies to a client that sends no audio too', async () => {
  const conversation = newConversation();
  const { client, clock } = conversation;
  await client.say(detection(5000));
  await answer(conversation);
  await clock.advance(6000);
  assert.equal(client.all('input_audio_buffer.timeout_triggered').length, 1);
  assert.equal(client.last('response.created').response.status, 'in_progress');
});

test('speech before the timeout prevents it', async () => {
  const conversation = newConversation();
  const { client, clock, engines } = conversation;
  await client.say(detection(5000));
  await answer(conversation);
  await clock.advance(5000);
  engines.transcriber.hear = () => '';
  await client.speak(concatSamples([silence(100, 24000), tone(400, 24000), silence(700, 24000)]));
  await clock.advance(60_000);
  assert.deepEqual(client.all('input_audio_buffer.timeout_triggered'), []);
});

test('the timeout does not apply unless it is configured, or after it is removed', async () => {
  verifies('R4.17');
  const conversation = newConversation();
  const { client, clock } = conversation;
  await answer(conversation);
  await clock.advance(60_000);
  await client.say(detection(5000));
  await answer(conversation);
  await clock.advance(2000);
  await client.say(detection(null));
  await clock.advance(60_000);
  assert.deepEqual(client.all('input_audio_buffer.timeout_triggered'), []);
});
