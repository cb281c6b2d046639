/** `POST /v1/realtime/calls`: how a call is opened and configured, and how a request is refused. */

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { apiKey, type ConfigOverrides } from '../../src/server/server.ts';
import { NoPortError, OfferError, type PeerConnections } from '../../src/transport/webrtc/peer-connection.ts';
import { settle } from '../support/fake-clock.ts';
import { offerWith } from '../support/fake-connections.ts';
import { ask, errorIn, mint, mintBeta } from '../support/rest.ts';
import { verifies } from '../support/verifies.ts';
import { apiKeys, callIdIn, callsServer, noCalls, offer, openCall, shop } from './calls-server.ts';

function form(parts: Record<string, string | Blob>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(parts)) data.set(name, value);
  return data;
}

async function post(url: string, body: FormData, key = shop): Promise<Response> {
  return fetch(`${url}/v1/realtime/calls`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body });
}

test('an offer is answered with 201, the SDP answer and the address of the call', async (t) => {
  verifies('R10.2', 'rest.calls.create');
  const { server, connections } = await callsServer(t);
  const answer = await offer(server, { headers: { Origin: 'https://app.example' } });
  callIdIn(answer);
  assert.equal(answer.headers.get('content-type'), 'application/sdp');
  assert.equal(answer.body, connections.last.answer);
  assert.equal(connections.last.offer, offerWith(), 'unchanged');
  assert.match(answer.headers.get('access-control-expose-headers') ?? '', /\bLocation\b/);
  assert.notEqual(await openCall(server), callIdIn(answer));
});

test('pages may send the headers of the SDKs with an offer', async (t) => {
  verifies('R1.26');
  const { server } = await callsServer(t);
  const { headers } = await ask(server, 'OPTIONS /v1/realtime/calls', {
    headers: {
      Origin: 'https://app.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type,openai-safety-identifier,x-openai-agents-sdk',
    },
  });
  const allowed = (headers.get('access-control-allow-headers') ?? '').split(', ');
  for (const name of ['authorization', 'content-type', 'openai-safety-identifier', 'x-openai-agents-sdk']) {
    assert.ok(allowed.includes(name), name);
  }
  assert.match(headers.get('access-control-allow-methods') ?? '', /POST/);
});

test('a form has the offer, as a field or a file, and the configuration of the session', async (t) => {
  verifies('R10.3');
  const { server, connections } = await callsServer(t);
  const session = { type: 'realtime', model: 'my-model', instructions: 'Be brief.', output_modalities: ['text'] };
  for (const sdp of [offerWith(), new Blob([offerWith()], { type: 'application/sdp' })]) {
    const response = await post(server.url, form({ sdp, session: JSON.stringify(session) }));
    assert.equal(response.status, 201);
    const created = await connections.last.open().until('session.created');
    assert.deepEqual({ ...created.session, ...session }, created.session);
  }
  const response = await post(server.url, form({ sdp: offerWith(), session: '{"type":"transcription"}' }));
  assert.equal(response.status, 201);
  const created = await connections.last.open().until('session.created');
  assert.equal(created.session.type, 'transcription');
});

test('an offer alone gets the model of the secret, of the URL, or the default one', async (t) => {
  verifies('R10.3', 'R1.22');
  const { server, connections } = await callsServer(t, { config: { apiKeys, models: ['first', 'second'] } });
  const modelOf = async (options: Parameters<typeof offer>[1]) => {
    await openCall(server, options);
    const { session } = await connections.last.open().until('session.created');
    return session.type === 'realtime' && [session.model, session.instructions];
  };
  const path = '/v1/realtime/calls?model=second';
  assert.deepEqual(await modelOf({}), ['first', '']);
  assert.deepEqual(await modelOf({ path }), ['second', '']);
  const secret = (session: object) => mint(server, shop, { session: { type: 'realtime', ...session } });
  assert.deepEqual(await modelOf({ key: await secret({ instructions: 'Hi.' }) }), ['first', 'Hi.']);
  const key = await secret({ model: 'first', instructions: 'Ho.' });
  assert.deepEqual(await modelOf({ key, path }), ['first', 'Ho.']);
  const transcribing = await mint(server, shop, { session: { type: 'transcription' } });
  await openCall(server, { key: transcribing });
  const { session } = await connections.last.open().until('session.created');
  assert.equal(session.type, 'transcription');
});

