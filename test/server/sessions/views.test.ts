/** `GET /v1/parley/sessions/{id}/events`: read-only views of sessions. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { apiKey, type ServerOptions } from '../../../src/server/server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeEngines, say, silence, tone } from '../../support/fake-engines.ts';
import { ask, bearer, errorIn, mint } from '../../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../../support/server.ts';
import { SessionView } from '../../support/session-view.ts';
import { verifies } from '../../support/verifies.ts';
import { WireClient } from '../../support/wire-client.ts';

const shop = 'sk-shop-0123456789';
const operator = 'sk-operator-0123456789';
const apiKeys = [
  apiKey('shop-backend', shop, { project: 'shop' }),
  apiKey('operator', operator, { project: 'operations', operator: true }),
];
const audio = Buffer.from(Int16Array.of(...tone(400, 24_000), ...silence(700, 24_000)).buffer).toString('base64');
const spoken = { type: 'input_audio_buffer.append', audio };

/** A server with a session, and the events that its client has received. */
async function viewed(t: TestContext, options: ServerOptions = {}) {
  const log = new KeptLog();
  const engines = fakeEngines();
  engines.languageModel.script = () => say('It is four.');
  const server = await newServer(t, { log, engines: fakeEngineSet(engines), ...options });
  const client = new WireClient(`${server.wsUrl}?model=m`, bearer(shop));
  const received: { type: string; event_id: string }[] = [];
  client.socket.on('message', (data) => received.push(JSON.parse(String(data))));
  const { session } = await client.until('session.created');
  return { server, client, received, log, engines, id: session.id };
}

test('a view has every event of the client from then on, except audio, and the ledger', async (t) => {
  verifies('R1.34');
  const { server, client, received, id } = await viewed(t, { config: { apiKeys } });
  const before = received.length;
  const view = await SessionView.open(server, id, operator);
  client.send(spoken);
  await client.until('response.done');
  await client.until('rate_limits.updated');
  client.send({ type: 'response.cancel', event_id: 'mine' });
  await client.until('error');
  await view.until('error');
  const [opened, ...events] = view.events;
  const { body } = await ask(server, `GET /v1/parley/sessions/${id}`, { key: operator });
  assert.partialDeepStrictEqual(opened, {
    type: 'parley.view.opened',
    session: { id, project: 'shop', key: 'shop-backend' },
  });
  assert.equal((body as { connections: number }).connections, 1);
  assert.deepEqual(
    events.filter(({ type }) => type !== 'parley.ledger'),
    received.slice(before).filter(({ type }) => type !== 'response.output_audio.delta'),
  );
  assert.ok(received.some(({ type }) => type === 'response.output_audio.delta'));
  assert.equal(events.filter(({ type }) => type === 'parley.ledger').length, 1);
});

test('a session with a view sends its client the same events as one without', async (t) => {
  verifies('R1.34');
  const ids = () => {
    let made = 0;
    return (prefix: string) => `${prefix}_${++made}`;
  };
  const conversation = async (watch: boolean) => {
    const { server, client, received, log, id } = await viewed(t, { ids: ids(), clock: new FakeClock() });
    if (watch) await SessionView.open(server, id);
    client.send(spoken);
    await client.until('rate_limits.updated');
    client.socket.close();
    const { details } = await log.entry('session_closed');
    const { seconds: _, ...closed } = details as { seconds: number };
    const own = log.entries.filter(({ event }) => !event.startsWith('view_')).map(({ event }) => event);
    return { received, closed, own };
  };
  const [without, withView] = [await conversation(false), await conversation(true)];
  assert.deepEqual(withView, without);
});

test('a view is for operators: others learn nothing about a session', async (t) => {
  verifies('R1.34');
  const { server, id } = await viewed(t, { config: { apiKeys } });
  const path = (session: string) => `GET /v1/parley/sessions/${session}/events`;
  assert.equal((await ask(server, path(id))).status, 401);
  assert.equal((await ask(server, path(id), { key: 'sk-wrong' })).status, 401);
  assert.equal((await ask(server, path(id), { key: await mint(server, shop) })).status, 401);
  for (const session of [id, 'sess_none']) {
    const refused = await ask(server, path(session), { key: shop });
    assert.equal(refused.status, 403);
    assert.equal(errorIn(refused).code, 'insufficient_permissions');
  }
  assert.equal((await ask(server, path('sess_none'), { key: operator })).status, 404);
});

