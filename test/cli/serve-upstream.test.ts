/** `parley serve` in front of an upstream: its output, and the engines that it loads. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ConfigOverrides, startServer } from '../../src/server/server.ts';
import { ask } from '../support/rest.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const key = 'sk-upstream-secret-0123456789';

interface Report {
  ready: boolean;
  engines: { part: string; state: string }[];
}

async function report(server: { url: string }): Promise<Report> {
  return (await ask(server, 'GET /readyz')).body as Report;
}

test('the banner names the upstream, without stand-in and key; engines load when /v1/audio needs them', async (t) => {
  const upstream = await newServer(t);
  const environment = { PATH: process.env.PATH, PARLEY_UPSTREAM_KEY: key };
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--upstream', upstream.wsUrl], {
    env: environment,
  });
  t.after(() => child.kill('SIGKILL'));
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (line.startsWith('Ready')) break;
  }
  const said = printed.join('\n');
  assert.match(
    said,
    new RegExp(`^Upstream +127\\.0\\.0\\.1 \\(${new URL(upstream.url).host}\\): every model, transcription$`, 'm'),
  );
  assert.match(said, /^Engines +for \/v1\/audio only, .*: transcriber Moonshine .* · voice Flite$/m);
  assert.doesNotMatch(said, /responder|stand-in|sk-upstream/);

  const url = printed[0]?.split(' ').at(-1) ?? '';
  const client = await WireClient.open(`${url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime`);
  assert.equal((await client.ask('Hello?')).response.status, 'completed');
  client.socket.close();
  const idle = await report({ url });
  assert.equal(idle.ready, true);
  assert.deepEqual(
    idle.engines.map(({ part, state }) => `${part} ${state}`),
    ['transcriber idle', 'voice idle'],
  );

  const body = { model: 'tts-1', input: 'Hi.', voice: 'alloy' };
  assert.equal((await ask({ url }, 'POST /v1/audio/speech', { body })).status, 200);
  const spoken = await report({ url });
  assert.equal(spoken.ready, true);
  assert.equal(spoken.engines.find(({ part }) => part === 'voice')?.state, 'ready');

  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.doesNotMatch(err, /server_stand_in_model|server_local_model|sk-upstream/);
});

/** The names of the engines that a server starts with, and whether it reports a stand-in. */
async function started(t: TestContext, config: object): Promise<{ states: Set<string>; standIn: boolean }> {
  const log = new KeptLog();
  const server = await startServer({ config: { port: 0, ...(config as ConfigOverrides) }, log });
  t.after(() => server.close());
  return {
    states: new Set(server.engines().map(({ state }) => (state === 'idle' ? 'idle' : 'loaded'))),
    standIn: log.entries.some(({ event }) => event === 'server_stand_in_model'),
  };
}

const somewhere = 'ws://127.0.0.1:9/v1/realtime';
const engineSets = { real: { llm: 'http://127.0.0.1:9/v1#llama3.2' }, rules: { llm: 'embedded' } };
const cases: { what: string; config: object; engines: 'idle' | 'loaded'; standIn: boolean }[] = [
  { what: 'nothing', config: {}, engines: 'loaded', standIn: true },
  {
    what: 'an upstream with some models',
    config: { upstream: [{ url: somewhere, models: ['large'] }] },
    engines: 'loaded',
    standIn: true,
  },
  {
    what: 'an upstream with all models that may be asked for, but no transcription',
    config: { upstream: [{ url: somewhere, models: ['large'] }], models: ['large'] },
    engines: 'loaded',
    standIn: false,
  },
  {
    what: 'an upstream with all models that may be asked for, and transcription',
    config: { upstream: [{ url: somewhere, models: ['large'], transcription: true }], models: ['large'] },
    engines: 'idle',
    standIn: false,
  },
  {
    what: 'aliases that all lead to real models',
    config: { engineSets, aliases: { 'gpt-realtime': 'real', mini: 'real' } },
    engines: 'loaded',
    standIn: false,
  },
  {
    what: 'an alias that leads to the stand-in',
    config: { engineSets, aliases: { 'gpt-realtime': 'real', mini: 'rules' } },
    engines: 'loaded',
    standIn: true,
  },
  {
    what: 'aliases without the usual name',
    config: { engineSets, aliases: { mini: 'real' } },
    engines: 'loaded',
    standIn: true,
  },
];
for (const { what, config, engines, standIn } of cases) {
  test(`${what}: engines are ${engines}, ${standIn ? 'a' : 'no'} stand-in is reported`, async (t) => {
    assert.deepEqual(await started(t, config), { states: new Set([engines]), standIn });
  });
}
