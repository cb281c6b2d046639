import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Metering } from '../../src/metering/metering.ts';
import { apiKey, type EngineStatus, ListenError, type ParleyServer } from '../../src/server/server.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';

/** One request exactly as written, because `fetch` would normalise the path. */
async function raw(server: ParleyServer, head: string, body = ''): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`${head}\r\nConnection: close\r\n\r\n${body}`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

test('a server is healthy while it runs, and ready when all of its engines are', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const transcriber: EngineStatus = { part: 'transcriber', name: 'slow', state: 'loading', ms: 10 };
  const voice: EngineStatus = { part: 'voice', name: 'quick', state: 'ready', ms: 1 };
  let statuses = [transcriber, voice];
  const engines = { ...fakeEngineSet(), ready: promise, describe: () => statuses };
  const server = await newServer(t, { engines });

  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const loading = await fetch(`${server.url}/readyz`);
  assert.equal(loading.status, 503);
  assert.deepEqual(await loading.json(), { ready: false, status: 'loading', engines: statuses });

  statuses = [{ ...transcriber, state: 'failed', error: 'a file is missing' }, voice];
  const failed = await fetch(`${server.url}/readyz`);
  assert.equal(failed.status, 503);
  assert.match(await failed.text(), /a file is missing/);

  statuses = [{ ...transcriber, state: 'ready' }, voice];
  resolve();
  await server.ready;
  const ready = await fetch(`${server.url}/readyz`);
  assert.equal(ready.status, 200);
  assert.equal(((await ready.json()) as { ready: boolean }).ready, true);
});

test('a draining server is healthy but not ready, and opens no sessions', async (t) => {
  const server = await newServer(t);
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  await server.drain();
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  assert.equal((await refusedUpgrade(`${server.wsUrl}?model=gpt-realtime`)).status, 503);
  await server.close();
  assert.deepEqual(await client.closed, { code: 1001, reason: 'the server is shutting down' });
});

test('the console is served with the right content types and may load only its own files', async (t) => {
  const { url } = await newServer(t);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'self'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('cache-control'), 'no-cache');

  const html = await page.text();
  const parts = [...html.matchAll(/(?:src|href)="([^":]+\.(?:js|css|svg))"/g)].map(([, path]) => path ?? '');
  assert.notEqual(parts.length, 0);
  for (const part of parts) {
    const response = await fetch(new URL(part, `${url}/`));
    assert.equal(response.status, 200, part);
    const expected = { js: /^text\/javascript/, css: /^text\/css/, svg: /^image\/svg\+xml/ }[
      part.split('.').pop() ?? ''
    ];
    assert.match(response.headers.get('content-type') ?? '', expected ?? /$^/, part);
  }
});

for (const path of [
  '/../package.json',
  '/console/../package.json',
  '/console/../../package.json',
  '/console/%2e%2e/package.json',
  '/console/..%2fpackage.json',
  '/console//../package.json',
  '/console/..\\package.json',
  '/console\\..\\package.json',
  '/%2e%2e/package.json',
  '/..%2fpackage.json',
  '/%2e%2e%2fpackage.json',
  '/..\\package.json',
  '//package.json',
  '/console/./../src/main.ts',
  '/console/index.html%00.js',
]) {
  test(`files outside the console are not served: ${path}`, async (t) => {
    const server = await newServer(t);
    const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: localhost`);
    assert.match(answer, /^HTTP\/1\.1 40[04] /);
    assert.doesNotMatch(answer, /"dependencies"/);
  });
}

for (const { method, path, status, code, message } of [
  { method: 'GET', path: '/v1/nothing', status: 404, code: null, message: 'Invalid URL (GET /v1/nothing)' },
  {
    method: 'POST',
    path: '/healthz',
    status: 405,
    code: 'method_not_supported',
    message: 'Not allowed to POST on /healthz (HINT: use GET)',
  },
  {
    method: 'GET',
    path: '/v1/realtime',
    status: 426,
    code: 'upgrade_required',
    message: 'This URL is a WebSocket endpoint. Connect with ws:// or wss://.',
  },
]) {
  test(`${method} ${path} is answered with ${status} in the format of the API`, async (t) => {
    const { url } = await newServer(t);
    const response = await fetch(url + path, { method });
    assert.equal(response.status, status);
    assert.deepEqual(await response.json(), { error: { message, type: 'invalid_request_error', param: null, code } });
  });
}

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
  test(`${method} is refused by its path, whatever its body, without an internal error`, async (t) => {
    const log = new KeptLog();
    const server = await newServer(t, { log });
    for (const [path, status] of Object.entries({ '/v1/nothing': 404, '/healthz': 405, '/': 405 })) {
      for (const { header, body } of [
        { header: '', body: '' },
        { header: '\r\nContent-Length: 2', body: '{}' },
        { header: '\r\nTransfer-Encoding: chunked', body: '2\r\n{}\r\n0\r\n\r\n' },
      ]) {
        const answer = await raw(server, `${method} ${path} HTTP/1.1\r\nHost: localhost${header}`, body);
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*"type":"invalid_request_error"`, 's'));
      }
    }
    assert.deepEqual(
      log.entries.filter(({ level }) => level === 'error'),
      [],
    );
  });
}

