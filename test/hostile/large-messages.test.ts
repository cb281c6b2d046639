/**
 * SECURITY.md, "a client exhausts memory or the processor": neither a large message nor its answer delays other
 * sessions.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opcodes } from '../../dev/harness/websocket-frames.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const unhurried = { limits: { eventsPerSecond: Number.POSITIVE_INFINITY } };
const clear = { type: 'input_audio_buffer.clear' };
const message = (id: string, text: string) => ({
  type: 'conversation.item.create',
  item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
const retrieve = (item_id: string) => ({ type: 'conversation.item.retrieve', item_id });

test('messages that take long to validate are refused in order, without delaying other sessions', async (t) => {
  await underAttack(t, { config: unhurried }, async (scene) => {
    const client = await scene.client();
    const members = Object.fromEntries(Array.from({ length: 49_000 }, (_, index) => [`k${index}`, 1]));
    const heavy = [
      { type: 'response.create', response: { input: Array.from({ length: 49_000 }, () => null) } },
      { type: 'session.update', session: { type: 'realtime', ...members } },
      { type: 'response.create', response: { prompt: { id: 'x', variables: members } } },
    ];
    await scene.waves(async () => {
      for (const [index, event] of heavy.entries()) {
        client.send({ event_id: `heavy_${index}`, ...event });
        client.send({ event_id: `light_${index}`, type: 'nope' });
      }
      const refused: (string | null | undefined)[] = [];
      for (let count = 0; count < 2 * heavy.length; count++) {
        refused.push((await client.until('error')).error.event_id);
      }
      assert.deepEqual(refused, ['heavy_0', 'light_0', 'heavy_1', 'light_1', 'heavy_2', 'light_2']);
    });
  });
});

test('a long event is sent in fragments of bounded length, before the events that follow it', async (t) => {
  await underAttack(t, { config: unhurried }, async (scene) => {
    const messages: number[][] = [];
    const types: string[] = [];
    const attacker = await scene.webSocket({
      onText: (text) => types.push(/"type":"([^"]+)"/.exec(text)?.[1] ?? ''),
      onFrame: ({ opcode, payload }) => {
        if (opcode === opcodes.text) messages.push([]);
        messages.at(-1)?.push(payload.length);
      },
    });
    // Each of these characters takes six bytes in JSON.
    attacker.text(JSON.stringify(message('long', '\u0001'.repeat(mebibyte))));
    attacker.text(JSON.stringify(retrieve('long')));
    attacker.text(JSON.stringify(clear));
    await scene.waves(async () => {
      await new Promise((resolve) => setImmediate(resolve));
    });
    while (!types.includes('input_audio_buffer.cleared')) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(types, [
      'session.created',
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.retrieved',
      'input_audio_buffer.cleared',
    ]);
    for (const fragments of messages.slice(1, 4)) {
      assert.ok(fragments.length >= 16, `${fragments.length} fragments`);
      assert.ok(Math.max(...fragments) <= 6 * 64 * 1024 + 100, `${Math.max(...fragments)} bytes at once`);
    }
  });
});

test('echoes of a deeply nested schema with thousands of properties do not delay other sessions', async (t) => {
  await underAttack(t, { config: unhurried }, async (scene) => {
    const client = await scene.client();
    const properties = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`k${index}`, { type: 'null' }]),
    );
    const inner = Array.from({ length: 80 }).reduce((nested) => ({ nested }), properties);
    const tools = [{ type: 'function', name: 'deep', description: null, parameters: { type: 'object', inner } }];
    client.send({ type: 'session.update', session: { type: 'realtime', tools } });
    await client.until('session.updated');
    await scene.waves(async () => {
      for (let sent = 0; sent < 4; sent++) client.send({ type: 'session.update', session: { type: 'realtime' } });
      for (let seen = 0; seen < 4; seen++) {
        const { session } = await client.until('session.updated');
        assert.ok('tools' in session);
        assert.deepEqual(session.tools, tools);
      }
    });
  });
});

test('a client that exceeds limits.answer-bytes-per-second is read more slowly; no event is lost', async (t) => {
  const clock = new FakeClock();
  const limits = { answerBytesPerSecond: mebibyte, pingIntervalMs: 3_600_000, deadPeerMs: 3_600_000 };
  const { wsUrl } = await newServer(t, { clock, config: { limits } });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.send(message('long', 'x'.repeat(mebibyte)));
  await client.until('conversation.item.done');
  const other = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  const retrievals = 8;
  for (let sent = 0; sent < retrievals; sent++) client.send(retrieve('long'));
  client.send(clear);
  other.send(clear);
  await other.until('input_audio_buffer.cleared');
  let answered = 0;
  let over = false;
  const counting = (async () => {
    for (; !over; answered += 1) over = (await client.next()).type === 'input_audio_buffer.cleared';
  })();
  while (!over) {
    const before = clock.now();
    await clock.advance(100);
    const room = 1 + Math.ceil((before + 100) / 1000);
    assert.ok(answered <= room + 1, `${answered} answers in ${before} ms`);
  }
  await counting;
  assert.equal(answered, retrievals + 1);
  assert.ok(clock.now() >= 7000, `all within ${clock.now()} ms`);
});

test('echoes of a large schema also count by their number of values', async (t) => {
  const clock = new FakeClock();
  const limits = { answerBytesPerSecond: mebibyte, pingIntervalMs: 3_600_000, deadPeerMs: 3_600_000 };
  const { wsUrl } = await newServer(t, { clock, config: { limits } });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  const update = (session: object) =>
    client.send({ type: 'session.update', session: { type: 'realtime', ...session } });
  const properties = Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`k${index}`, {}]));
  update({ tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties } }] });
  await client.until('session.updated');
  const echoes = 16;
  for (let sent = 0; sent < echoes; sent++) update({});
  client.send(clear);
  let over = false;
  const cleared = client.until('input_audio_buffer.cleared').then(() => {
    over = true;
  });
  while (!over) await clock.advance(100);
  await cleared;
  // An echo counts as 300 KiB, 250 KiB of them for its values; a burst of 2 MiB is free.
  assert.ok(clock.now() >= 2000, `all within ${clock.now()} ms`);
});

test('large messages beyond the queue of the parser thread are refused, and their sessions continue', async (t) => {
  verifies('R5.84');
  await underAttack(t, { config: { limits: { engineQueueJobs: 1 } } }, async (scene) => {
    const values = Array.from({ length: 49_000 }, () => null);
    await scene.waves(async () => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => scene.client()));
      for (const client of clients) client.send({ type: 'response.create', response: { input: values } });
      const codes = await Promise.all(clients.map(async (client) => (await client.until('error')).error.code));
      const refused = codes.filter((code) => code === 'overloaded').length;
      assert.ok(refused >= 1 && refused < clients.length, `${refused} were refused`);
      assert.equal(codes.filter((code) => code === 'invalid_type').length, clients.length - refused);
      for (const client of clients) {
        client.send(clear);
        await client.until('input_audio_buffer.cleared');
      }
      await scene.leave();
    });
  });
});

test('errors about large and small messages are equal, with the names of the dialect', async (t) => {
  verifies('R6.16');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`, { headers: { 'OpenAI-Beta': 'realtime=v1' } });
  const refusal = async (instructions: string) => {
    client.send({ type: 'session.update', session: { instructions, output_modalities: ['text'] } });
    return (await client.until('error')).error;
  };
  const error = await refusal('x'.repeat(mebibyte));
  assert.equal(error.param, 'session.output_modalities');
  assert.deepEqual(error, await refusal(''));
});
