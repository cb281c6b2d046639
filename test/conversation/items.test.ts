/** Items that clients create, insert, retrieve and delete (docs/protocol.md §3, §8). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BetaClient, newConversation, updateTools, userText } from '../support/conversation.ts';
import { call, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const create = (item: object, previous_item_id?: string | null) => ({
  type: 'conversation.item.create',
  item,
  ...(previous_item_id !== undefined && { previous_item_id }),
});
const text = (id: string) => ({ id, type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] });

test('previous_item_id: absent, null and "" append, "root" inserts at the head', async () => {
  verifies(
    'R3.36',
    'R3.37',
    'R4.5',
    'ga.client.conversation.item.create',
    'ga.client.conversation.item.delete',
    'ga.server.conversation.item.added',
    'ga.server.conversation.item.done',
  );
  const { client } = newConversation();
  const placed = async (id: string, previous?: string | null) => {
    await client.say(create(text(id), previous));
    const { previous_item_id } = client.last('conversation.item.added');
    assert.equal(client.last('conversation.item.done').previous_item_id, previous_item_id);
    return previous_item_id;
  };
  assert.equal(await placed('a'), null);
  assert.equal(await placed('b', null), 'a');
  assert.equal(await placed('c', ''), 'b');
  assert.equal(await placed('d', 'root'), null);
  assert.equal(await placed('e', 'a'), 'a');
  await client.say({ type: 'conversation.item.delete', item_id: 'e' });
  assert.equal(await placed('f', 'a'), 'a');
  await client.say({ type: 'conversation.item.delete', item_id: 'c' });
  assert.equal(await placed('g'), 'b', 'after a delete the chain is repaired');
});

test('a client may choose an item id; generated ids have at most 32 characters', async () => {
  verifies('R3.38');
  const { client } = newConversation();
  for (const id of ['item_1', 'msg_001', 'a'.repeat(32), '0123456789abcdef']) {
    await client.say(create(text(id)));
    assert.equal(client.last('conversation.item.added').item.id, id);
  }
  for (const item of [userText('Hi'), create({ ...text(''), id: '' })]) {
    await client.say(item);
    const { id } = client.last('conversation.item.added').item;
    assert.ok(id.length > 5 && id.length <= 32, id);
  }
  assert.deepEqual(client.all('error'), []);
});

test('an item is announced as it was created, without additional fields', async () => {
  verifies(
    'R3.39',
    'R4.6',
    'R4.14',
    'ga.server.conversation.item.added',
    'ga.server.conversation.item.done',
    'ga.server.conversation.item.retrieved',
  );
  const { client } = newConversation();
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' };
  const given = [
    { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Look:' }, image] },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I see.' }] },
    { type: 'function_call', call_id: 'call_1', name: 'look_up', arguments: '{}' },
    { type: 'function_call_output', call_id: 'call_1', output: 'found' },
  ];
  for (const [index, item] of given.entries()) {
    await client.say(create({ id: `i${index}`, ...item }));
    const expected = { id: `i${index}`, object: 'realtime.item', status: 'completed', ...item };
    assert.deepEqual(client.last('conversation.item.added').item, expected);
    assert.deepEqual(client.last('conversation.item.done').item, expected);
    assert.deepEqual(await client.retrieve(`i${index}`), expected);
  }
});

test('the phase of an assistant message is stored and sent back; beta has none', async () => {
  verifies('R3.68');
  const { client, session } = newConversation();
  const beta = new BetaClient(session);
  const content = [{ type: 'output_text', text: 'Let me see.' }];
  await client.say(create({ id: 'p', type: 'message', role: 'assistant', phase: 'commentary', content }));
  assert.equal(Reflect.get(client.last('conversation.item.added').item, 'phase'), 'commentary');
  assert.equal(Reflect.get(await client.retrieve('p'), 'phase'), 'commentary');
  assert.ok(!('phase' in beta.last('conversation.item.created').item));
  await client.say(create({ type: 'message', role: 'user', phase: 'commentary', content: [] }));
  assert.equal(client.lastError().param, 'item.phase');
});

test('a user audio part has a transcript: null until it is known, or as specified by the client', async () => {
  verifies('R3.30', 'R4.7');
  const { client } = newConversation();
  const audio = Buffer.from(tone(2, 24000).buffer).toString('base64');
  const content = [
    { type: 'input_audio', audio },
    { type: 'input_audio', audio, transcript: 'Hello.' },
  ];
  await client.say(create({ type: 'message', role: 'user', content }));
  const { item } = client.last('conversation.item.added');
  assert.deepEqual(item.type === 'message' && item.content, [
    { type: 'input_audio', transcript: null },
    { type: 'input_audio', transcript: 'Hello.' },
  ]);
  const retrieved = await client.retrieve(item.id);
  assert.deepEqual(retrieved.type === 'message' && retrieved.content, [
    { type: 'input_audio', audio, transcript: null },
    { type: 'input_audio', audio, transcript: 'Hello.' },
  ]);
});

test('the output of a call may be created while its response still runs', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = async function* () {
    yield* call('look_up', {}).slice(0, -1);
    await new Promise(() => {});
  };
  await client.say(updateTools('look_up'));
  await client.say({ type: 'response.create' });
  const { call_id } = client.last('response.function_call_arguments.done');
  await client.say(create({ type: 'function_call_output', call_id, output: 'found' }));
  assert.deepEqual(client.all('error'), []);
  assert.equal(
    client.last('conversation.item.added').previous_item_id,
    client.last('response.output_item.done').item.id,
  );
});

test('an item id cannot be root, which means the head', async () => {
  const { client } = newConversation();
  const item = { id: 'root', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] };
  await client.say({ type: 'conversation.item.create', item });
  assert.deepEqual([client.lastError().code, client.lastError().param], ['invalid_value', 'item.id']);
  await client.say({ type: 'response.create', response: { input: [item] } });
  assert.equal(client.lastError().param, 'response.input[0].id');
});

test('an image is a data: URL or an http address, and nothing else', async () => {
  verifies('R5.72');
  const { client } = newConversation();
  const image = (image_url: string) =>
    client.say(create({ type: 'message', role: 'user', content: [{ type: 'input_image', image_url }] }));
  for (const url of [
    'data:image/png;base64,AAAA',
    'data:image/svg+xml;utf8,x',
    'https://example.com/a.png',
    'HTTP://[::1]:8/a',
  ]) {
    await image(url);
  }
  assert.deepEqual(client.all('error'), []);
  for (const url of [
    '',
    'data:text/html,x',
    'file:///etc/passwd',
    'ftp://example.com/a',
    '//example.com/a',
    'https://',
    `https://example.com/${'a'.repeat(8192)}`,
  ]) {
    await image(url);
    const { code, param, message } = client.lastError();
    assert.deepEqual([code, param], ['invalid_value', 'item.content[0].image_url']);
    assert.match(message, /^Invalid 'item\.content\[0\]\.image_url': expected a 'data:image\/…' URL, or an http/);
  }
  assert.equal(client.all('error').length, 7);
});
