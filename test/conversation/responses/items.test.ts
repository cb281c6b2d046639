/** Items that clients create, delete and retrieve around responses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audioOf,
  type Client,
  newConversation,
  transcriptOf,
  updateTools,
  userText,
} from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { call, countTo, gate, say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { create, inText, respond } from './support.ts';

/** The ids of the items in the order that a client derives from the events. */
function chain(client: Client): string[] {
  const ids: string[] = [];
  for (const event of client.events) {
    if (event.type === 'conversation.item.added') {
      const { previous_item_id: previous } = event;
      assert.ok(previous === null || ids.includes(previous), `unknown previous item ${previous}`);
      ids.splice(previous === null ? 0 : ids.indexOf(previous) + 1, 0, event.item.id);
    }
    if (event.type === 'conversation.item.deleted') ids.splice(ids.indexOf(event.item_id), 1);
  }
  return ids;
}

// ---- Items during a response ----

test('items created during a response follow its output (docs/protocol.md §8)', async () => {
  verifies('R8.6');
  const { client, engines } = newConversation();
  const { opened, open } = gate();
  engines.languageModel.script = async function* () {
    await opened;
    yield* say('Done.').slice(0, -1);
    yield* call('f', {});
  };
  await client.say(updateTools('f'));
  await client.say(create('One.', 'one'));
  await client.say(inText());
  await client.say(create('Two.', 'two'));
  await client.say({ ...create('Head.', 'head'), previous_item_id: 'root' });
  open();
  await settle();
  await client.say(create('Three.', 'three'));
  const [text, functionCall] = client.last('response.done').response.output.map((item) => item.id);
  assert.deepEqual(chain(client), ['head', 'one', text, functionCall, 'two', 'three']);
  assert.equal(client.all('conversation.item.added').find((event) => event.item.id === 'head')?.previous_item_id, null);
  await client.say(inText());
  const kinds = engines.languageModel.requests[1]?.items.map((item) =>
    item.type === 'message' ? item.role : item.type,
  );
  assert.deepEqual(kinds, ['user', 'user', 'assistant', 'call', 'user', 'user'], 'the model sees the same order');
});

test('the item before a response is deleted during the response', async () => {
  for (const deleted of [['two'], ['two', 'one'], ['one', 'two']]) {
    const { client, engines } = newConversation();
    const { opened, open } = gate();
    engines.languageModel.script = async function* () {
      await opened;
      yield* say('Done.');
    };
    await client.say(create('One.', 'one'));
    await client.say(create('Two.', 'two'));
    await client.say(inText());
    await client.say(create('Three.', 'three'));
    for (const item_id of deleted) await client.say({ type: 'conversation.item.delete', item_id });
    open();
    await settle();
    const { response } = client.last('response.done');
    assert.equal(response.status, 'completed');
    const kept = ['one', 'two'].filter((id) => !deleted.includes(id));
    assert.deepEqual(chain(client), [...kept, response.output[0]?.id, 'three']);
  }
});

test('an item of a running response is cancelled and then deleted (docs/protocol.md §8)', async () => {
  verifies('R8.3', 'ga.server.conversation.item.deleted');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  client.forget();
  await client.say({ type: 'conversation.item.delete', item_id });
  const types = client.types();
  assert.equal(types.at(-1), 'conversation.item.deleted');
  assert.ok(types.indexOf('conversation.item.done') < types.indexOf('response.done'));
  assert.equal(client.last('response.done').response.status_details?.type, 'cancelled');
  await client.say({ type: 'conversation.item.delete', item_id });
  assert.equal(client.lastError().code, 'item_delete_invalid_item_id');
});

// ---- Audio in items ----

test('the bytes of audio are only in conversation.item.retrieved (docs/protocol.md §3)', async () => {
  verifies('R3.29', 'R3.30', 'R4.14');
  const { client, clock } = newConversation();
  const bytes = Buffer.from(tone(500, 24000).buffer);
  const content = [{ type: 'input_audio', audio: bytes.toString('base64') }];
  await client.say({ type: 'conversation.item.create', item: { id: 'u', type: 'message', role: 'user', content } });
  await client.say(respond());
  await clock.advance(10_000);
  for (const event of client.events) {
    if (event.type !== 'response.output_audio.delta')
      assert.doesNotMatch(JSON.stringify(event), /"audio":"/, event.type);
  }
  assert.deepEqual(audioOf(await client.retrieve('u')), bytes);
  assert.equal(transcriptOf(await client.retrieve('u')), null, 'transcription was not asked for');
});

test('assistant audio that a client creates is reduced to its transcript (docs/protocol.md §3)', async () => {
  verifies('R3.40');
  const { client, engines } = newConversation();
  const content = [{ type: 'output_audio', transcript: 'I said so.' }];
  await client.say({ type: 'conversation.item.create', item: { type: 'message', role: 'assistant', content } });
  assert.deepEqual(client.all('error'), []);
  await client.say(userText('Did you?'));
  await client.say(inText());
  assert.deepEqual(engines.languageModel.requests[0]?.items[0], {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'I said so.' }],
  });
});
