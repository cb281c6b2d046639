/** `/v1/parley/sessions`: listing, reading and ending sessions; and the limits of keys. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { apiKey, type ParleyServer } from '../../../src/server/server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ask, bearer, errorIn, mint, mintBeta } from '../../support/rest.ts';
import { KeptLog, newServer } from '../../support/server.ts';
import { verifies } from '../../support/verifies.ts';
import { WireClient } from '../../support/wire-client.ts';

const shop = 'sk-shop-0123456789';
const bank = 'sk-bank-0123456789';
const operator = 'sk-operator-0123456789';
const apiKeys = [
  apiKey('shop-backend', shop, { project: 'shop' }),
  apiKey('bank-backend', bank, { project: 'bank' }),
  apiKey('operator', operator, { operator: true }),
];
const list = 'GET /v1/parley/sessions';

function idsIn({ body }: { body: unknown }): string[] {
  return (body as { data: { id: string }[] }).data.map(({ id }) => id);
}

async function opened(server: ParleyServer, key: string): Promise<{ client: WireClient; id: string }> {
  const client = new WireClient(`${server.wsUrl}?model=m`, bearer(key));
  const { session } = await client.until('session.created');
  return { client, id: session.id };
}

async function sessionsOf(t: TestContext) {
  const server = await newServer(t, { config: { apiKeys } });
  return { server, ours: await opened(server, shop), theirs: await opened(server, bank) };
}

test('a key sees the sessions of its project, and an operator sees all', async (t) => {
  verifies('R1.29');
  const { server, ours, theirs } = await sessionsOf(t);
  assert.deepEqual(idsIn(await ask(server, list, { key: shop })), [ours.id]);
  assert.deepEqual(idsIn(await ask(server, list, { key: bank })), [theirs.id]);
  assert.deepEqual(idsIn(await ask(server, list, { key: operator })), [ours.id, theirs.id]);
  assert.equal((await ask(server, `${list}/${theirs.id}`, { key: operator })).status, 200);
});

test('a session of another project is unknown', async (t) => {
  verifies('R1.29');
  const { server, theirs } = await sessionsOf(t);
  for (const method of ['GET', 'DELETE']) {
    const hidden = await ask(server, `${method} /v1/parley/sessions/${theirs.id}`, { key: shop });
    const unknown = await ask(server, `${method} /v1/parley/sessions/sess_none`, { key: shop });
    assert.deepEqual([hidden.status, unknown.status], [404, 404]);
    const error = errorIn(hidden);
    assert.deepEqual({ ...error, message: error.message.replace(theirs.id, 'sess_none') }, errorIn(unknown));
  }
  assert.equal((await theirs.client.ask('Still there?')).response.status, 'completed');
});

test('a session is described with its key, configuration and usage', async (t) => {
  verifies('R1.29');
  const clock = new FakeClock();
  const server = await newServer(t, { clock, config: { apiKeys } });
  const secret = await mintBeta(server, shop, { model: 'gpt-4o-realtime-preview' });
  const client = new WireClient(server.wsUrl, { ...bearer(secret), speaks: 'beta' });
  const { session } = await client.until('session.created');
  client.send({ type: 'response.create', response: { modalities: ['text'] } });
  await client.until('response.done');
  const { body } = await ask(server, `${list}/${session.id}`, { key: shop });
  const { usage, ...rest } = body as { usage: { responses: object; used: object } };
  const now = clock.epochMs() / 1000;
  assert.deepEqual(rest, {
    id: session.id,
    object: 'parley.session',
    type: 'realtime',
    model: 'gpt-4o-realtime-preview',
    engines: { transcriber: 'fake' },
    transport: 'websocket',
    call_id: null,
    dialects: ['beta'],
    key: 'shop-backend',
    project: 'shop',
    opened_at: now,
    expires_at: now + 3600,
    age_seconds: 0,
    connections: 1,
    turns: 0,
    latency: null,
  });
  assert.deepEqual(usage.responses, { completed: 1 });
  assert.ok('text-output' in usage.used);
});

test('an ended session is no longer listed, and its client gets an error', async (t) => {
  verifies('R1.29');
  const { server, ours } = await sessionsOf(t);
  const { status, body } = await ask(server, `DELETE /v1/parley/sessions/${ours.id}`, { key: shop });
  assert.equal(status, 200);
  assert.deepEqual(body, { id: ours.id, object: 'parley.session.deleted', deleted: true });
  assert.deepEqual(await ours.client.closed, { code: 1000, reason: 'session ended by the API' });
  assert.equal((await ask(server, `${list}/${ours.id}`, { key: shop })).status, 404);
});

test('metrics are for operators', async (t) => {
  const { server } = await sessionsOf(t);
  assert.equal((await ask(server, 'GET /metrics')).status, 401);
  const refused = await ask(server, 'GET /metrics', { key: shop });
  assert.equal(refused.status, 403);
  assert.match(errorIn(refused).message, /'operator: true'/);
  const { status, headers, body } = await ask(server, 'GET /metrics', { key: operator });
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(String(body), /^parley_sessions_open\{.*project="shop".*\} 1$/m);
});

test('a server without keys gives full access to local clients', async (t) => {
  const server = await newServer(t);
  const { id } = await opened(server, 'any');
  assert.deepEqual(idsIn(await ask(server, list)), [id]);
  assert.equal((await ask(server, 'GET /metrics')).status, 200);
});

test('a key that has reached its session limit can open another session when one ends', async (t) => {
  verifies('R1.30', 'R5.78');
  const log = new KeptLog();
  const limited = [apiKey('limited', shop, { limits: { sessions: 1 } }), apiKey('free', bank)];
  const server = await newServer(t, { log, config: { apiKeys: limited } });
  const secret = await mint(server, shop);
  const first = await opened(server, shop);
  for (const shown of [shop, secret]) {
    const second = new WireClient(`${server.wsUrl}?model=m`, bearer(shown));
    const event = await second.next();
    assert.ok(event.type === 'error');
    assert.equal(event.error.code, 'rate_limit_exceeded');
    assert.match(event.error.message, /^Rate limit reached: The key 'limited' .*: 1\. .*try again in 5 s\.$/);
    const closing = { code: 1013, reason: 'invalid_request_error.rate_limit_exceeded' };
    assert.deepEqual(await second.closed, closing);
  }
  await opened(server, bank);
  first.client.socket.close();
  await log.entry('session_closed');
  await opened(server, secret);
});

test('sessions per minute of a key are limited', async (t) => {
  verifies('R1.30');
  const clock = new FakeClock();
  const limited = [apiKey('limited', shop, { limits: { sessionsPerMinute: 2 } })];
  const server = await newServer(t, { clock, config: { apiKeys: limited } });
  await opened(server, shop);
  await opened(server, shop);
  const third = new WireClient(`${server.wsUrl}?model=m`, bearer(shop));
  const event = await third.next();
  assert.match(event.type === 'error' ? event.error.message : '', /in this minute as it may: 2\. Try again in 60 s\./);
  assert.equal((await third.closed).code, 1013);
  await clock.advance(60_000);
  await opened(server, shop);
});

for (const [name, options] of Object.entries({
  'the header': bearer(shop, { 'OpenAI-Project': 'bank' }),
  'the subprotocol': { protocols: ['realtime', `openai-insecure-api-key.${shop}`, 'openai-project.bank'] },
})) {
  test(`a connection that names a project other than that of its key is refused: ${name}`, async (t) => {
    verifies('R1.28', 'R5.75');
    const server = await newServer(t, { config: { apiKeys } });
    const client = new WireClient(`${server.wsUrl}?model=m`, options);
    const event = await client.next();
    assert.equal(event.type === 'error' && event.error.code, 'mismatched_project');
    assert.equal((await client.closed).code, 3000);
  });
}

test('a session opened with a secret belongs to the project in which the secret was created', async (t) => {
  verifies('R1.29');
  const server = await newServer(t, { config: { apiKeys } });
  const { id } = await opened(server, await mint(server, shop));
  assert.deepEqual(idsIn(await ask(server, list, { key: shop })), [id]);
  assert.deepEqual(idsIn(await ask(server, list, { key: bank })), []);
});
