import assert from 'node:assert/strict';
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** `parley serve` that throws or rejects a promise when it receives `throw` or `reject`. */
function faultyServer(t: TestContext, args: string[] = []): ChildProcess {
  const fault = new URL('fixtures/fault.ts', import.meta.url).href;
  const options = ['serve', '--port', '0', '--output-lead-ms', '100', ...args];
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc'];
  const child = spawn(process.execPath, ['--import', fault, main, ...options], {
    stdio,
    env: { PATH: process.env.PATH },
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

function logEntries(err: string): { event: string; [detail: string]: unknown }[] {
  return err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
}

function parley(t: TestContext, args: string[], environment: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...environment } });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

interface Outcome {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

async function outcome(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    err += String(chunk);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, out, err };
}

/** Waits for a line on standard output and returns its text after `start`. */
async function line(lines: AsyncIterator<string>, start: string): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next();
    assert.ok(!done, `the process ended before it said "${start}"`);
    if (value.startsWith(start)) return value.slice(start.length).trim();
  }
}

/** Requests a response of `count` words, and waits until it is spoken. */
async function speaking(child: ChildProcess, count: number): Promise<{ client: WireClient; url: string }> {
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = await line(lines, 'WebSocket');
  // ONNX Runtime aborts a process that exits while it loads a model.
  await line(lines, 'Ready: a turn can be taken');
  const client = await WireClient.open(url);
  const words = Array.from({ length: count }, () => 'and on').join(', ');
  client.send({ type: 'response.create', response: { instructions: `Say "On ${words}."` } });
  await client.until('response.output_audio.delta');
  return { client, url };
}

test('on SIGTERM the server finishes a running response, closes with 1001 and exits with 0', async (t) => {
  const child = parley(t, ['serve', '--port', '0', '--output-lead-ms', '100']);
  const ended = outcome(child);
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.match(await line(lines, 'Parley listening on'), /^http:\/\/127\.0\.0\.1:\d+$/);
  const url = await line(lines, 'WebSocket');
  assert.match(await line(lines, 'Engines'), /Silero v5 .* Moonshine tiny \(English\) .* responder .* Flite/);
  assert.match(await line(lines, 'Stand-in'), /^A set of rules answers, not a language model\./);
  await line(lines, 'Ready: a turn can be taken');

  const [speaking, idle] = await Promise.all([WireClient.open(url), WireClient.open(url)]);
  speaking.send({ type: 'response.create', response: { instructions: 'Say "One, two, three, four."' } });
  await speaking.until('response.output_audio.delta');
  child.kill('SIGTERM');
  assert.equal((await speaking.until('response.done')).response.status, 'completed');
  const shuttingDown = { code: 1001, reason: 'the server is shutting down' };
  assert.deepEqual(await speaking.closed, shuttingDown);
  assert.deepEqual(await idle.closed, shuttingDown);

  const { code, out, err } = await ended;
  assert.equal(code, 0);
  assert.doesNotMatch(out, /^\{/m, 'the log is not mixed into what is printed for people');
  const events = err
    .trim()
    .split('\n')
    .map((entry) => (JSON.parse(entry) as { event: string }).event);
  for (const event of ['server_listening', 'server_ready', 'session_opened', 'server_stopping', 'session_closed']) {
    assert.ok(events.includes(event), `${event} is logged`);
  }
  assert.equal(events.at(-1), 'server_stopped');
});

test('the banner precedes the log, which is JSON unless standard error is a terminal', async (t) => {
  const serve = `exec "${process.execPath}" "${main}" serve --port 0 2>&1`;
  const child = spawn('sh', ['-c', serve], { env: { PATH: process.env.PATH, PARLEY_PROT: '1' } });
  t.after(() => child.kill('SIGKILL'));
  const printed: string[] = [];
  for await (const each of createInterface({ input: child.stdout })) {
    printed.push(each);
    if (each.includes('server_listening')) break;
  }
  const banner = printed.findIndex((each) => each.startsWith('{'));
  assert.match(printed[0] ?? '', /^Parley listening on /);
  assert.match(printed[banner - 1] ?? '', /^Keys /);
  const entries = logEntries(printed.slice(banner).join('\n')).map(({ event }) => event);
  assert.deepEqual(entries, ['config_warning', 'server_stand_in_model', 'server_listening']);
});

test('a command line of 30 kB does not prevent the engines from loading', async (t) => {
  const models = Array.from({ length: 300 }, (_, index) => `${'m'.repeat(96)}-${index}`).join(',');
  const child = parley(t, ['serve', '--port', '0', '--models', models]);
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await line(lines, 'Ready: a turn can be taken');
});

test('the server stops when its npm parent has ended', { timeout: 30_000 }, async (t) => {
  const start = `require('node:child_process').spawn(${JSON.stringify(process.execPath)},
    ${JSON.stringify([main, 'serve', '--port', '0'])}, { stdio: 'inherit' })`;
  const env = { PATH: process.env.PATH, npm_lifecycle_event: 'start' };
  const npm = spawn(process.execPath, ['-e', start], { env, detached: true });
  const { pid } = npm;
  assert.ok(pid);
  // Also ends a server that has not stopped by itself.
  t.after(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // No process of the group is left.
    }
  });
  const ended = outcome(npm);
  const lines = createInterface({ input: npm.stdout })[Symbol.asyncIterator]();
  const client = await WireClient.open(await line(lines, 'WebSocket'));
  npm.kill('SIGKILL');
  assert.deepEqual(await client.closed, { code: 1001, reason: 'the server is shutting down' });
  // The output ends when the last process that holds it has exited.
  const { err } = await ended;
  assert.match(err, /"server_parent_ended".*"server_stopping".*"server_stopped"/s);
});

