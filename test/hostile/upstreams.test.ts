/** SECURITY.md, "an upstream misbehaves": only its own sessions are affected, within bounds. */

import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { heldBytes } from '../../dev/harness/heap.ts';
import type { ParleyServer } from '../../src/server/server.ts';
import { FakeUpstream, responseOf, type UpstreamSide, upstreamSession } from '../upstream/support/fake-upstream.ts';
import { AttachedPeer, beta, liveSession, openingSession } from '../upstream/support/peers.ts';
import { eventually, type Scene, underAttack, upgradeRequest } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
/** Maximum that a session may retain of its upstream's data, plus the same amount in transit. */
const keptBytes = 16 * mebibyte;

const message = (id: string, words: string) => ({
  ...{ id, type: 'message', role: 'assistant', status: 'in_progress', content: [{ type: 'output_text', text: words }] },
});

/** Events of a session that would take several times `keptBytes` if all of them were retained. */
const floods: Record<string, () => Iterable<object>> = {
  *'responses that begin and never end'() {
    for (let at = 0; at < 10_000; at++) {
      const id = `resp_${at}`;
      yield {
        type: 'response.created',
        response: responseOf('in_progress', { id, metadata: { a: 'a'.repeat(4096) } }),
      };
    }
  },
  *'long items of many responses'() {
    for (let at = 0; at < 40; at++) {
      const response_id = `resp_${at}`;
      const item = message(`item_${at}`, 'w'.repeat(2 * mebibyte));
      yield { type: 'response.created', response: responseOf('in_progress', { id: response_id }) };
      yield { type: 'response.output_item.added', response_id, output_index: 0, item };
    }
  },
  *'transcripts of thousands of parts of one item'() {
    yield { type: 'conversation.item.added', previous_item_id: null, item: message('item_a', '') };
    for (let content_index = 0; content_index < 10_000; content_index++) {
      const usage = { type: 'duration', seconds: 1 };
      const transcript = 'w'.repeat(4096);
      const type = 'conversation.item.input_audio_transcription.completed';
      yield { type, item_id: 'item_a', content_index, transcript, usage };
    }
  },
  *'ids of a mebibyte'() {
    for (let at = 0; at < 40; at++) {
      const response_id = `${at}`.padEnd(mebibyte, 'r');
      yield { type: 'response.created', response: responseOf('in_progress', { id: response_id }) };
      yield { type: 'input_audio_buffer.committed', item_id: response_id, previous_item_id: null };
    }
  },
};

/**
 * The upstream of a relayed session. `passed` resolves when the client has received everything that was sent so far.
 */
async function relayedSession(
  scene: Scene,
  upstream: FakeUpstream,
): Promise<{ side: UpstreamSide; passed: () => Promise<void> }> {
  let arrived = () => {};
  const client = scene.connection({ onText: (text) => text.includes('"marker"') && arrived() });
  client.write(upgradeRequest([], '/v1/realtime?model=relayed'));
  const side = await upstream.connection();
  side.create();
  const passed = async () => {
    const marked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    side.send({ type: 'marker' });
    await Promise.race([marked, client.closed.then(() => assert.fail('the session has ended'))]);
  };
  await passed();
  return { side, passed };
}

/** A client of a relayed session that accepts any event, and the upstream's side. */
async function openRelayed(server: ParleyServer, upstream: FakeUpstream) {
  const socket = new WebSocket(`${server.wsUrl}?model=relayed`);
  const messages = on(socket, 'message');
  const next = async () => {
    const { value } = await messages.next();
    return JSON.parse(String(value?.[0]));
  };
  const side = await upstream.connection();
  side.create();
  assert.equal((await next()).type, 'session.created');
  return { side, next, leave: () => socket.terminate() };
}

/** The thread that reads large messages of upstreams belongs to the state before an attack. */
async function startReader(server: ParleyServer, upstream: FakeUpstream): Promise<void> {
  const { side, next, leave } = await openRelayed(server, upstream);
  side.send({ type: 'novel', values: Array.from({ length: 2500 }, () => null) });
  await next();
  leave();
  await side.closed;
}

