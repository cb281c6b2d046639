/** Errors that depend on the state of the session (docs/protocol.md §5). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation, userText } from '../../support/conversation.ts';
import { hang } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { item, refused } from './refused.ts';

test('a duplicate item id is refused (docs/protocol.md §8)', async () => {
  verifies('R8.1');
  const { client } = newConversation();
  const mine = item({ id: 'msg_1', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] });
  await client.say(mine);
  await refused(client, () => client.say({ ...mine, event_id: 'd' }), 'd', {
    code: 'invalid_value',
    param: 'item.id',
    message: "Error adding item: an item with id 'msg_1' already exists.",
  });
});

test('only assistant audio can be truncated', async () => {
  verifies('R5.27');
  const { client } = newConversation();
  await client.say(item({ id: 'u', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }));
  await client.say(
    item({ id: 'a', type: 'message', role: 'assistant', content: [{ type: 'output_audio', transcript: 'Hi' }] }),
  );
  await client.say(item({ id: 'c', type: 'function_call', name: 'f', arguments: '{}' }));
  for (const item_id of ['u', 'a', 'c']) {
    const truncate = { type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 0, event_id: 't' };
    await refused(client, () => client.say(truncate), 't', {
      code: 'unsupported_content_type',
      param: null,
      message: 'Only model output audio messages can be truncated',
    });
  }
});

test('a second response in the conversation is refused during the active one', async () => {
  verifies('R5.22');
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.say({ type: 'response.create' });
  const { id } = client.last('response.created').response;
  client.forget();
  await client.say({ type: 'response.create', event_id: 'r' });
  assert.deepEqual(client.types(), ['error']);
  const { code, param, message, event_id } = client.lastError();
  assert.deepEqual([code, param, event_id], ['conversation_already_has_active_response', null, 'r']);
  assert.equal(
    message,
    `Conversation already has an active response in progress: ${id}. Wait until the response is finished before creating a new one.`,
  );
});

test('a full conversation refuses items and responses, and reports a spoken turn to all clients', async () => {
  verifies('R5.58');
  const { client } = newConversation({ limits: { items: 2 } });
  await client.say(userText('one'));
  await client.say(userText('two'));
  const full = 'The conversation is full: it holds at most 2 items. Delete some before adding more.';
  for (const event of [userText('three'), { type: 'response.create' }]) {
    await client.say({ ...event, event_id: 'f' });
    const { code, message, event_id } = client.lastError();
    assert.deepEqual({ code, message, event_id }, { code: 'conversation_full', message: full, event_id: 'f' });
  }
  await client.say({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed', 'beside the conversation there is room');
});