test('a response that does not finish before the deadline is cut off', async (t) => {
  const child = parley(t, ['serve', '--port', '0', '--output-lead-ms', '100', '--drain-seconds', '0']);
  const ended = outcome(child);
  const { client } = await speaking(child, 40);
  child.kill('SIGTERM');
  assert.equal((await client.closed).code, 1001);
  const { code, err } = await ended;
  assert.equal(code, 0);
  assert.match(err, /server_drain_deadline/);
});

test('a second signal ends the server immediately, whatever responses are running', async (t) => {
  const child = parley(t, ['serve', '--port', '0', '--output-lead-ms', '100']);
  const ended = outcome(child);
  const { client } = await speaking(child, 200);
  // A signal within half a second of the first counts as the same one, so every event of the response sends another.
  client.socket.on('message', () => child.kill('SIGTERM'));
  const { signal, err } = await ended;
  assert.equal(signal, 'SIGTERM');
  assert.match(err, /"server_stopping"/);
  assert.doesNotMatch(err, /"server_stopped"/);
});

test('an uncaught exception stops the server like a signal, within 10 s, and exits with 1', async (t) => {
  const child = faultyServer(t);
  const ended = outcome(child);
  const { client, url } = await speaking(child, 2);
  child.send('throw');
  assert.equal((await client.until('response.done')).response.status, 'completed');
  assert.deepEqual(await client.closed, { code: 1001, reason: 'the server is shutting down' });
  const { code, err } = await ended;
  assert.equal(code, 1);
  const entries = logEntries(err);
  const uncaught = entries.filter(({ event }) => event === 'process_uncaught');
  assert.match(JSON.stringify(uncaught), /an injected exception/);
  assert.equal(uncaught.length, 1);
  assert.equal(entries.find(({ event }) => event === 'server_stopping')?.drainSeconds, 10);
  assert.equal(entries.at(-1)?.event, 'server_stopped');
  await assert.rejects(WireClient.open(url));
});

