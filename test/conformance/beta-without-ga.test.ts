/** GA-only features are absent from the beta dialect (docs/protocol.md §6), even if a GA client shares the session. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BetaClient, newConversation, update } from '../support/conversation.ts';
import { silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const image = { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' };
const userMessage = (...content: object[]) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content },
});

test("a beta client sees a GA client's settings in the beta fields", async () => {
  verifies('R6.9');
  const { client, session } = newConversation();
  const beta = new BetaClient(session);
  const transcription = { model: 'whisper-1', languages: ['en', 'fr'], keywords: ['Parley'], delay: 'low' };
  const input = { transcription, noise_reduction: { type: 'near_field', strength: 0.5 } };
  await client.say(update({ audio: { input, output: { voice: { id: 'alloy' } } }, reasoning: { effort: 'low' } }));
  const { session: seen } = beta.last('session.updated');
  assert.deepEqual(
    [seen.input_audio_transcription, seen.input_audio_noise_reduction, seen.voice],
    [{ model: 'whisper-1', language: null, prompt: null }, { type: 'near_field' }, 'alloy'],
  );
  assert.equal('reasoning' in seen, false);
});

test('a beta client does not see images of another client, and cannot send any', async () => {
  verifies('R6.9');
  const { client, session } = newConversation();
  const beta = new BetaClient(session);
  await client.say(userMessage({ type: 'input_text', text: 'What is this?' }, image));
  assert.deepEqual(client.last('conversation.item.added').item.type, 'message');
  assert.deepEqual(beta.last('conversation.item.created').item.content, [
    { type: 'input_text', text: 'What is this?' },
  ]);
  await beta.say(userMessage(image));
  const { code, message } = beta.last('error').error;
  assert.deepEqual(
    [code, message],
    ['invalid_value', "Invalid value: 'input_image'. Supported values are: 'input_text' and 'input_audio'."],
  );
});

for (const [name, session, field] of [
  ['languages', { input_audio_transcription: { languages: ['en'] } }, 'input_audio_transcription.languages'],
  ['keywords', { input_audio_transcription: { keywords: ['a'] } }, 'input_audio_transcription.keywords'],
  ['delay', { input_audio_transcription: { delay: 'low' } }, 'input_audio_transcription.delay'],
  ['strength', { input_audio_noise_reduction: { strength: 1 } }, 'input_audio_noise_reduction.strength'],
] as const) {
  test(`${name} of GA is unknown in the beta dialect`, async () => {
    verifies('R6.9');
    const { session: shared } = newConversation();
    const beta = new BetaClient(shared);
    await beta.say({ type: 'session.update', session });
    const { code, param } = beta.last('error').error;
    assert.deepEqual([code, param], ['unknown_parameter', `session.${field}`]);
  });
}

test('the event of an idle timeout is sent to GA clients only', async () => {
  verifies('R6.9');
  const { client, clock, session } = newConversation();
  const beta = new BetaClient(session);
  await client.say(update({ audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } } } }));
  await client.speak(tone(600, 24000));
  await client.speak(silence(900, 24000));
  await clock.advance(20_000);
  for (let ms = 0; ms < 6000; ms += 100) await client.speak(silence(100, 24000));
  await clock.advance(6000);
  assert.ok(client.last('input_audio_buffer.timeout_triggered'));
  assert.deepEqual(
    beta.types().filter((type) => type.endsWith('timeout_triggered')),
    [],
  );
  assert.equal(beta.last('input_audio_buffer.committed').item_id, client.last('input_audio_buffer.committed').item_id);
});