test('the beta dialect has its own address, or comes with its secrets', async (t) => {
  verifies('R10.3', 'R1.23');
  const { server, connections } = await callsServer(t);
  connections.speaks = 'beta';
  const betaSecret = await mintBeta(server, shop, { model: 'gpt-4o-realtime-preview', voice: 'ash' });
  for (const options of [
    { path: '/v1/realtime?model=gpt-4o-realtime-preview' },
    { path: '/v1/realtime', key: betaSecret },
    { key: betaSecret },
    { headers: { 'OpenAI-Beta': 'realtime=v1' } },
  ]) {
    await openCall(server, options);
    const { session } = await connections.last.open().until('session.created');
    assert.ok('modalities' in session, JSON.stringify(options));
  }
  const refused = await offer(server, { path: '/v1/realtime?model=m', key: await mint(server, shop) });
  assert.deepEqual([refused.status, errorIn(refused).code], [401, 'api_version_mismatch']);
});

test("Azure's address opens calls too", async (t) => {
  verifies('R10.2');
  const { server } = await callsServer(t);
  await openCall(server, { path: '/openai/v1/realtime/calls' });
});

test('a secret bounds the session of a call as any other', async (t) => {
  verifies('R1.24', 'R1.27');
  const { server, connections } = await callsServer(t);
  const key = await mint(server, shop, { parley: { max_sessions: 1, locked: ['instructions'] } });
  connections.failure = new OfferError('The SDP offer has no audio section (m=audio).');
  assert.equal((await offer(server, { key })).status, 400, 'which does not count');
  connections.failure = undefined;
  await openCall(server, { key });
  const connection = connections.last.open();
  void connection.say({ type: 'session.update', session: { type: 'realtime', instructions: 'Swear.' } });
  assert.equal((await connection.until('error')).error.code, 'parameter_locked');
  const spent = await offer(server, { key });
  assert.deepEqual([spent.status, errorIn(spent).code], [401, 'client_secret_spent']);
});

const refusals: {
  name: string;
  config?: ConfigOverrides;
  send: Parameters<typeof offer>[1];
  status: number;
  code: string | null;
}[] = [
  { name: 'without a key', send: { key: '' }, status: 401, code: null },
  { name: 'with a wrong key', send: { key: 'sk-wrong-0123456789' }, status: 401, code: 'invalid_api_key' },
  {
    name: 'with another content type',
    send: { headers: { 'Content-Type': 'application/json' } },
    status: 415,
    code: 'unsupported_content_type',
  },
  {
    name: 'of a foreign project',
    send: { headers: { 'OpenAI-Project': 'bank' } },
    status: 401,
    code: 'mismatched_project',
  },
  {
    name: 'for an unknown model',
    config: { apiKeys, models: ['one'] },
    send: { path: '/v1/realtime/calls?model=two' },
    status: 400,
    code: 'invalid_model',
  },
  {
    name: 'with an unknown intent',
    send: { path: '/v1/realtime/calls?intent=dance' },
    status: 400,
    code: 'invalid_intent',
  },
];

for (const { name, config, send, status, code } of refusals) {
  test(`an offer ${name} is refused with ${status}`, async (t) => {
    verifies('R10.4');
    const { server, connections, log } = await callsServer(t, config && { config });
    const refused = await offer(server, send);
    assert.deepEqual([refused.status, errorIn(refused).code], [status, code]);
    assert.deepEqual(connections.accepted, []);
    assert.equal((await log.entry('call_refused')).level, 'info');
  });
}

