/** SECURITY.md, "the log": its size is bounded, it never blocks the server, and it contains no control characters. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainRequest } from '../../dev/harness/plain-request.ts';
import { apiKey } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { underAttack, upgradeRequest } from './support/under-attack.ts';

const key = 'sk-0123456789abcdefghijklmnopqrstuv';
const withKey = { headers: { Authorization: `Bearer ${key}` } };
const apiKeys = [apiKey('bystander', key)];

test('repeated refusals are summarised in the log by kind and all counted in the metrics', async (t) => {
  await underAttack(
    t,
    { config: { apiKeys: [apiKey('bystander', key, { operator: true })] }, bystander: withKey },
    async (scene) => {
      let refused = 0;
      await scene.waves(async () => {
        const attempts = Array.from({ length: 200 }, async (_, index) => {
          const connection = scene.connection();
          const target = index % 2 === 0 ? undefined : `/not/here/${index}`;
          connection.write(upgradeRequest([`User-Agent: ${index}`], target));
          await connection.closed;
        });
        await Promise.all(attempts);
        refused += attempts.length;
      });
      const entries = scene.log.entries.filter(({ event }) => /refused/.test(event));
      assert.deepEqual(entries.map(({ event }) => event).sort(), ['connection_refused', 'upgrade_refused']);
      const { text: metrics } = await plainRequest(scene.server.url, { path: '/metrics', ...withKey });
      const counted = [...metrics.matchAll(/^parley_log_entries_total\{.*_refused"\} (\d+)$/gm)];
      assert.equal(
        counted.reduce((sum, [, count]) => sum + Number(count), 0),
        refused,
      );
    },
  );
});

test('the number of suppressed log entries is logged at the end of the minute', async (t) => {
  const log = new KeptLog();
  const clock = new FakeClock();
  const server = await newServer(t, { log, clock, config: { apiKeys } });
  for (const agent of ['first', 'second', 'third']) {
    const client = new WireClient(`${server.wsUrl}?model=m`, { headers: { 'User-Agent': agent } });
    await client.closed;
  }
  await clock.advance(60_000);
  const { level, details } = await log.entry('log_repeated');
  assert.equal(level, 'info');
  const last = { code: 3000, userAgent: 'third' };
  assert.partialDeepStrictEqual(details, { of: 'connection_refused', omitted: 2, last });
  const again = new WireClient(`${server.wsUrl}?model=m`, { headers: { 'User-Agent': 'fourth' } });
  await again.closed;
  const logged = log.entries.filter(({ event }) => event === 'connection_refused');
  assert.deepEqual(
    logged.map((entry) => Reflect.get(entry.details, 'userAgent')),
    ['first', 'fourth'],
  );
});

test('failures caused by a client do not suppress those of an engine', async (t) => {
  const log = new KeptLog();
  const engines = fakeEngines();
  const { wsUrl } = await newServer(t, { log, engines: fakeEngineSet(engines) });
  const client = await WireClient.open(`${wsUrl}?model=m`);
  const failed = async (content: object) => {
    const input = [{ type: 'message', role: 'user', content: [content] }];
    client.send({ type: 'response.create', response: { conversation: 'none', input } });
    assert.equal((await client.until('response.done')).response.status, 'failed');
  };
  for (let sent = 0; sent < 25; sent++) await failed({ type: 'input_image', image_url: 'http://10.0.0.1/x.png' });
  engines.languageModel.script = () => {
    throw new Error('a broken engine');
  };
  await failed({ type: 'input_text', text: 'Hello.' });
  const levels = log.entries.filter(({ event }) => event === 'response_failed').map(({ level }) => level);
  assert.deepEqual(levels, [...Array(20).fill('info'), 'error']);
});

test('long and numerous names of unknown fields do not fill the log', async (t) => {
  await underAttack(t, { config: { lenient: true } }, async (scene) => {
    const client = await scene.client();
    const fields = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index}${'x'.repeat(10_000)}`, 1]));
    await scene.waves(async () => {
      client.send({ type: 'input_audio_buffer.clear', ...fields });
      await client.until('input_audio_buffer.cleared');
    });
    const entries = scene.log.entries.filter(({ event }) => event === 'unknown_fields_dropped');
    assert.ok(entries.length > 0 && entries.length <= 20, `${entries.length} entries`);
    for (const entry of entries) assert.ok(JSON.stringify(entry).length < 8192);
    assert.match(JSON.stringify(entries[0]), /more/);
  });
});

interface LoggingServer {
  child: ChildProcess;
  wsUrl: string;
}

/** A server that logs to `stderr`: a pipe or a file descriptor. */
async function loggingServer(t: TestContext, stderr: number | 'pipe', config: object = {}): Promise<LoggingServer> {
  const main = fileURLToPath(new URL('../support/logging-server.ts', import.meta.url));
  const child = spawn(process.execPath, [main, JSON.stringify(config)], { stdio: ['ignore', 'pipe', stderr] });
  t.after(() => child.kill('SIGKILL'));
  const { stdout: input } = child;
  assert.ok(input);
  const [wsUrl] = (await once(createInterface({ input }), 'line')) as [string];
  return { child, wsUrl };
}

