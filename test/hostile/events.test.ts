/**
 * SECURITY.md, "a client's input breaks a session or the process": events that are expensive to parse are refused with
 * an error.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const query = '?model=gpt-realtime';

const bombs: [name: string, frame: string][] = [
  ['empty parts', `{"type":"conversation.item.create","item":{"content":[${'{},'.repeat(1_000_000)}{}]}}`],
  ['numbers', `{"type":"session.update","session":{"output_modalities":[${'1,'.repeat(2_000_000)}1]}}`],
  ['levels', `{"type":${'['.repeat(4 * mebibyte)}`],
];
for (const [name, text] of bombs) {
  // A repeated string is materialised when it is first read, which would count as memory of the server.
  const frame = Buffer.from(text);
  test(`an event of millions of ${name} is refused before it is parsed`, async (t) => {
    verifies('R5.62');
    await underAttack(t, {}, async (scene) => {
      const client = await scene.client();
      await scene.waves(async () => {
        client.socket.send(frame.toString());
        const { error } = await client.until('error');
        assert.deepEqual([error.code, error.message], ['invalid_event', 'Invalid event: more than 50000 values.']);
      });
      assert.equal((await client.ask('Are you still there?')).response.status, 'completed');
    });
  });
}

test('deeply nested events are refused, wherever the nesting is', async (t) => {
  verifies('R5.14');
  const deep = (levels: number, open: string, close: string) => `${open.repeat(levels)}1${close.repeat(levels)}`;
  const values = [deep(40_000, '[', ']'), deep(40_000, '{"a":', '}'), deep(101, '[', ']'), deep(101, '{"a":', '}')];
  const places = values.flatMap((value) => [
    value,
    `{"type":${value}}`,
    `{"type":"input_audio_buffer.append","audio":${value}}`,
    `{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"f","parameters":${value}}]}}`,
    `{"type":"response.create","response":{"metadata":${value}}}`,
  ]);
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    await scene.waves(async () => {
      for (const frame of places) {
        client.socket.send(frame);
        assert.equal((await client.until('error')).error.code, 'invalid_event', frame.slice(0, 100));
      }
    });
    assert.equal((await client.ask('Are you still there?')).response.status, 'completed');
  });
});

test('keys with a special meaning in JavaScript are refused as unknown fields', async (t) => {
  verifies('R5.15');
  const clean = Object.getOwnPropertyNames(Object.prototype).sort();
  const pollution = '{"polluted":true,"isAdmin":true}';
  const frames: [frame: string, param: string][] = ['__proto__', 'constructor', 'prototype', 'toString'].flatMap(
    (name) => {
      const member = `${JSON.stringify(name)}:${pollution}`;
      return [
        [`{"type":"input_audio_buffer.clear",${member}}`, name],
        [`{"type":"input_audio_buffer.append","audio":"AAA=",${member}}`, name],
        [`{"type":"session.update","session":{"type":"realtime",${member}}}`, `session.${name}`],
        [
          `{"type":"session.update","session":{"type":"realtime","audio":{"input":{${member}}}}}`,
          `session.audio.input.${name}`,
        ],
        [`{"type":"response.create","response":{${member}}}`, `response.${name}`],
        [
          `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[],${member}}}`,
          `item.${name}`,
        ],
      ];
    },
  );
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    await scene.waves(async () => {
      for (const [frame, param] of frames) {
        client.socket.send(frame);
        const { error } = await client.until('error');
        assert.deepEqual([error.code, error.param], ['unknown_parameter', param], frame);
      }
    });
    // In objects that allow any key, such a key is data.
    client.socket.send(
      `{"type":"response.create","response":{"conversation":"none","metadata":{"__proto__":"x","constructor":"y"}}}`,
    );
    const { response } = await client.until('response.done');
    assert.equal(response.status, 'completed');
  });
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), clean);
});

test('tools that are too many or too large are refused, and the previous tools remain', async (t) => {
  const tool = (name: string, parameters: object) => ({ type: 'function', name, parameters });
  const properties = (count: number, description: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'string', description }]));
  const huge = [tool('f', { type: 'object', properties: properties(1000, 'x'.repeat(2000)) })];
  const many = Array.from({ length: 129 }, (_, index) => tool(`f${index}`, { type: 'object' }));
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    client.send({ type: 'session.update', session: { type: 'realtime', tools: [tool('kept', { type: 'object' })] } });
    await client.until('session.updated');
    await scene.waves(async () => {
      for (const tools of [huge, many]) {
        client.send({ type: 'session.update', session: { type: 'realtime', tools } });
        assert.equal((await client.until('error')).error.param, 'session.tools');
        client.send({ type: 'response.create', response: { tools } });
        assert.equal((await client.until('error')).error.param, 'response.tools');
      }
    });
    client.send({ type: 'session.update', session: { type: 'realtime' } });
    const { session } = await client.until('session.updated');
    assert.deepEqual('tools' in session && session.tools?.map((each) => 'name' in each && each.name), ['kept']);
  });
});

test('commas and brackets in strings do not count as values', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  await client.ask('\\"[,]\\'.repeat(200_000));
});

test('names and ids from a client are truncated in errors', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const long = 'x'.repeat(mebibyte);
  const item = { type: 'message', role: 'user', content: [] };
  for (const event of [
    { type: 'response.cancel', [long]: 1 },
    { type: 'input_audio_buffer.append', [long]: 1 },
    { type: 'response.create', response: { metadata: { [long]: 1 } } },
    { type: 'conversation.item.create', previous_item_id: long, item },
    { type: 'input_audio_buffer.append', event_id: long, audio: 'AAAA' },
    { type: 'input_audio_buffer.clear', event_id: long },
    { type: long },
  ]) {
    client.send(event);
    const error = await client.until('error');
    assert.ok(JSON.stringify(error).length < 4096, event.type.slice(0, 64));
  }
});

test('metadata holds at most 16 pairs', async (t) => {
  verifies('R5.63');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const metadata = (pairs: number) =>
    Object.fromEntries(Array.from({ length: pairs }, (_, index) => [`key-${index}`, 'value']));
  const response = { conversation: 'none', output_modalities: ['text'] };
  client.send({ type: 'response.create', response: { ...response, metadata: metadata(17) } });
  const { error } = await client.until('error');
  assert.deepEqual([error.code, error.param], ['object_above_max_properties', 'response.metadata']);
  client.send({ type: 'response.create', response: { ...response, metadata: metadata(16) } });
  assert.deepEqual((await client.until('response.done')).response.metadata, metadata(16));
});

test('the text of a conversation is bounded; deleting an item makes room', async (t) => {
  verifies('R5.65');
  const { wsUrl } = await newServer(t, { config: { limits: { itemCharacters: 100_000 } } });
  const client = await WireClient.open(wsUrl + query);
  const create = (id: string) => {
    const content = [{ type: 'input_text', text: 'x'.repeat(60_000) }];
    client.send({ type: 'conversation.item.create', item: { id, type: 'message', role: 'user', content } });
  };
  create('first');
  await client.until('conversation.item.done');
  create('second');
  assert.equal((await client.until('error')).error.code, 'conversation_full');
  client.send({ type: 'conversation.item.delete', item_id: 'first' });
  create('second');
  assert.equal((await client.until('conversation.item.done')).item.id, 'second');
});

test('a message has at most 1024 parts', async (t) => {
  verifies('R5.64');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const content = Array.from({ length: 1025 }, () => ({ type: 'input_text', text: '' }));
  client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  const { error } = await client.until('error');
  assert.deepEqual([error.code, error.param], ['array_above_max_length', 'item.content']);
});

test('an item that a response references thousands of times is stored once', async (t) => {
  const engines = fakeEngines();
  const config = { contextTokens: [{ tokens: 100_000_000 }] };
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines), config });
  const client = await WireClient.open(wsUrl + query);
  const content = Array.from({ length: 1024 }, () => ({ type: 'input_text', text: 'a' }));
  client.send({ type: 'conversation.item.create', item: { id: 'large', type: 'message', role: 'user', content } });
  const input = Array.from({ length: 1000 }, () => ({ type: 'item_reference', id: 'large' }));
  client.send({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'], input } });
  assert.equal((await client.until('response.done')).response.status, 'completed');
  const items = engines.languageModel.requests[0]?.items ?? [];
  assert.deepEqual([items.length, new Set(items).size], [1000, 1]);
});

test('lists with repeatable values are bounded', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const repeated = (value: string) => Array.from({ length: 40_000 }, () => value);
  for (const update of [
    { include: repeated('item.input_audio_transcription.logprobs') },
    { output_modalities: repeated('audio') },
  ]) {
    client.send({ type: 'session.update', session: { type: 'realtime', ...update } });
    const { error } = await client.until('error');
    assert.deepEqual([error.code, error.param], ['array_above_max_length', `session.${Object.keys(update)[0]}`]);
  }
});