test('a key with its maximum of sessions gets the time to retry', async (t) => {
  verifies('R10.4', 'R1.30');
  const limited = apiKey('shop', shop, { limits: { sessions: 1 } });
  const { server, connections } = await callsServer(t, { config: { apiKeys: [limited] } });
  await openCall(server);
  const refused = await offer(server);
  assert.deepEqual([refused.status, errorIn(refused).code], [429, 'rate_limit_exceeded']);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  connections.last.open().end('left');
  await settle();
  await openCall(server);
});

test('the part session of a form is checked like a session.update', async (t) => {
  verifies('R10.3', 'R10.4');
  const { server } = await callsServer(t);
  const errorOf = async (session: string, key?: string) => {
    const response = await post(server.url, form({ sdp: offerWith(), session }), key);
    return [response.status, errorIn({ body: await response.json() }).param];
  };
  assert.deepEqual(await errorOf('{"type":"realtime","speed":2}'), [400, 'session.speed']);
  assert.deepEqual(await errorOf('{"type":"realtime","audio":{"output":{"speed":9}}}'), [
    400,
    'session.audio.output.speed',
  ]);
  assert.deepEqual(await errorOf('{'), [400, null]);
  assert.deepEqual(await errorOf('{"type":"realtime"}', await mint(server, shop)), [400, 'session']);
  const response = await post(server.url, form({ session: '{"type":"realtime"}' }));
  assert.deepEqual([response.status, errorIn({ body: await response.json() }).param], [400, 'sdp']);
});

test('an offer that the connection refuses is answered with the reason', async (t) => {
  verifies('R10.4');
  const { server, connections } = await callsServer(t);
  connections.failure = new OfferError('The SDP offer has no audio section (m=audio).');
  const unusable = await offer(server);
  assert.deepEqual([unusable.status, errorIn(unusable).code, errorIn(unusable).param], [400, 'invalid_offer', 'sdp']);
  assert.equal(errorIn(unusable).message, 'The SDP offer has no audio section (m=audio).');
  connections.failure = new NoPortError('no port');
  const full = await offer(server);
  assert.deepEqual([full.status, errorIn(full).code, full.headers.get('retry-after')], [503, 'overloaded', '5']);
  connections.failure = new Error('a defect');
  const failed = await offer(server);
  assert.deepEqual([failed.status, errorIn(failed).code], [500, 'internal_error']);
  assert.deepEqual((await ask(server, 'GET /v1/parley/sessions', { key: shop })).body, noCalls);
});

test('a draining or full server opens no calls', async (t) => {
  verifies('R10.4');
  const { server } = await callsServer(t, { config: { apiKeys, limits: { sessions: 1 } } });
  await openCall(server);
  const full = await offer(server);
  assert.deepEqual([full.status, errorIn(full).code], [503, 'overloaded']);
  void server.drain(0);
  assert.match(errorIn(await offer(server)).message, /shutting down/);
});

test('a client that leaves before the answer gets no session', async (t) => {
  const { server, connections, log } = await callsServer(t);
  const accepting = Promise.withResolvers<void>();
  const { accept } = connections;
  const signals: AbortSignal[] = [];
  connections.accept = async (...[sdp, handlers, signal]: Parameters<PeerConnections['accept']>) => {
    signals.push(signal);
    accepting.resolve();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return accept.call(connections, sdp, handlers, signal);
  };
  const sent = request(`${server.url}/v1/realtime/calls`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${shop}`, 'Content-Type': 'application/sdp' },
  });
  sent.on('error', () => {});
  sent.end(offerWith());
  await accepting.promise;
  sent.destroy();
  const { details } = await log.entry('call_refused');
  assert.match(String(Reflect.get(details, 'message')), /the client left/);
  assert.ok(log.entries.every(({ level }) => level !== 'error'));
  assert.ok(connections.last.isClosed);
  assert.deepEqual((await ask(server, 'GET /v1/parley/sessions', { key: shop })).body, noCalls);
});

test('a server that closes ends its calls', async (t) => {
  const { server, connections } = await callsServer(t);
  await openCall(server);
  const connection = connections.last.open();
  await server.close();
  await settle();
  assert.ok(connection.isClosed && connections.isClosed);
});
