/** Sessions without an attached peer. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Metering } from '../../../src/metering/metering.ts';
import { randomId } from '../../../src/protocol/index.ts';
import { RealtimeSession } from '../../../src/session/realtime-session.ts';
import { defaultSessionSettings } from '../../../src/session/settings.ts';
import { MemoryStore } from '../../../src/store/memory-store.ts';
import { SessionRegistry } from '../../../src/transport/session-registry.ts';
import { Client, silentLog, userText } from '../../support/conversation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { countTo, fakeEngines, say } from '../../support/fake-engines.ts';
import { KeptLog } from '../../support/server.ts';
import { AttachedPeer, liveSession } from '../../upstream/support/peers.ts';

const owner = { project: 'default' };
const viewer = { owner, operator: false };

function newRegistry(graceMs: number, overloaded = () => false) {
  const clock = new FakeClock();
  const engines = fakeEngines();
  const store = new MemoryStore({ clock, limit: 100 });
  const log = new KeptLog();
  const metering = new Metering({ store, clock, log, prices: undefined, models: [], sessionMetrics: false });
  const sessions: RealtimeSession[] = [];
  const registry = new SessionRegistry({
    create({ id, type, model, meter }) {
      const shared = { engines, clock, ids: randomId, settings: defaultSessionSettings, log: silentLog };
      const session = new RealtimeSession({ id, type, model, meter, graceMs, ...shared });
      sessions.push(session);
      return session;
    },
    limit: 10,
    clock,
    ids: randomId,
    metering,
    overloaded,
  });
  /** Opens a session, and lets clients attach to it through the registry. */
  const open = () => {
    const live = registry.open({ type: 'realtime', model: 'gpt-realtime', owner });
    const session = sessions.at(-1);
    assert.ok(session && registry.find(live.session.id, viewer)?.session === session);
    return { live, session };
  };
  return { clock, engines, registry, open };
}

test('no session can be opened while the engines are overloaded', () => {
  let isOverloaded = false;
  const { registry, open } = newRegistry(0, () => isOverloaded);
  open();
  assert.equal(registry.unavailable, undefined);
  isOverloaded = true;
  assert.match(registry.unavailable ?? '', /^The server is overloaded: conversations wait for its engines\. Try again/);
  assert.equal(registry.count, 1, 'open sessions continue');
});

test('a session is open before it has a peer, and ends when its last peer detaches', async () => {
  const { clock, registry, open } = newRegistry(0);
  const { live, session } = open();
  await clock.advance(60_000);
  assert.deepEqual([registry.count, session.describe().peers], [1, 0]);
  assert.equal(registry.find(session.id, { owner: { project: 'other' }, operator: false }), undefined);

  const client = new Client(session);
  const disconnected = live.connected('ga');
  assert.equal(client.last('session.created').session.id, session.id);
  await client.say(userText('Hello.'));
  session.detach(new Client(open().session));
  assert.equal(registry.count, 2, 'one that was never attached does not count');
  session.detach(client);
  disconnected({ code: 1000, reason: 'bye' });
  assert.deepEqual((await live.over).close, { code: 1000, reason: 'bye' });
  assert.equal(registry.find(session.id, viewer), undefined);
});

test('within the grace period a new peer can attach to the session; afterwards it ends', async () => {
  const { clock, engines, registry, open } = newRegistry(10_000);
  engines.languageModel.script = () => say(countTo(16));
  const { live, session } = open();
  const first = new Client(session);
  const firstDisconnected = live.connected('ga');
  await first.say(userText('Count.'));
  await first.say({ type: 'response.create' });
  session.detach(first);
  firstDisconnected({ code: 1006, reason: '' });
  // A transport may report this twice.
  await clock.advance(5000);
  session.detach(first);
  await clock.advance(4999);
  assert.deepEqual([registry.count, session.describe().peers], [1, 0]);

  const second = new Client(session);
  const secondDisconnected = live.connected('ga');
  assert.deepEqual(second.types(), ['session.created']);
  await clock.advance(60_000);
  assert.equal(registry.count, 1, 'the time of a peer that came back is over');
  await second.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  const [question, answer] = engines.languageModel.requests[1]?.items ?? [];
  assert.deepEqual(question, { type: 'message', role: 'user', content: [{ type: 'text', text: 'Count.' }] });
  assert.deepEqual(answer, {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: countTo(16) }],
  });

  session.detach(second);
  await clock.advance(9999);
  assert.equal(registry.count, 1);
  let isOver = false;
  void live.over.then(() => (isOver = true));
  await clock.advance(1);
  assert.deepEqual([registry.count, isOver], [0, false], 'a connection is still being closed');
  secondDisconnected({ code: 1000, reason: 'bye' });
  assert.deepEqual((await live.over).close, { code: 1000, reason: 'bye' });
});

test('a session that is closed within its grace period ends immediately', async () => {
  const { clock, registry, open } = newRegistry(10_000);
  const { session } = open();
  session.detach(new Client(session));
  registry.closeAll({ code: 1001, reason: 'over' });
  await session.ended;
  await clock.advance(20_000);
  assert.equal(registry.count, 0);
});

test('a relayed session has the same grace period', async (t: TestContext) => {
  const { session, clock, client } = await liveSession(t, { graceMs: 10_000 });
  let hasEnded = false;
  void session.ended.then(() => (hasEnded = true));
  session.detach(client);
  await clock.advance(9999);
  const second = new AttachedPeer(session);
  assert.equal((await second.next('session.created')).type, 'session.created');
  await clock.advance(60_000);
  session.detach(client);
  assert.equal(hasEnded, false);
  session.detach(second);
  await clock.advance(10_000);
  await session.ended;
});
