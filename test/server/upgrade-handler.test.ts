/** The upgrade handler while authorization is pending, or fails. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { AccessPolicy } from '../../src/access/policy.ts';
import { configWith } from '../../src/config/config.ts';
import { Metering } from '../../src/metering/metering.ts';
import { betaDialect, gaDialect, randomId } from '../../src/protocol/index.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Granted, SessionAccess, SessionAuthorizer } from '../../src/transport/session-authorizer.ts';
import { SessionRegistry, type Viewer } from '../../src/transport/session-registry.ts';
import { UpgradeHandler } from '../../src/transport/websocket/upgrade-handler.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { errorIn } from '../support/rest.ts';
import { KeptLog } from '../support/server.ts';
import { stubSession } from '../support/stub-session.ts';
import { verifies } from '../support/verifies.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';

/** An upgrade handler on its own port that calls `authorize`. */
async function newGate(t: TestContext, authorize: SessionAuthorizer['authorize'], limit = 10) {
  const clock = new FakeClock();
  const log = new KeptLog();
  const config = configWith({ limits: { sessions: limit } });
  const store = new MemoryStore({ clock, limit: 100 });
  const metering = new Metering({ store, clock, log, prices: undefined, models: [], sessionMetrics: false });
  const sessions = new SessionRegistry({
    create: ({ id }) => stubSession(() => {}, id),
    limit,
    clock,
    ids: randomId,
    metering,
  });
  const gate = new UpgradeHandler({
    config,
    access: new AccessPolicy(config),
    authorizer: { authorize },
    dialects: { ga: gaDialect, beta: betaDialect },
    heavyFrames: { parse: () => Promise.reject(new Error('no frame of these tests is heavy')) },
    sessions,
    metering,
    clock,
    ids: randomId,
    log,
  });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => gate.handleUpgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    sessions.closeAll({ code: 1001, reason: 'over' });
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  /** Resolves when the server has noticed that its next connection is closed. */
  const nextGone = new Promise<void>((resolve) => {
    server.once('connection', (socket) => socket.once('close', () => resolve()));
  });
  return { nextGone, clock, log, gate, sessions, port, url: `ws://127.0.0.1:${port}/v1/realtime` };
}

/** An authorization whose result the test supplies. */
function pendingVerdict(clients = 1) {
  const verdict = Promise.withResolvers<Granted>();
  const called = Promise.withResolvers<void>();
  let released = 0;
  let waiting = 0;
  const granted: Granted = {
    granted: true,
    access: { open: { type: 'realtime', model: 'm', owner: { project: 'default' } } },
    dialect: 'ga',
    withdraw: async () => void released++,
  };
  return {
    authorize: () => {
      waiting += 1;
      if (waiting === clients) called.resolve();
      return verdict.promise;
    },
    called: called.promise,
    grant: () => verdict.resolve(granted),
    fail: (error: Error) => verdict.reject(error),
    released: () => released,
  };
}

test('a client waits for authorization as long as for its headers, then gets an error with a hint to retry', async (t) => {
  const verdict = pendingVerdict();
  const { clock, url, gate } = await newGate(t, verdict.authorize);
  const refused = refusedUpgrade(url);
  await verdict.called;
  await clock.advance(10_000);
  const { status, body } = await refused;
  assert.equal(status, 503);
  assert.match(errorIn({ body }).message, /Try again\.$/);
  verdict.grant();
  await settle();
  assert.equal(verdict.released(), 1, 'what is granted too late is given back');
  assert.equal(gate.connections, 0);
});

test('a store failure is logged, and reported to the client as temporary', async (t) => {
  const verdict = pendingVerdict();
  const { url, log } = await newGate(t, verdict.authorize);
  const refused = refusedUpgrade(url);
  await verdict.called;
  verdict.fail(new Error('connection lost'));
  assert.equal((await refused).status, 503);
  assert.match(JSON.stringify((await log.entry('access_check_failed')).details, ['error', 'message']), /error/);
});

test('a grant for a client that has disconnected is released', async (t) => {
  const verdict = pendingVerdict();
  const { port, sessions, nextGone } = await newGate(t, verdict.authorize);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    'GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await verdict.called;
  socket.resetAndDestroy();
  await nextGone;
  verdict.grant();
  await settle();
  assert.equal(verdict.released(), 1);
  assert.equal(sessions.count, 0);
});

test('a client that is authorized late gets its session, and counts as a connection of it', async (t) => {
  const verdict = pendingVerdict();
  const { url, gate } = await newGate(t, verdict.authorize);
  const client = new WireClient(url);
  await verdict.called;
  verdict.grant();
  await client.until('session.created');
  assert.equal(gate.connections, 1);
  client.socket.close();
  await client.closed;
});

test('capacity that was available when authorization began may be used up when it ends', async (t) => {
  const verdict = pendingVerdict(2);
  const { url } = await newGate(t, verdict.authorize, 1);
  const first = new WireClient(url);
  const second = new WireClient(url);
  await verdict.called;
  verdict.grant();
  const outcomes = await Promise.all(
    [first, second].map(
      ({ socket }) =>
        new Promise<string>((resolve) => {
          socket.once('open', () => resolve('open'));
          socket.once('unexpected-response', (_request, { statusCode }) => resolve(String(statusCode)));
        }),
    ),
  );
  assert.deepEqual(outcomes.toSorted(), ['503', 'open']);
  assert.equal(verdict.released(), 1);
});

test('a sideband attaches to a call that it may see', async (t) => {
  verifies('R1.16');
  const viewer: Viewer = { owner: { project: 'default' }, operator: false };
  let access: SessionAccess | undefined;
  let released = 0;
  const authorize = async (): Promise<Granted> => {
    assert.ok(access);
    return { granted: true, access, dialect: 'ga', withdraw: async () => void released++ };
  };
  const { url, sessions, log, gate } = await newGate(t, authorize);
  const live = sessions.open({ type: 'realtime', model: 'm', owner: { project: 'default' }, callId: 'rtc_ours' });
  sessions.open({ type: 'realtime', model: 'm', owner: { project: 'other' }, callId: 'rtc_theirs' });
  assert.equal(live.session.describe().peers, 0);

  for (const callId of ['rtc_none', 'rtc_theirs', live.session.id]) {
    access = { attach: { callId, viewer } };
    const { status, body } = await refusedUpgrade(url);
    assert.deepEqual([status, errorIn({ body }).code], [404, 'call_id_not_found']);
  }
  assert.deepEqual([released, gate.connections], [3, 0]);

  access = { attach: { callId: 'rtc_ours', viewer } };
  const client = new WireClient(url);
  await once(client.socket, 'open');
  assert.deepEqual([live.session.describe().peers, gate.connections, sessions.count], [1, 1, 2]);
  const { details } = await log.entry('peer_attached');
  assert.deepEqual(
    { ...details, peer: undefined, address: undefined, userAgent: undefined },
    {
      ...{ session: live.session.id, dialect: 'ga', peer: undefined, address: undefined, userAgent: undefined },
    },
  );
  client.socket.close();
  await client.closed;
});

test('a request that is not a handshake is refused without side effects', async (t) => {
  const verdict = pendingVerdict();
  const { port } = await newGate(t, verdict.authorize);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  verdict.grant();
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 400 /);
  assert.equal(verdict.released(), 1);
  socket.destroy();
});
