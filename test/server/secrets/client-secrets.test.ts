/** Client secrets over sockets: the sessions that they open, their lifetime and their limits. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { apiKey, type ServerOptions } from '../../../src/server/server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ask, bearer, errorIn, mint, mintBeta } from '../../support/rest.ts';
import { KeptLog, newServer } from '../../support/server.ts';
import { stubSession } from '../../support/stub-session.ts';
import { verifies } from '../../support/verifies.ts';
import { type ConnectOptions, refusedUpgrade, WireClient } from '../../support/wire-client.ts';

const key = 'sk-backend-0123456789';
const keys = [apiKey('backend', key, { project: 'shop' })];

function guardedServer(t: TestContext, { config, ...options }: ServerOptions = {}) {
  return newServer(t, { ...options, config: { apiKeys: keys, ...config } });
}

/** A clock whose wall time can be set. */
class SettableClock extends FakeClock {
  stepMs = 0;

  override epochMs(): number {
    return super.epochMs() + this.stepMs;
  }
}

async function refusal(url: string, options: ConnectOptions) {
  const client = new WireClient(url, options);
  const event = await client.next();
  assert.ok(event.type === 'error');
  return { ...event.error, ...(await client.closed) };
}

test('a session starts with the configuration of its secret, whatever model the URL names', async (t) => {
  verifies('R1.22');
  const server = await guardedServer(t);
  const session = {
    type: 'realtime',
    model: 'bound-model',
    instructions: 'Be brief.',
    audio: { output: { voice: 'ash' }, input: { turn_detection: null } },
  };
  const secret = await mint(server, key, { session });
  const client = new WireClient(`${server.wsUrl}?model=other`, bearer(secret));
  const { session: created } = await client.until('session.created');
  assert.ok(created.type === 'realtime');
  const { input, output } = created.audio;
  assert.deepEqual(
    [created.model, created.instructions, output.voice, input.turn_detection],
    ['bound-model', 'Be brief.', 'ash', null],
  );
});

test('a session of a secret without a model uses the one in the URL, or the default', async (t) => {
  verifies('R1.22');
  const server = await guardedServer(t);
  const secret = await mint(server, key);
  for (const [query, model] of Object.entries({ '': 'gpt-realtime', '?model=mine': 'mine' })) {
    const client = new WireClient(server.wsUrl + query, bearer(secret));
    const { session } = await client.until('session.created');
    assert.equal('model' in session && session.model, model);
  }
});

test('a transcription secret opens a transcription session, even if the URL names a model', async (t) => {
  verifies('R1.22', 'R5.77');
  const server = await guardedServer(t);
  const secret = await mint(server, key, { session: { type: 'transcription' } });
  for (const query of ['', '?intent=transcription', '?model=gpt-realtime']) {
    const client = new WireClient(server.wsUrl + query, bearer(secret));
    assert.equal((await client.until('session.created')).session.type, 'transcription');
  }
  const realtime = await mint(server, key);
  const { code, param } = await refusal(`${server.wsUrl}?intent=transcription`, bearer(realtime));
  assert.deepEqual([code, param], [4000, 'intent']);
});

test('a session uses the dialect in which its secret was created', async (t) => {
  verifies('R1.23', 'R5.37');
  const server = await guardedServer(t);
  const beta = await mintBeta(server, key, { voice: 'ash', temperature: 0.7 });
  const client = new WireClient(server.wsUrl, { ...bearer(beta), speaks: 'beta' });
  const { session } = await client.until('session.created');
  const flat: object = session;
  assert.deepEqual(
    ['voice' in flat && flat.voice, 'temperature' in flat && flat.temperature, 'audio' in flat],
    ['ash', 0.7, false],
  );

  const ga = await mint(server, key);
  const announced = await refusal(server.wsUrl, bearer(ga, { 'OpenAI-Beta': 'realtime=v1' }));
  assert.equal(
    announced.message,
    'API version mismatch. You cannot start a Realtime beta session with a GA client secret.',
  );
  assert.deepEqual([announced.code, announced.reason], [3000, 'invalid_request_error.api_version_mismatch']);
  const azure = await refusal(server.wsUrl.replace('/v1/', '/openai/v1/'), bearer(beta));
  assert.match(azure.message, /cannot start a Realtime GA session with a beta client secret/);
});

