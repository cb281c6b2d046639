/** SECURITY.md, "a client exhausts memory or the processor": long audio is coded in turns of the event loop. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ServerEvent } from '../../src/protocol/index.ts';
import { audioOf, type Client, newConversation } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
/** µ-law has one sample per byte and therefore takes longest to decode. */
const longest = Buffer.alloc(15 * mebibyte, 0x55);
const manual = (format: object) => ({
  type: 'session.update',
  session: { type: 'realtime', audio: { input: { format, turn_detection: null } } },
});
const append = (bytes: Buffer) => ({ type: 'input_audio_buffer.append', audio: bytes.toString('base64') });
const item = (audio: string) => ({
  type: 'conversation.item.create',
  item: { id: 'long', type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] },
});
const limits = { inputBufferMs: 3_600_000, keptAudioMs: 3_600_000 };

async function manualSession(format: object = { type: 'audio/pcmu' }) {
  const { client } = newConversation({ limits });
  await client.say(manual(format));
  return client;
}

/** Sends an event and counts the turns of the event loop until its answer. */
async function turnsOf(client: Client, event: object, answer: ServerEvent['type']): Promise<number> {
  const before = client.all(answer).length;
  client.post(event);
  let turns = 0;
  for (; client.all(answer).length === before; turns += 1) await setImmediate();
  return turns;
}

test('the longest append, its item and its retrieval are spread over many turns of the event loop', async () => {
  const client = await manualSession();
  client.post(append(longest));
  const commit = await turnsOf(client, { type: 'input_audio_buffer.commit' }, 'input_audio_buffer.committed');
  const create = await turnsOf(client, item(longest.toString('base64')), 'conversation.item.done');
  const retrieval = { type: 'conversation.item.retrieve', item_id: 'long' };
  const retrieve = await turnsOf(client, retrieval, 'conversation.item.retrieved');
  for (const [event, turns] of Object.entries({ commit, create, retrieve })) {
    assert.ok(turns > 60, `${event} came after ${turns} turns`);
  }
  const retrieved = client.last('conversation.item.retrieved').item;
  assert.ok(audioOf(retrieved).equals(longest), 'nothing of it is lost');
});

test('events after a long event are handled after it', async () => {
  const client = await manualSession();
  client.post(item(longest.toString('base64')));
  client.post({ type: 'conversation.item.retrieve', item_id: 'long' });
  client.post({ type: 'conversation.item.delete', item_id: 'long' });
  client.post(append(longest));
  client.post(append(longest.subarray(0, 8)));
  client.post({ type: 'input_audio_buffer.commit' });
  await settle();
  assert.deepEqual(
    client.events.map(({ type }) => type).filter((type) => !type.endsWith('.completed')),
    [
      'session.created',
      'session.updated',
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.retrieved',
      'conversation.item.deleted',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
    ],
  );
  const { id } = client.last('conversation.item.added').item;
  assert.equal(audioOf(await client.retrieve(id)).length, longest.length + 8);
});

test('a long append with invalid base64 at its end is refused as a whole', async () => {
  const client = await manualSession({ type: 'audio/pcm', rate: 24_000 });
  const audio = `${Buffer.alloc(3 * mebibyte).toString('base64')}*===`;
  await client.say({ type: 'input_audio_buffer.append', audio });
  assert.equal(client.lastError().code, 'invalid_value');
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.match(client.lastError().message, /0\.00ms of audio/);
});

test('an odd byte before a long append is prepended to it', async () => {
  const client = await manualSession({ type: 'audio/pcm', rate: 24_000 });
  const bytes = Buffer.from(Array.from({ length: 3 * mebibyte }, (_, index) => index % 251));
  await client.say(append(bytes.subarray(0, 333)));
  await client.say(append(bytes.subarray(333)));
  await client.say({ type: 'input_audio_buffer.commit' });
  const { id } = client.last('conversation.item.added').item;
  assert.ok(audioOf(await client.retrieve(id)).equals(bytes));
});

test('a session that ends while its append is decoded frees it', async (t) => {
  await underAttack(t, {}, async (scene) => {
    await scene.waves(async () => {
      const client = await scene.client();
      client.send(append(longest));
      client.send({ type: 'input_audio_buffer.clear' });
      client.socket.close();
      await client.closed;
    });
  });
});
