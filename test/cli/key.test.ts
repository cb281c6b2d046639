/** `parley key`, and a server that is configured with its output. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadConfig } from '../../src/config/config.ts';
import { startConfiguredServer } from '../../src/server/server.ts';
import { ask, bearer } from '../support/rest.ts';
import { fakeEngineSet, silentLog } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const run = promisify(execFile);

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-key-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'parley.yaml');
  writeFileSync(path, text);
  return path;
}

test('a generated key opens a server whose configuration has the entry without the key', async (t) => {
  const options = ['--name', 'phones', '--project', 'shop', '--operator'];
  const { stdout } = await run(process.execPath, [main, 'key', ...options]);
  const [key = '', ...rest] = stdout.split('\n');
  assert.match(key, /^sk-parley-[\w-]{43}$/);
  const file = rest.join('\n').slice(rest.join('\n').indexOf('api-keys:'));
  assert.ok(!file.includes(key));

  const { config } = loadConfig({ flags: ['--config', fileWith(t, file), '--port', '0'], environment: {} });
  const server = await startConfiguredServer(config, { engines: fakeEngineSet(), log: silentLog });
  t.after(() => server.close());
  const client = await WireClient.open(`${server.wsUrl}?model=m`, bearer(key));
  const { body } = await ask(server, 'GET /v1/parley/sessions', { key });
  const [session] = (body as { data: { key: string; project: string }[] }).data;
  assert.deepEqual([session?.key, session?.project], ['phones', 'shop']);
  assert.equal((await ask(server, 'GET /metrics', { key })).status, 200);
  client.socket.close();
});

test('keys are unique, and an invalid name is refused', async () => {
  const made = await Promise.all([run(process.execPath, [main, 'key']), run(process.execPath, [main, 'key'])]);
  const [first, second] = made.map(({ stdout }) => stdout.split('\n')[0]);
  assert.notEqual(first, second);
  await assert.rejects(run(process.execPath, [main, 'key', '--name', 'a/b']), { code: 2, stderr: /a name of 1 to 64/ });
});
