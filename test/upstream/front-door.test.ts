/** Functions of a server in front of an upstream: keys, client secrets, the list of sessions, and stopping. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { ask, bearer, mint } from '../support/rest.ts';
import { KeptLog } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { newPair } from './support/relay.ts';

const key = 'sk-shop-0123456789';
const config = { apiKeys: [apiKey('shop', key)] };

test('a client secret opens a session of the upstream with its configuration', async (t) => {
  const { relay, engines } = await newPair(t, { config });
  const session = { type: 'realtime', instructions: 'Sell shoes.', output_modalities: ['text'] };
  const secret = await mint(relay, key, { session });
  const client = new WireClient(`${relay.wsUrl}?model=gpt-realtime`, bearer(secret));
  const { session: created } = await client.until('session.created');
  assert.equal(Reflect.get(created, 'instructions'), 'Sell shoes.');
  assert.equal((await client.ask('Hello?')).response.status, 'completed');
  assert.equal(engines.languageModel.requests[0]?.instructions, 'Sell shoes.');

  const stranger = new WireClient(`${relay.wsUrl}?model=gpt-realtime`, bearer('sk-wrong-0123456789'));
  assert.equal((await stranger.closed).code, 3000);
});

test('relayed sessions are listed with their usage, and can be ended', async (t) => {
  const { relay } = await newPair(t, { config });
  const client = await WireClient.open(`${relay.wsUrl}?model=gpt-realtime`, bearer(key));
  const { response } = await client.ask('Hello?');
  const { body } = await ask(relay, 'GET /v1/parley/sessions', { key });
  const [listed] = (body as { data: { id: string; model: string }[] }).data;
  assert.ok(listed);
  assert.equal(listed.model, 'gpt-realtime');
  assert.ok(
    JSON.stringify(listed).includes(`${response.usage?.output_tokens}`),
    `${JSON.stringify(listed)} tells what was used`,
  );
  assert.equal((await ask(relay, `DELETE /v1/parley/sessions/${listed.id}`, { key })).status, 200);
  await client.closed;
});

test('a server that stops closes relayed sessions and their upstream connections', async (t) => {
  const { relay, direct } = await newPair(t);
  const client = await WireClient.open(`${relay.wsUrl}?model=gpt-realtime`);
  await relay.drain();
  await relay.close();
  assert.equal((await client.closed).code, 1001);
  await direct.drain();
});

test('every log entry of a relayed session has its id', async (t) => {
  const log = new KeptLog();
  const { relay } = await newPair(t, { log });
  const client = new WireClient(`${relay.wsUrl}?model=gpt-realtime`);
  await client.until('session.created');
  await client.ask('Hello?');
  client.socket.close();
  const { details } = await log.entry('session_closed');
  const id = Reflect.get(details, 'session');
  assert.match(String(id), /^sess_/);
  const entries = log.entries.filter(({ event }) => !/^(server|config)_/.test(event));
  assert.deepEqual(
    entries.map(({ event, details }) => [event, Reflect.get(details, 'session')]),
    ['session_opened', 'upstream_connected', 'response_done', 'session_closed'].map((event) => [event, id]),
  );
});
