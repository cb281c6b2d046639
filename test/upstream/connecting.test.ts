/** Errors for clients when an upstream is unavailable: which one and why, and never its key. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { defaultUpstreamLimits } from '../../src/upstream/link/limits.ts';
import { probeUpstream } from '../../src/upstream/link/probe.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { FakeUpstream, plainServer } from './support/fake-upstream.ts';
import { newPair, relayTo, upstreamKey } from './support/relay.ts';

const http = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

async function refusalOf(wsUrl: string): Promise<{ code: unknown; message: string; closed: object; text: string }> {
  const client = new WireClient(`${wsUrl}?model=gpt-realtime`);
  const event = await client.next();
  assert.equal(event.type, 'error');
  return {
    code: event.error.code,
    message: event.error.message,
    closed: await client.closed,
    text: JSON.stringify(event),
  };
}

const unavailable = { code: 1014, reason: 'server_error.upstream_unavailable' };

for (const [what, answer, words] of [
  [
    'refuses the key over HTTP',
    http('401 Unauthorized', `<p>${upstreamKey}</p>`),
    'refused the key that this server has for it (HTTP 401)',
  ],
  [
    'has nothing there',
    http('404 Not Found', 'no'),
    'has no Realtime endpoint at the address that this server has (HTTP 404)',
  ],
  [
    'answers HTML',
    http('200 OK', '<html>Welcome</html>'),
    'answered with HTTP 200 and text/html instead of opening a WebSocket',
  ],
  ['is busy', http('429 Too Many Requests', ''), 'takes no more connections now (HTTP 429)'],
  [
    'sends a redirect',
    'HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nConnection: close\r\n\r\n',
    'answered with HTTP 302 instead of opening a WebSocket',
  ],
  ['hangs up', '', 'broke off the connection'],
] as const) {
  test(`an upstream that ${what}`, async (t) => {
    const log = new KeptLog();
    const relay = await relayTo(t, await plainServer(t, answer), { log });
    const { code, message, closed, text } = await refusalOf(relay.wsUrl);
    assert.equal(code, 'upstream_unavailable');
    assert.ok(message.startsWith(`The upstream 'the-upstream' is unavailable: it ${words}`), message);
    assert.deepEqual(closed, unavailable);
    assert.equal(`${text}${JSON.stringify(log.entries)}`.includes(upstreamKey), false);
    assert.ok(log.entries.some(({ event }) => event === 'upstream_failed'));
  });
}

test('an upstream whose port is closed', async (t) => {
  const relay = await relayTo(t, 'ws://127.0.0.1:1/v1/realtime');
  const { message, closed } = await refusalOf(relay.wsUrl);
  assert.equal(message, "The upstream 'the-upstream' is unavailable: it refuses connections.");
  assert.deepEqual(closed, unavailable);
});

test('an upstream with an untrusted certificate', async (t) => {
  const upstream = await newServer(t, { config: { tls: 'self-signed' } });
  const relay = await relayTo(t, upstream.wsUrl);
  const { message } = await refusalOf(relay.wsUrl);
  assert.match(message, /it has a certificate that is not trusted \(self-signed\)\.$/);
});

for (const [what, answer] of [
  ['never answers the upgrade', undefined],
  ['opens a WebSocket and says nothing', 'silent'],
] as const) {
  test(`an upstream that ${what}`, async (t) => {
    const clock = new FakeClock();
    const upstream = answer === undefined ? undefined : await FakeUpstream.start(t);
    const relay = await relayTo(t, upstream?.url ?? (await plainServer(t, undefined)), { clock });
    const client = new WireClient(`${relay.wsUrl}?model=gpt-realtime`);
    await new Promise((resolve) => client.socket.once('open', resolve));
    await upstream?.connection();
    await clock.advance(10_000);
    const event = await client.next();
    assert.ok(event.type === 'error');
    assert.equal(event.error.message, "The upstream 'the-upstream' is unavailable: it did not answer within 10 s.");
    assert.deepEqual(await client.closed, unavailable);
  });
}

test('an upstream that refuses the key in an event that contains the key', async (t) => {
  const upstream = await FakeUpstream.start(t);
  const log = new KeptLog();
  const relay = await relayTo(t, upstream.url, { log });
  const answer = refusalOf(relay.wsUrl);
  const side = await upstream.connection();
  assert.equal(side.request.headers.authorization, `Bearer ${upstreamKey}`);
  const message = `Incorrect API key provided: ${upstreamKey}.`;
  side.send({ type: 'error', error: { type: 'invalid_request_error', code: 'invalid_api_key', message, param: null } });
  side.socket.close(3000, 'invalid_request_error.invalid_api_key');
  const { message: words, closed, text } = await answer;
  assert.equal(words, "The upstream 'the-upstream' is unavailable: it refused the key that this server has for it.");
  assert.deepEqual(closed, unavailable);
  assert.equal(`${text}${JSON.stringify(log.entries)}`.includes(upstreamKey), false);
});

test('a model that the upstream does not have: the error blames the client or the configuration', async (t) => {
  const upstream = await newServer(t, { config: { models: ['gpt-realtime'] } });
  const relay = await relayTo(t, upstream.wsUrl);
  const client = new WireClient(`${relay.wsUrl}?model=gpt-nope`);
  const event = await client.next();
  assert.ok(event.type === 'error');
  assert.deepEqual(
    [event.error.code, event.error.message],
    ['invalid_model', 'Model "gpt-nope" is not supported in realtime mode.'],
  );
  assert.deepEqual(await client.closed, { code: 4000, reason: 'invalid_request_error.invalid_model' });

  const mapped = await relayTo(t, upstream.wsUrl, { models: { 'gpt-realtime': 'gpt-gone' } });
  const { code, message } = await refusalOf(mapped.wsUrl);
  assert.equal(code, 'upstream_unavailable');
  assert.match(message, /it does not have the model that this server asks it for\.$/);
});

test('model names, keys in Azure’s header, and engines for models without an upstream', async (t) => {
  const upstream = await FakeUpstream.start(t);
  const file: object = {
    upstream: {
      name: 'azure',
      url: `${upstream.url}?api-version=1`,
      key: upstreamKey,
      'key-header': 'api-key',
      models: { 'gpt-4o-realtime-preview': 'my-deployment' },
    },
  };
  const relay = await newServer(t, { config: file });
  const client = new WireClient(`${relay.wsUrl}?model=gpt-4o-realtime-preview`, {
    headers: { 'OpenAI-Beta': 'realtime=v1' },
  });
  const side = await upstream.connection();
  assert.equal(side.request.url, '/v1/realtime?api-version=1&model=my-deployment');
  assert.equal(side.request.headers['api-key'], upstreamKey);
  assert.equal(side.request.headers.authorization, undefined);
  assert.equal(side.request.headers['openai-beta'], undefined, 'the upstream speaks GA alone');
  side.create();
  const { session } = await client.until('session.created');
  assert.deepEqual([session.id, Reflect.get(session, 'model')], ['sess_up_1', 'gpt-realtime-2026-01-01']);
  client.socket.close();
  assert.equal(await side.closed, 1000, 'the session ends with its last client');

  const local = await WireClient.open(`${relay.wsUrl}?model=gpt-realtime`);
  assert.equal((await local.ask('Hello?')).response.status, 'completed');
});

test('a transcription session is relayed too', async (t) => {
  const { relay, engines } = await newPair(t);
  engines.transcriber.hear = () => 'heard upstream';
  const client = await WireClient.open(`${relay.wsUrl}?intent=transcription`);
  client.send({
    type: 'session.update',
    session: { type: 'transcription', audio: { input: { transcription: {}, turn_detection: { type: 'server_vad' } } } },
  });
  const { session } = await client.until('session.updated');
  assert.equal(session.object, 'realtime.transcription_session');
  client.send({ type: 'response.create', event_id: 'no' });
  assert.equal((await client.until('error')).error.event_id, 'no');
});

test('an upstream can be checked without a client', async (t) => {
  const { direct } = await newPair(t);
  const target = { name: 'x', url: direct.wsUrl, keyHeader: 'authorization', transcription: true } as const;
  const options = {
    kind: { type: 'realtime', model: 'm' },
    limits: defaultUpstreamLimits,
    clock: systemClock,
  } as const;
  assert.deepEqual(await probeUpstream(target, options), { model: 'm' });
  const unreachable = { ...target, url: 'ws://127.0.0.1:1' };
  assert.deepEqual(await probeUpstream(unreachable, options), { problem: 'refuses connections' });
});

test('a key over plain http causes a warning', async (t) => {
  const log = new KeptLog();
  await relayTo(t, 'ws://voice.example/v1/realtime', { log });
  const { details } = await log.entry('config_warning');
  assert.match(JSON.stringify(details), /The key of the upstream 'the-upstream' travels in the clear/);
  assert.equal(JSON.stringify(log.entries).includes(upstreamKey), false);
});
