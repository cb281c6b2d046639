/** Errors for audio: base64, empty commits, a full buffer (docs/protocol.md §5). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation } from '../../support/conversation.ts';
import { silence } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { type Expected, input, refused, userMessage } from './refused.ts';

const badBase64 = ['A', 'AAAAA', 'A===', '====', 'AAA=AAA=', 'AA AA', 'not base64!', 'ÄÖÜ?', 'AAAA\n'];

for (const audio of badBase64) {
  test(`invalid base64 in an append: ${JSON.stringify(audio)}`, async () => {
    verifies('R5.25');
    const { client } = newConversation();
    await refused(client, () => client.say({ type: 'input_audio_buffer.append', audio, event_id: 'a' }), 'a', {
      code: 'invalid_value',
      param: 'audio',
      message:
        "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got an invalid base64 string.",
    });
  });
}

test('the error for invalid base64 names the expected format and the field', async () => {
  verifies('R5.25');
  const { client } = newConversation();
  await client.say(input({ format: { type: 'audio/pcmu' } }));
  const text = (path: string) =>
    `Invalid '${path}'. Expected base64-encoded audio bytes (mono G.711 µ-law at 8kHz) but got an invalid base64 string.`;
  const content = [
    { type: 'input_text', text: 'Listen:' },
    { type: 'input_audio', audio: '!' },
  ];
  await refused(client, () => client.say(userMessage(content)), null, {
    code: 'invalid_value',
    param: 'item.content[1].audio',
    message: text('item.content[1].audio'),
  });
  const message = { type: 'message', role: 'user', content };
  await refused(client, () => client.say({ type: 'response.create', response: { input: [message] } }), null, {
    code: 'invalid_value',
    param: 'response.input[0].content[1].audio',
    message: text('response.input[0].content[1].audio'),
  });
});

test('empty audio is accepted in an append and in an item', async () => {
  const { client } = newConversation();
  await client.say({ type: 'input_audio_buffer.append', audio: '' });
  await client.say(userMessage([{ type: 'input_audio', audio: '' }]));
  assert.deepEqual(client.all('error'), []);
  assert.equal(client.all('conversation.item.done').length, 1);
});

const commitEmpty = (ms: string): Expected => ({
  code: 'input_audio_buffer_commit_empty',
  param: null,
  message: `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms}ms of audio.`,
});

test('a commit requires 100 ms of audio, with or without turn detection', async () => {
  verifies('R5.24');
  const { client } = newConversation();
  for (const turn_detection of [{ type: 'server_vad' }, null]) {
    await client.say(input({ turn_detection }));
    await refused(
      client,
      () => client.say({ type: 'input_audio_buffer.commit', event_id: 'c' }),
      'c',
      commitEmpty('0.00'),
    );
    await client.speak(silence(99.5, 24000));
    await refused(
      client,
      () => client.say({ type: 'input_audio_buffer.commit', event_id: 'c' }),
      'c',
      commitEmpty('99.50'),
    );
    client.forget();
    await client.speak(silence(0.5, 24000));
    await client.say({ type: 'input_audio_buffer.commit' });
    assert.equal(client.types()[0], 'input_audio_buffer.committed', 'what was refused is still buffered');
  }
});

test('a full input buffer without turn detection refuses more audio and keeps its content', async () => {
  verifies('R5.57');
  const { client } = newConversation({ limits: { inputBufferMs: 1000 } });
  await client.say(input({ turn_detection: null }));
  await client.speak(silence(1000, 24000));
  await refused(client, () => client.speak(silence(20, 24000)), null, {
    code: 'input_audio_buffer_full',
    param: 'audio',
    message: 'The input audio buffer is full: it holds at most 1 s of audio. Commit or clear it before appending more.',
  });
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(client.all('input_audio_buffer.committed').length, 1);
});