test('a WebSocket request to another path is answered with 404', async (t) => {
  verifies('R1.5');
  const { url } = await newServer(t);
  const { status, body } = await refusedUpgrade(`${url.replace('http', 'ws')}/v1/other?model=gpt-realtime`);
  assert.equal(status, 404);
  assert.match(JSON.stringify(body), /Connect to \/v1\/realtime/);
});

test('an upgrade to another protocol is ignored; the request is answered', async (t) => {
  const server = await newServer(t);
  const answer = await raw(
    server,
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('an invalid Host header is refused with 400 and a reason', async (t) => {
  const server = await newServer(t);
  const answer = await raw(server, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1@evil.example');
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"message":"Bad request: .*[Hh]ost/);
});

test('headers and bodies above their limits are refused', async (t) => {
  const { url } = await newServer(t, { config: { limits: { headerBytes: 4096, bodyBytes: 4096 } } });
  assert.equal((await fetch(`${url}/healthz`, { headers: { 'x-large': 'x'.repeat(5000) } })).status, 431);
  const body = await fetch(`${url}/v1/realtime/client_secrets`, { method: 'POST', body: 'x'.repeat(5000) });
  assert.equal(body.status, 413);
  assert.match(await body.text(), /larger than 4096 bytes/);
});

test('a chunked body is refused as soon as it is too large', async (t) => {
  const server = await newServer(t, { config: { limits: { bodyBytes: 1024 } } });
  const head = 'POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked';
  const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
  // The end of the body is never sent.
  assert.match(await raw(server, head, chunk.repeat(3)), /^HTTP\/1\.1 413 .*larger than 1024 bytes/s);
});

test('a connection may have many refused requests whose bodies come after the answer', async (t) => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const clock = new FakeClock();
  const server = await newServer(t, { clock, config: { apiKeys: [apiKey('app', 'sk-app-0123456789')] } });
  const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
  t.after(() => socket.destroy());
  for (let sent = 0; sent < 20; sent++) {
    socket.write('POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n');
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 401 /);
    socket.write('{}');
  }
  await settle();
  await clock.advance(1000);
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [healthy] = await once(socket, 'data');
  assert.match(String(healthy), /^HTTP\/1\.1 200 /, 'the connection is open still');
  assert.deepEqual(warnings, []);
});

test('a server that cannot listen closes its engines, metering and store', async (t) => {
  const { port } = await newServer(t);
  const metering = t.mock.method(Metering.prototype, 'close');
  const store = t.mock.method(MemoryStore.prototype, 'close');
  const engines = fakeEngineSet();
  const engineSet = t.mock.method(engines, 'close');
  await assert.rejects(newServer(t, { engines, config: { port } }), ListenError);
  assert.deepEqual(
    [engineSet, metering, store].map(({ mock }) => mock.callCount()),
    [1, 1, 1],
  );
});
