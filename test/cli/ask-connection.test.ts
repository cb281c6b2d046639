import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { outputOf } from '../support/process-output.ts';
import { newServer } from '../support/server.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Runs `parley ask` until it exits. */
function ask(t: TestContext, ...args: string[]): ReturnType<typeof outputOf> {
  const child = spawn(process.execPath, [main, 'ask', ...args], { cwd: tmpdir(), stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  return outputOf(child);
}

/** A closed port. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

// Less than the deadline for opening a session, so that a failing command must end before it.
const atOnce = { timeout: 20_000 };

test('a closed port is reported, and the command exits', atOnce, async (t) => {
  const { code, out } = await ask(t, '--url', `ws://127.0.0.1:${await deadPort()}/v1/realtime`, 'Hello?');
  assert.equal(code, 1);
  assert.match(out, /127\.0\.0\.1:\d+ refuses connections\. Is Parley running\?/);
});

test('a path that is not an endpoint is reported, and the command exits', atOnce, async (t) => {
  const { url } = await newServer(t);
  const { code, out } = await ask(t, '--url', `${url}/v1/other`, 'Hello?');
  assert.equal(code, 1);
  assert.match(out, /answered 404 Not Found instead of opening a WebSocket: is \/v1\/other the path/);
});

test('an untrusted certificate is refused, and accepted with --insecure', atOnce, async (t) => {
  const { wsUrl } = await newServer(t, { config: { tls: 'self-signed' } });
  const refused = await ask(t, '--url', wsUrl, 'Hello?');
  assert.equal(refused.code, 1);
  assert.match(
    refused.out,
    /127\.0\.0\.1:\d+ has a certificate that is not trusted \(self-signed\)\. If .* add --insecure\./,
  );
  const taken = await ask(t, '--url', wsUrl, '--insecure', '--out', '/dev/null', 'Hello?');
  assert.equal(taken.code, 0, taken.out);
});

test('a missing or wrong key is reported with the option that sets it', atOnce, async (t) => {
  const { wsUrl } = await newServer(t, { config: { apiKeys: ['sk-mine-0123456789'] } });
  const missing = await ask(t, '--url', wsUrl, 'Hello?');
  assert.equal(missing.code, 1);
  assert.match(missing.out, /Missing bearer or basic authentication in header \(give a valid key with --key\)/);
  const wrong = await ask(t, '--url', wsUrl, '--key', 'sk-other', 'Hello?');
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /Incorrect API key provided: .* \(give a valid key with --key\)/);
});

test('ws:// to a TLS server, and wss:// to a plain one, are reported with the correct URL', atOnce, async (t) => {
  const [plain, secure] = await Promise.all([newServer(t), newServer(t, { config: { tls: 'self-signed' } })]);
  const toSecure = await ask(t, '--url', secure.wsUrl.replace('wss:', 'ws:'), 'Hello?');
  assert.equal(toSecure.code, 1);
  assert.ok(toSecure.out.includes(`Does it require TLS? Try ${secure.wsUrl}\n`), toSecure.out);
  const toPlain = await ask(t, '--url', plain.wsUrl.replace('ws:', 'wss:'), 'Hello?');
  assert.equal(toPlain.code, 1);
  assert.ok(toPlain.out.includes(`Is it a server without TLS? Try ${plain.wsUrl}\n`), toPlain.out);
});

for (const { args, says } of [
  { args: ['--trun', 'none', 'Hello?'], says: /^--trun is not an option of ask\. Did you mean --turn\?$/m },
  { args: ['--insecur', 'Hello?'], says: /^--insecur is not an option of ask\. Did you mean --insecure\?$/m },
  { args: ['--nonsense', 'Hello?'], says: /^--nonsense is not an option of ask\.$/m },
  { args: ['-x', 'Hello?'], says: /^-x is not an option of ask\.$/m },
]) {
  test(`an unknown option of ask is reported: ${args.join(' ')}`, async (t) => {
    const { code, err } = await ask(t, ...args);
    assert.equal(code, 2);
    assert.match(err, says);
  });
}