test('a second uncaught exception ends the process immediately, whatever responses are running', async (t) => {
  const child = faultyServer(t);
  const ended = outcome(child);
  const { client } = await speaking(child, 200);
  child.send('throw');
  child.send('throw');
  assert.equal((await client.closed).code, 1006);
  const { code, err } = await ended;
  assert.equal(code, 1);
  const events = logEntries(err).map(({ event }) => event);
  assert.equal(events.filter((event) => event === 'process_uncaught').length, 2);
  assert.ok(!events.includes('server_stopped'));
});

test('a drain time below 10 s also applies after an uncaught exception', async (t) => {
  const child = faultyServer(t, ['--drain-seconds', '0']);
  const ended = outcome(child);
  const { client } = await speaking(child, 40);
  child.send('throw');
  assert.equal((await client.closed).code, 1001);
  const { code, err } = await ended;
  assert.equal(code, 1);
  assert.ok(logEntries(err).some(({ event }) => event === 'server_drain_deadline'));
});

test('an unhandled rejection is logged and counted, and the server continues', async (t) => {
  const child = faultyServer(t);
  const ended = outcome(child);
  const { client, url } = await speaking(child, 2);
  child.send('reject');
  assert.equal((await client.until('response.done')).response.status, 'completed');
  client.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal((await client.until('response.done')).response.status, 'completed');
  const metrics = await (await fetch(new URL('/metrics', url.replace(/^ws/, 'http')))).text();
  assert.match(metrics, /^parley_log_entries_total\{level="error",event="process_rejection"\} 1$/m);
  child.kill('SIGTERM');
  const { code, err } = await ended;
  assert.equal(code, 0);
  const rejections = logEntries(err).filter(({ event }) => event === 'process_rejection');
  assert.match(JSON.stringify(rejections), /an injected rejection/);
});

test('a port in use is reported with advice, and the process exits', async (t) => {
  const { port } = await newServer(t);
  const { code, out, err } = await outcome(parley(t, ['serve', '--port', String(port)]));
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use by another program\\. .*--port 0`, 'm'));
});

test('an invalid configuration exits with 2 before anything is started', async (t) => {
  const { code, out, err } = await outcome(parley(t, ['serve', '--prot', '1'], { PARLEY_LOG_LEVEL: 'loud' }));
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /^--prot is not an option\. Did you mean --port\?$/m);
  assert.match(err, /^Environment variable PARLEY_LOG_LEVEL: got "loud"/m);
});

test('wrong model paths prevent the start, and the error names each', async (t) => {
  const { code, out, err } = await outcome(
    parley(t, ['serve', '--vad', 'silero:/nowhere/v6.onnx', '--stt', 'moonshine:/tmp']),
  );
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /^vad: silero:\/nowhere\/v6\.onnx cannot be loaded: \/nowhere\/v6\.onnx is missing\./m);
  assert.match(err, /^stt: moonshine:\/tmp cannot be loaded: \/tmp\/encoder_model\.onnx is missing\./m);
  assert.match(err, /^.*Nothing was started\.$/m);
});

for (const { args, code, says } of [
  { args: ['--version'], code: 0, says: /^\d+\.\d+\.\d+/ },
  { args: ['--help'], code: 0, says: /parley serve/ },
  { args: ['serve', '--help'], code: 0, says: /--limits\.frame-bytes/ },
  { args: ['ask', '--help'], code: 0, says: /--turn/ },
  { args: [], code: 2, says: /parley serve/ },
  { args: ['key', '--nam', 'phones'], code: 2, says: /^--nam is not an option of key\. Did you mean --name\?$/m },
  { args: ['srve'], code: 2, says: /"srve" is not a command of Parley\. Did you mean "parley serve"\?/ },
]) {
  test(`parley ${args.join(' ')} exits with ${code}`, async (t) => {
    const result = await outcome(parley(t, args));
    assert.equal(result.code, code);
    assert.match(code === 0 ? result.out : result.err, says);
  });
}