test('a view neither extends a session nor counts as its connection, and ends with it', async (t) => {
  verifies('R1.34');
  const { server, client, id, log } = await viewed(t);
  const view = await SessionView.open(server, id);
  client.socket.close();
  assert.equal((await view.until('parley.view.closed')).reason, 'session_ended');
  await view.closed;
  const events = ['view_opened', 'view_closed'].map((event) => log.entries.filter((each) => each.event === event));
  assert.deepEqual(
    events.map(({ length }) => length),
    [1, 1],
  );
  assert.partialDeepStrictEqual(events[1]?.[0]?.details, { session: id, reason: 'session_ended' });
  assert.equal((await ask(server, `GET /v1/parley/sessions/${id}/events`)).status, 404);
});

test('further views than the limits allow are refused until one is closed', async (t) => {
  verifies('R1.34');
  const limits = { sessionViews: 3, viewsPerSession: 2 };
  const { server, id, log } = await viewed(t, { config: { limits } });
  const other = await WireClient.open(`${server.wsUrl}?model=m`);
  const { data } = (await ask(server, 'GET /v1/parley/sessions')).body as { data: { id: string }[] };
  const otherId = data[1]?.id ?? '';
  const view = await SessionView.open(server, id);
  await SessionView.open(server, id);
  const third = await ask(server, `GET /v1/parley/sessions/${id}/events`);
  assert.equal(third.status, 503);
  assert.equal(third.headers.get('retry-after'), '5');
  assert.match(errorIn(third).message, /limits\.views-per-session/);
  await SessionView.open(server, otherId);
  const fourth = await ask(server, `GET /v1/parley/sessions/${otherId}/events`);
  assert.match(errorIn(fourth).message, /limits\.session-views/);
  view.leave();
  await log.entry('view_closed');
  await SessionView.open(server, otherId);
  other.socket.close();
});

test('a request for the headers of a view opens none for longer than the request', async (t) => {
  const { server, id, log } = await viewed(t);
  const head = await ask(server, `HEAD /v1/parley/sessions/${id}/events`);
  assert.equal(head.status, 200);
  assert.equal((await log.entry('view_closed')).level, 'info');
});

test('a silent view gets comments, and long events only by their type', async (t) => {
  verifies('R1.34');
  const clock = new FakeClock();
  const { server, client, id } = await viewed(t, { clock, config: { limits: { pingIntervalMs: 1000 } } });
  const view = await SessionView.open(server, id);
  await clock.advance(2500);
  client.send({ type: 'session.update', session: { type: 'realtime', instructions: 'la '.repeat(30_000) } });
  const { event_id } = await client.until('session.updated');
  assert.deepEqual(await view.until('parley.view.omitted'), {
    type: 'parley.view.omitted',
    event_type: 'session.updated',
    event_id,
  });
  assert.equal(view.text.split('\n\n').filter((message) => message === ':').length, 2);
});

test('a retrieved item is shown without its audio', async (t) => {
  const { server, client, id } = await viewed(t);
  const view = await SessionView.open(server, id);
  client.send(spoken);
  const { item_id } = await client.until('input_audio_buffer.committed');
  client.send({ type: 'conversation.item.retrieve', item_id });
  const { item } = await client.until('conversation.item.retrieved');
  assert.ok(item.type === 'message' && item.content.some((part) => 'audio' in part && part.audio));
  const { item: shown } = await view.until('conversation.item.retrieved');
  assert.deepEqual(shown, { ...item, content: item.content.map(({ type }) => ({ type, transcript: null })) });
});

test('a stopping server does not wait for views', async (t) => {
  const { server, id } = await viewed(t);
  const view = await SessionView.open(server, id);
  await server.drain();
  await server.close();
  await view.closed;
});
