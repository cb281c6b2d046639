/** What a hostile client sends costs its own session, and no other's. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fakeEngines, gate, loudnessDetector } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const mebibyte = 1024 ** 2;
const query = '?model=gpt-realtime';

const bombs: [name: string, frame: string][] = [
  ['empty parts', `{"type":"conversation.item.create","item":{"content":[${'{},'.repeat(1_000_000)}{}]}}`],
  ['numbers', `{"type":"session.update","session":{"output_modalities":[${'1,'.repeat(2_000_000)}1]}}`],
  ['levels', `{"type":${'['.repeat(4 * mebibyte)}`],
];
for (const [name, frame] of bombs) {
  test(`an event of millions of ${name} is refused before it is parsed`, async (t) => {
    verifies('R5.62');
    const { wsUrl } = await newServer(t);
    const client = await WireClient.open(wsUrl + query);
    client.socket.send(frame);
    const { error } = await client.until('error');
    assert.deepEqual([error.code, error.message], ['invalid_event', 'Invalid event: more than 50000 values.']);
    assert.equal((await client.ask('Are you still there?')).response.status, 'completed');
  });
}

test('commas and brackets in strings are no values', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  await client.ask('\\"[,]\\'.repeat(200_000));
});

test('names and ids that a client makes up are not sent back at full length', async (t) => {
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

test('a sentence without end is spoken in pieces, however much of it comes at once', async (t) => {
  const engines = fakeEngines();
  engines.voice.msPerWord = 1;
  const sentence = `A ${'very '.repeat(2000)}long one. And\n\n\n\n`;
  engines.languageModel.script = () => [
    { type: 'text', text: sentence },
    { type: 'finish', reason: 'stop' },
  ];
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { outputLeadMs: Number.POSITIVE_INFINITY },
  });
  const client = await WireClient.open(wsUrl + query);
  client.send({ type: 'response.create' });
  await client.until('response.done');
  assert.equal(
    engines.voice.spoken
      .map(({ text }) => text)
      .join('')
      .trim(),
    sentence.trim(),
  );
  for (const { text } of engines.voice.spoken) assert.ok(text.length <= 160);
});

test('a conversation holds so much text and no more; there is room again when an item is deleted', async (t) => {
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

test('an item that a response refers to thousands of times is held once', async (t) => {
  const engines = fakeEngines();
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const client = await WireClient.open(wsUrl + query);
  const content = Array.from({ length: 1024 }, () => ({ type: 'input_text', text: 'a' }));
  client.send({ type: 'conversation.item.create', item: { id: 'large', type: 'message', role: 'user', content } });
  const input = Array.from({ length: 10_000 }, () => ({ type: 'item_reference', id: 'large' }));
  client.send({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'], input } });
  assert.equal((await client.until('response.done')).response.status, 'completed');
  const items = engines.languageModel.requests[0]?.items ?? [];
  assert.deepEqual([items.length, new Set(items).size], [10_000, 1]);
});

test('responses that are given up while a transcript is awaited are not kept', async (t) => {
  const engines = fakeEngines();
  const { opened, open } = gate();
  engines.transcriber.hear = () => opened.then(() => 'Hello.');
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { limits: { responsesPerMinute: Number.POSITIVE_INFINITY } },
  });
  const client = await WireClient.open(wsUrl + query);
  for (let count = 0; count < 1000; count++) client.send(message([{ type: 'input_text', text: 'x' }]));
  client.send(message([{ type: 'input_audio', audio: Buffer.alloc(48_000).toString('base64') }]));
  const giveUp = async (times: number) => {
    for (let count = 0; count < times; count++) {
      client.send({ type: 'response.create' });
      client.send({ type: 'response.cancel' });
      assert.equal((await client.until('response.done')).response.status, 'cancelled');
    }
  };
  await giveUp(100);
  const before = heapBytes();
  await giveUp(1000);
  const grownBytes = heapBytes() - before;
  assert.ok(grownBytes < 4 * mebibyte, `1000 responses left ${Math.round(grownBytes / 1024)} KiB`);
  open();
});

test('a key is not sent back as the selected subprotocol, however its prefix is written', async (t) => {
  const { wsUrl } = await newServer(t);
  for (const name of ['openai-insecure-api-key.secret', 'OpenAI-Insecure-API-Key.secret']) {
    const client = await WireClient.open(wsUrl + query, { protocols: [name, 'other'] });
    assert.equal(client.socket.protocol, 'other');
  }
});

test('hundreds of connections that say nothing do not keep a client out', async (t) => {
  const { wsUrl, port } = await newServer(t);
  const silent = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const client = await WireClient.open(wsUrl + query);
  assert.equal((await client.ask('Are you there?')).response.status, 'completed');
  for (const socket of silent) socket.destroy();
});

test('a client that sends requests ahead of their answers is given a hundred', async (t) => {
  const { port } = await newServer(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000));
  let answers = '';
  for await (const chunk of socket) answers += String(chunk);
  assert.equal(answers.match(/HTTP\/1\.1 200 /g)?.length, 100);
});

test('voice activity detection that fails is told of once, and again when it has worked in between', async (t) => {
  const engines = fakeEngines();
  let works = false;
  engines.voiceActivity = {
    open: (options) => ({
      ...loudnessDetector.open(options),
      push: (samples) =>
        works ? Promise.resolve(new Float32Array(samples.length > 0 ? 1 : 0)) : Promise.reject(new Error('broken')),
    }),
  };
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const client = await WireClient.open(wsUrl + query);
  /** The errors of ten appends. */
  const append = async () => {
    for (let sent = 0; sent < 10; sent++) {
      client.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(4800).toString('base64') });
    }
    client.send({ type: 'input_audio_buffer.clear' });
    const errors: string[] = [];
    for (let event = await client.next(); event.type !== 'input_audio_buffer.cleared'; event = await client.next()) {
      if (event.type === 'error') errors.push(event.error.code ?? '');
    }
    return errors;
  };
  assert.deepEqual(await append(), ['voice_activity_detection_failed']);
  assert.deepEqual(await append(), []);
  works = true;
  assert.deepEqual(await append(), []);
  works = false;
  assert.deepEqual(await append(), ['voice_activity_detection_failed']);
});

function message(content: object[]): object {
  return { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } };
}

/** What is in use once everything that can be is freed. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
