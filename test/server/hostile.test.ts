/** What a hostile client sends costs its own session, and no other's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
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
