/**
 * SECURITY.md, "a client exhausts memory or the processor": floods slow down their sender only, and leave nothing
 * behind.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapBytes } from '../../dev/harness/heap.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { fakeEngines, gate, hang, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { type Scene, underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const unhurried = { limits: { eventsPerSecond: Number.POSITIVE_INFINITY } };

/** Clients that repeat the same event in waves; each wave is answered before the next. */
async function flood(scene: Scene, event: object, amount: { clients: number; events: number }): Promise<void> {
  const clients = await Promise.all(Array.from({ length: amount.clients }, () => scene.client()));
  const frame = JSON.stringify(event);
  let wave = 0;
  await scene.waves(async () => {
    const id = `wave_${++wave}`;
    for (const { socket } of clients) for (let sent = 0; sent < amount.events; sent++) socket.send(frame);
    for (const client of clients) client.send({ type: 'no such event', event_id: id });
    await Promise.all(clients.map((client) => answered(client, id)));
  });
}

async function answered(client: WireClient, id: string): Promise<void> {
  for (;;) if ((await client.until('error')).error.event_id === id) return;
}

test('a flood of events does not delay another session', async (t) => {
  await underAttack(t, { config: unhurried }, (scene) =>
    flood(scene, { type: 'input_audio_buffer.clear' }, { clients: 4, events: 2000 }),
  );
});

test('a flood of refused events does not delay another session', async (t) => {
  await underAttack(t, { config: unhurried }, (scene) =>
    flood(scene, { type: 'session.update', session: { type: 'realtime', nope: 1 } }, { clients: 4, events: 500 }),
  );
});

test('a flood of one-sample appends does not delay another session', async (t) => {
  await underAttack(t, { config: unhurried }, (scene) =>
    flood(scene, { type: 'input_audio_buffer.append', audio: 'AAA=' }, { clients: 4, events: 2000 }),
  );
});

test('a client that exceeds its event rate gets an error and is read more slowly', async (t) => {
  verifies('R1.20', 'R5.69');
  await underAttack(t, { config: { limits: { eventsPerSecond: 200, eventBurst: 100 } } }, async (scene) => {
    const client = await scene.client();
    // Two and a half seconds' worth of events, which even a busy machine sends in less time.
    for (let sent = 0; sent < 600; sent++) client.send({ type: 'input_audio_buffer.clear' });
    assert.equal((await client.until('error')).error.code, 'rate_limit_exceeded');
    await scene.bystanderTurn();
    for (let cleared = 0; cleared < 400; cleared++) await client.until('input_audio_buffer.cleared');
  });
});

test('appends of 15 MiB are processed in order, and audio beyond the buffer is refused', async (t) => {
  verifies('R5.57');
  await underAttack(t, { config: unhurried }, async (scene) => {
    const client = await scene.client();
    client.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } });
    const append = JSON.stringify({ type: 'input_audio_buffer.append', audio: 'A'.repeat(20 * mebibyte) });
    // 15 MiB are 327 s; the buffer's capacity is 600 s.
    client.socket.send(append);
    client.socket.send(append);
    await scene.bystanderTurn();
    assert.equal((await client.until('error')).error.code, 'input_audio_buffer_full');
    client.send({ type: 'input_audio_buffer.clear' });
    await client.until('input_audio_buffer.cleared');
  });
});

test('a message above the maximum size ends only its own session', async (t) => {
  verifies('R1.18');
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    client.send({ type: 'input_audio_buffer.append', audio: 'A'.repeat(23 * mebibyte) });
    await scene.bystanderTurn();
    assert.equal((await client.closed).code, 1009);
  });
});

test('excess responses are refused, and only their client gets the errors', async (t) => {
  verifies('R5.22');
  await underAttack(t, { config: unhurried }, async (scene) => {
    const client = await scene.client();
    scene.engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal);
    client.send({ type: 'response.create' });
    await client.until('response.created');
    scene.engines.languageModel.script = () => say('Yes.');
    await scene.waves(async () => {
      for (let sent = 0; sent < 500; sent++) client.send({ type: 'response.create', event_id: `again_${sent}` });
      for (let sent = 0; sent < 500; sent++) {
        const { error } = await client.until('error');
        assert.ok(error.code === 'conversation_already_has_active_response' || error.code === 'rate_limit_exceeded');
      }
    });
  });
});

test('items that are added without end are bounded per conversation, and their memory is freed', async (t) => {
  verifies('R5.65');
  await underAttack(t, { config: { limits: { itemCharacters: 8 * mebibyte } } }, async (scene) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => scene.client()));
    const content = [{ type: 'input_text', text: 'x'.repeat(mebibyte) }];
    const item = { type: 'message', role: 'user', content };
    for (const client of clients) {
      for (let sent = 0; sent < 9; sent++) client.send({ type: 'conversation.item.create', item });
    }
    await scene.bystanderTurn();
    for (const client of clients) assert.equal((await client.until('error')).error.code, 'conversation_full');
  });
});

test('responses that are cancelled while a transcript is pending are freed', async (t) => {
  const engines = fakeEngines();
  const { opened, open } = gate();
  engines.transcriber.hear = () => opened.then(() => 'Hello.');
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { limits: { responsesPerMinute: Number.POSITIVE_INFINITY } },
  });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
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

function message(content: object[]): object {
  return { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } };
}