async function stop({ child }: LoggingServer): Promise<unknown> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  return exit;
}

/** Opens and ends sessions during a bystander's turns until the log has reached this size. */
async function logMuch(wsUrl: string): Promise<void> {
  const bystander = await WireClient.open(`${wsUrl}?model=m`);
  for (let wave = 0; wave < 10; wave += 1) {
    const clients = Array.from({ length: 30 }, () => WireClient.open(`${wsUrl}?model=${'m'.repeat(100)}`));
    for (const client of await Promise.all(clients)) client.socket.terminate();
    assert.equal((await bystander.ask('Still there?')).response.status, 'completed');
  }
  bystander.socket.terminate();
}

const smallBuffer = { limits: { logBufferBytes: 16 * 1024 } };

async function droppedEntries(wsUrl: string): Promise<number> {
  const { text: metrics } = await plainRequest(new URL(wsUrl.replace('ws:', 'http:')).origin, { path: '/metrics' });
  return Number(/^parley_log_dropped_total (\d+)$/m.exec(metrics)?.[1]);
}

test('a stalled reader of the log does not block the server, and later gets the number of dropped entries', async (t) => {
  const server = await loggingServer(t, 'pipe', smallBuffer);
  await logMuch(server.wsUrl);
  const dropped = await droppedEntries(server.wsUrl);
  assert.ok(dropped > 0);
  assert.ok(server.child.stderr);
  const lines = createInterface({ input: server.child.stderr })[Symbol.asyncIterator]();
  for (let logged = 0; logged < dropped; ) {
    const { value } = await lines.next();
    const { event, entries }: { event: string; entries: number } = JSON.parse(value ?? '');
    if (event === 'log_dropped') logged += entries;
  }
  server.child.stderr.resume();
  assert.deepEqual(await stop(server), [0, null]);
});

test('a server stops in time even if its log is never read', async (t) => {
  const server = await loggingServer(t, 'pipe', smallBuffer);
  await logMuch(server.wsUrl);
  assert.deepEqual(await stop(server), [0, null]);
});

test('a server survives the closing of its log pipe', async (t) => {
  const server = await loggingServer(t, 'pipe', smallBuffer);
  server.child.stderr?.destroy();
  await logMuch(server.wsUrl);
  assert.ok((await droppedEntries(server.wsUrl)) > 0);
  assert.deepEqual(await stop(server), [0, null]);
});

test('a server survives a full disk', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const server = await loggingServer(t, full, smallBuffer);
  await logMuch(server.wsUrl);
  assert.ok((await droppedEntries(server.wsUrl)) > 0);
  assert.deepEqual(await stop(server), [0, null]);
});

test('control characters from clients do not reach a terminal', async (t) => {
  for (const logFormat of ['pretty', 'json']) {
    const server = await loggingServer(t, 'pipe', { logFormat });
    assert.ok(server.child.stderr);
    const written = text(server.child.stderr);
    const model = 'a\u001b[2Jb\u009bc\u202ed\u2028e\u{e0041}f\rg\\u0041h\n12:00 INFO: i';
    const client = await WireClient.open(`${server.wsUrl}?model=${encodeURIComponent(model)}`);
    client.socket.terminate();
    await stop(server);
    const log = await written;
    assert.doesNotMatch(log, /[^\n\P{C}]|[\u2028\u2029]/u);
    assert.doesNotMatch(log, /^12:00/m);
    assert.ok(log.includes('a\\u001b[2Jb\\u009bc\\u202ed\\u2028e\\udb40\\udc41f\\rg'), log);
  }
});