test('a secret opens sessions until it expires, and they outlive it', async (t) => {
  verifies('R1.24', 'R5.74');
  const clock = new FakeClock();
  const server = await guardedServer(t, { clock });
  const secret = await mint(server, key, { expires_after: { anchor: 'created_at', seconds: 10 } });
  const first = await WireClient.open(server.wsUrl, bearer(secret));
  const second = await WireClient.open(server.wsUrl, bearer(secret));
  await clock.advance(10_000);

  const expired = await refusal(server.wsUrl, bearer(secret));
  const guessed = `ek_${'a'.repeat(39)}${secret.slice(-4)}`;
  const unknown = await refusal(server.wsUrl, bearer(guessed));
  assert.equal(
    expired.message,
    'This client secret is unknown or has expired. Create another with POST /v1/realtime/client_secrets.',
  );
  assert.deepEqual([expired.code, expired.reason], [3000, 'invalid_request_error.invalid_api_key']);
  assert.deepEqual(unknown, { ...expired, event_id: unknown.event_id }, 'a guess learns nothing');

  for (const client of [first, second]) assert.equal((await client.ask('Still there?')).response.status, 'completed');
});

test('locked fields cannot be changed', async (t) => {
  verifies('R1.27');
  const server = await guardedServer(t);
  const secret = await mint(server, key, {
    session: { type: 'realtime', instructions: 'Sell shoes.' },
    parley: { locked: ['instructions', 'tools'] },
  });
  const client = await WireClient.open(server.wsUrl, bearer(secret));
  client.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Sell nothing.' } });
  const { error } = await client.until('error');
  assert.equal(error.param, 'session.instructions');
  client.send({ type: 'session.update', session: { type: 'realtime', max_output_tokens: 100 } });
  const { session } = await client.until('session.updated');
  assert.equal('instructions' in session && session.instructions, 'Sell shoes.');
});

test('a secret limits the number and duration of its sessions', async (t) => {
  verifies('R1.27', 'R5.76');
  const clock = new FakeClock();
  const server = await guardedServer(t, { clock });
  const secret = await mint(server, key, { parley: { max_sessions: 2, max_session_seconds: 60 } });
  const clients = [
    await WireClient.open(server.wsUrl, bearer(secret)),
    await WireClient.open(server.wsUrl, bearer(secret)),
  ];
  const third = await refusal(server.wsUrl, bearer(secret));
  assert.match(third.message, /has opened its maximum of 2 session\(s\)\. Create another\./);
  assert.deepEqual([third.code, third.reason], [3000, 'invalid_request_error.client_secret_spent']);
  await clock.advance(60_000);
  for (const client of clients) {
    assert.equal((await client.until('error')).error.code, 'session_expired');
    assert.equal((await client.closed).code, 1001);
  }
});

test('a failed handshake does not count as a session of the secret', async (t) => {
  verifies('R1.27');
  const server = await guardedServer(t);
  const secret = await mint(server, key, { parley: { max_sessions: 1 } });
  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', Authorization: `Bearer ${secret}` };
  const broken = request(`${server.wsUrl.replace('ws:', 'http:')}?model=gpt-realtime`, { headers: upgrade }).end();
  const [{ statusCode }] = (await once(broken, 'response')) as [IncomingMessage];
  assert.equal(statusCode, 400);
  await WireClient.open(server.wsUrl, bearer(secret));
  assert.match((await refusal(server.wsUrl, bearer(secret))).message, /has opened its maximum of 1 session\(s\)\./);
});

test('changing the wall clock extends neither the lifetime of a secret nor its number of sessions', async (t) => {
  verifies('R1.27');
  const clock = new SettableClock();
  const server = await guardedServer(t, { clock });
  for (const stepMs of [3_600_000, -7_200_000]) {
    const secret = await mint(server, key, { expires_after: { seconds: 600 }, parley: { max_sessions: 1 } });
    await WireClient.open(server.wsUrl, bearer(secret));
    clock.stepMs += stepMs;
    for (let seconds = 0; seconds < 590; seconds += 59) {
      assert.match((await refusal(server.wsUrl, bearer(secret))).message, /has opened its maximum of 1 session\(s\)\./);
      await clock.advance(59_000);
    }
    await clock.advance(10_000);
    assert.equal((await refusal(server.wsUrl, bearer(secret))).code, 3000, 'it has expired');
  }
});