for (const [name, events] of Object.entries(floods)) {
  test(`an upstream that sends ${name} does not exhaust memory or delay other sessions`, async (t) => {
    const upstream = await FakeUpstream.start(t);
    const models = { relayed: 'gpt-realtime' };
    const config: object = { upstream: [{ name: 'hostile', url: upstream.url, models }] };
    const prepare = (server: ParleyServer) => startReader(server, upstream);
    await underAttack(t, { config, prepare }, async (scene) => {
      const { side, passed } = await relayedSession(scene, upstream);
      const before = heldBytes();
      const turn = scene.bystanderTurn();
      let sent = 0;
      for (const event of events()) {
        side.send(event);
        if (++sent % 10 === 0) await passed();
      }
      await passed();
      await turn;
      await eventually(() => {
        const grown = heldBytes() - before;
        return grown < keptBytes ? undefined : `${Math.round(grown / 1024)} KiB more are held`;
      });
      side.socket.terminate();
    });
  });
}

test('large messages of an upstream are read in order, without its key and without delaying other sessions', async (t) => {
  const upstream = await FakeUpstream.start(t);
  const key = 'sk-upstream-0123456789';
  const models = { relayed: 'gpt-realtime' };
  const config: object = { upstream: [{ name: 'hostile', url: upstream.url, models, key }] };
  const tool = (at: number) => ({ type: 'function', name: `f${at}`, parameters: { type: 'object', properties: {} } });
  const content = [{ type: 'input_audio', audio: Buffer.alloc(12 * mebibyte).toString('base64'), transcript: null }];
  const large = [
    { type: 'conversation.item.retrieved', item: { id: 'item_a', type: 'message', role: 'user', content } },
    {
      type: 'session.updated',
      session: { ...upstreamSession, tools: Array.from({ length: 5000 }, (_, at) => tool(at)) },
    },
    { type: 'novel', text: `${key}${'w'.repeat(mebibyte)}` },
  ];
  const prepare = (server: ParleyServer) => startReader(server, upstream);
  await underAttack(t, { config, prepare }, async (scene) => {
    const { side, next, leave } = await openRelayed(scene.server, upstream);
    await scene.waves(async () => {
      side.send(...large.flatMap((event) => [event, { type: 'marker' }]));
      for (const event of large) {
        const { event_id: _id, ...passed } = await next();
        const sent = JSON.parse(JSON.stringify(event).replace(key, '…'));
        if (event.type === 'session.updated') assert.deepEqual(passed.session.tools, sent.session.tools);
        else assert.deepEqual(passed, sent);
        assert.equal((await next()).type, 'marker');
      }
    });
    leave();
  });
});

test('an upstream that sends everything except the awaited answer is closed after a timeout', async (t) => {
  const { side, client, clock } = await openingSession(t);
  for (let seconds = 0; seconds < 9; seconds += 3) {
    side.send({ type: 'rate_limits.updated', rate_limits: [] }, { type: 'nothing' });
    await side.delivered();
    await clock.advance(3000);
    assert.equal(client.closed, undefined);
  }
  side.send({ type: 'nothing' });
  await side.delivered();
  await clock.advance(1000);
  const { error } = await client.next('error');
  assert.match(JSON.stringify(error), /it did not answer within 10 s/);
});

test('lists and metadata of an upstream are checked only up to the size of a response', async (t) => {
  const { side, session } = await liveSession(t, { checked: false });
  const old = new AttachedPeer(session, { ...beta, checked: false });
  const output = Array.from({ length: 2000 }, (_, at) => message(`item_${at}`, 'Yes.'));
  const metadata = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`k${at}`, 'v']));
  side.send({ type: 'response.done', response: responseOf('completed', { output, metadata }) });
  const { response } = await old.next('response.done');
  assert.partialDeepStrictEqual(response, { id: 'resp_up', metadata: null });
  assert.equal(Object(response).output.length, 256);
});

test('an upstream that does not read gets no pongs', async (t) => {
  const { side, client } = await liveSession(t, { checked: false });
  const pongs: string[] = [];
  side.socket.on('pong', (data) => pongs.push(String(data)));
  side.socket.pause();
  const room = client.say({ type: 'input_audio_buffer.append', audio: 'A'.repeat(16 * mebibyte) });
  assert.ok(room instanceof Promise, 'more is unsent than the system takes');
  side.socket.ping('unread');
  side.send({ type: 'marker' });
  await client.next('marker');
  side.socket.resume();
  await room;
  const pong = once(side.socket, 'pong');
  side.socket.ping('read');
  await pong;
  assert.deepEqual(pongs, ['read']);
});
