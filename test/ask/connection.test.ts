import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newServer } from '../support/server.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Runs `parley ask` to its end. */
async function ask(t: TestContext, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [main, 'ask', ...args], { cwd: import.meta.dirname, stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** A port that nothing listens on. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

// Less than the time that a server has to open a session: a command that fails ends then, not later.
const atOnce = { timeout: 20_000 };

test('a port that nothing listens on is told, and the command ends', atOnce, async (t) => {
  const { code, out } = await ask(t, '--url', `ws://127.0.0.1:${await deadPort()}/v1/realtime`, 'Hello?');
  assert.equal(code, 1);
  assert.match(out, /Nothing listens at 127\.0\.0\.1:\d+\. Is Parley running\?/);
});

test('a path that is not an endpoint is told, and the command ends', atOnce, async (t) => {
  const { url } = await newServer(t);
  const { code, out } = await ask(t, '--url', `${url}/v1/other`, 'Hello?');
  assert.equal(code, 1);
  assert.match(out, /answered 404 Not Found instead of opening a WebSocket: is \/v1\/other the path/);
});