test('a session that fails to open gets an error and does not count as a session of its secret', async (t) => {
  verifies('R5.81', 'R1.27');
  const log = new KeptLog();
  let failing = true;
  const server = await guardedServer(t, {
    log,
    config: { apiKeys: [apiKey('backend', key, { operator: true })] },
    createSession: () => {
      if (failing) throw new Error('no engine at the moment');
      return stubSession(() => {});
    },
  });
  const secret = await mint(server, key, { parley: { max_sessions: 1 } });
  const { type, message, code, reason } = await refusal(server.wsUrl, bearer(secret));
  assert.deepEqual([type, code, reason], ['server_error', 1011, 'server_error.internal_error']);
  assert.match(message, /^The server had an error while opening the session\./);
  assert.doesNotMatch(message, /no engine/, 'details are for the log');
  const { details } = await log.entry('session_not_opened');
  assert.ok('error' in details);
  assert.match(inspect(details.error), /no engine at the moment/);
  const metrics = await ask(server, 'GET /metrics', { key });
  assert.match(String(metrics.body), /^parley_sessions_refused_total\{reason="failed"\} 1$/m);

  failing = false;
  await WireClient.open(server.wsUrl, bearer(secret));
  assert.match((await refusal(server.wsUrl, bearer(secret))).message, /has opened its maximum of 1 session\(s\)\./);
});

test('a secret with an origin list is refused for other origins', async (t) => {
  verifies('R1.27');
  const server = await guardedServer(t);
  const secret = await mint(server, key, { parley: { allowed_origins: ['https://Shop.example'] } });
  await WireClient.open(server.wsUrl, bearer(secret, { Origin: 'https://shop.example' }));
  const others: [Record<string, string>, RegExp][] = [
    [{ Origin: 'https://evil.example' }, /^This client secret is for other pages/],
    [{}, /the client sent no Origin\.$/],
  ];
  for (const [headers, told] of others) {
    const { status, body } = await refusedUpgrade(server.wsUrl, bearer(secret, headers));
    assert.equal(status, 403);
    assert.match(errorIn({ body }).message, told);
  }
});

test('a secret cannot create secrets, list sessions or read metrics', async (t) => {
  verifies('R1.24');
  const server = await guardedServer(t, { config: { apiKeys: [apiKey('operator', key, { operator: true })] } });
  const secret = await mint(server, key);
  for (const request of ['POST /v1/realtime/client_secrets', 'GET /v1/parley/sessions', 'GET /metrics']) {
    const answer = await ask(server, request, { key: secret });
    assert.equal(answer.status, 401, request);
    assert.match(errorIn(answer).message, /^A client secret can only open sessions/);
  }
});

test('the log identifies a secret by an id that does not reveal it', async (t) => {
  const log = new KeptLog();
  const server = await guardedServer(t, { log });
  const secret = await mint(server, key, { session: { type: 'realtime', instructions: 'marmalade' } });
  await WireClient.open(server.wsUrl, bearer(secret));
  const minted = (await log.entry('client_secret_minted')).details;
  const opened = (await log.entry('session_opened')).details;
  assert.ok('secret' in minted && 'secret' in opened && 'key' in opened && 'project' in opened);
  assert.deepEqual([minted.secret, opened.key, opened.project], [opened.secret, 'backend', 'shop']);
  assert.match(String(opened.secret), /^[0-9a-f]{8}$/);
  assert.doesNotMatch(JSON.stringify(log.entries), new RegExp(`${secret}|${secret.slice(3)}|marmalade`));
});

test('without keys, a secret still configures its session, and an expired one is still refused', async (t) => {
  const clock = new FakeClock();
  const server = await newServer(t, { clock });
  const secret = await mint(server, undefined, { session: { type: 'realtime', instructions: 'Be brief.' } });
  const client = new WireClient(server.wsUrl, bearer(secret));
  const { session } = await client.until('session.created');
  assert.equal('instructions' in session && session.instructions, 'Be brief.');
  await clock.advance(600_000);
  assert.equal((await refusal(server.wsUrl, bearer(secret))).code, 3000);
});

test('clients that disconnect during the lookup of their secret leave no session', { timeout: 30_000 }, async (t) => {
  const config = { apiKeys: [apiKey('backend', key, { limits: { sessions: 1 } })] };
  const server = await guardedServer(t, { config });
  const secret = await mint(server, key);
  const upgrade = [
    'GET /v1/realtime HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${secret}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  for (let gone = 0; gone < 20; gone += 1) {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`${upgrade.join('\r\n')}\r\n\r\n`);
    if (gone % 2 === 0) socket.resetAndDestroy();
    else socket.end();
  }
  // The key may have one session; while another counts, this one is refused.
  for (;;) {
    const client = new WireClient(server.wsUrl, bearer(secret));
    if ((await client.next()).type === 'session.created') return;
    await client.closed;
  }
});
