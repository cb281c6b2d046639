/** `parley ask`: the server that it uses, and its input. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startMcpServer } from '../../dev/harness/mcp-server.ts';
import { parseOptions } from '../../src/cli/ask/options.ts';
import { call, fakeEngines, say } from '../support/fake-engines.ts';
import { outputOf } from '../support/process-output.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Run {
  args: string[];
  environment?: Record<string, string>;
  /** Standard input. */
  input?: string;
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-ask-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs `parley ask` in a separate folder. */
function start(t: TestContext, { args, environment = {}, input = '' }: Run) {
  const cwd = folderOf(t);
  const env = { PATH: process.env.PATH, ...environment };
  const child = spawn(process.execPath, [main, 'ask', ...args], { cwd, env, stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  child.stdin.end(input);
  return { child, cwd };
}

function ask(t: TestContext, run: Run): ReturnType<typeof outputOf> {
  const { child } = start(t, run);
  return outputOf(child);
}

test('a URL may have another scheme, no path, or the path of an API', () => {
  const urlOf = (args: string[], environment = {}) => {
    const options = parseOptions([...args, 'Hello?'], environment);
    assert.ok(options !== 'help');
    return options.url;
  };
  assert.equal(urlOf([]), 'ws://127.0.0.1:8080/v1/realtime');
  assert.equal(urlOf(['--port', '9000'], { PARLEY_PORT: '9001' }), 'ws://127.0.0.1:9000/v1/realtime');
  assert.equal(urlOf([], { PARLEY_PORT: '9001' }), 'ws://127.0.0.1:9001/v1/realtime');
  assert.equal(urlOf([], { PARLEY_PORT: '' }), 'ws://127.0.0.1:8080/v1/realtime');
  for (const url of ['http://host:1', 'http://host:1/', 'http://host:1/v1', 'http://host:1/v1/realtime']) {
    assert.equal(urlOf(['--url', url]), 'http://host:1/v1/realtime');
  }
  assert.equal(urlOf(['--url', 'host:1']), 'ws://host:1/v1/realtime');
  assert.equal(urlOf(['--url', 'wss://host/openai/realtime?a=b']), 'wss://host/openai/realtime?a=b');
  for (const args of [
    ['--url', 'ftp://host'],
    ['--port', '0'],
    ['--port', 'x'],
    ['--port', '1', '--url', 'ws://h'],
  ]) {
    assert.throws(() => urlOf(args), { name: 'UsageError' }, args.join(' '));
  }
});

test('ask finds the server by PARLEY_PORT and by an http: URL', async (t) => {
  const { url, port } = await newServer(t);
  const byPort = await ask(t, { args: ['Hello?'], environment: { PARLEY_PORT: String(port) } });
  assert.equal(byPort.code, 0, byPort.out + byPort.err);
  const byUrl = await ask(t, { args: ['--url', url, 'Hello?'] });
  assert.equal(byUrl.code, 0, byUrl.out + byUrl.err);
});

test('a dialogue is one session, and continues after a missing file', async (t) => {
  const engines = fakeEngines();
  engines.languageModel.script = ({ items }) => say(`Message ${items.length}.`);
  const { port } = await newServer(t, { engines: fakeEngineSet(engines) });
  const { code, out } = await ask(t, { args: ['--port', String(port)], input: 'One\n\nmissing.wav\nTwo\n' });
  assert.equal(code, 1);
  assert.match(out, /One\n.*Message 1\..*There is no file missing\.wav\..*Two\n.*Message 3\./s);
});

test('instructions and tools are sent to the model, and the output of a tool is returned', async (t) => {
  const engines = fakeEngines();
  engines.languageModel.script = ({ instructions, items, tools }) => {
    const result = items.find((item) => item.type === 'call_output');
    if (result !== undefined) return say(`${instructions} ${JSON.stringify(result)}`);
    return call(tools[0]?.name ?? '', { city: 'Paris' });
  };
  const { port } = await newServer(t, { engines: fakeEngineSet(engines) });
  const file = join(folderOf(t), 'tools.json');
  writeFileSync(
    file,
    JSON.stringify([{ name: 'get_weather', parameters: { type: 'object' }, output: { sky: 'clear' } }]),
  );
  const args = ['--port', String(port), '--instructions', 'Be brief.', '--tools', file, 'Weather?'];
  const { code, out } = await ask(t, { args });
  assert.equal(code, 0, out);
  assert.match(out, /get_weather \{"city":"Paris"\}/);
  assert.match(out, /Be brief\..*sky.*clear/);

  writeFileSync(file, '[{ "name": 1 }]');
  const refused = await ask(t, { args });
  assert.equal(refused.code, 2);
  assert.match(refused.err, /--tools \S+ is not a file of tools: .*name/s);
});

test('calls of MCP tools are shown, approved by the option, and answered', async (t) => {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const engines = fakeEngines();
  engines.languageModel.script = ({ items }) => {
    const last = items.at(-1);
    return last?.type === 'call_output' ? say(`It says: ${last.output}`) : call('docs_search', { query: 'pacing' });
  };
  const { port } = await newServer(t, { engines: fakeEngineSet(engines), config: { outgoingAllow: ['127.0.0.1'] } });
  const file = join(folderOf(t), 'tools.json');
  writeFileSync(file, JSON.stringify([{ type: 'mcp', server_label: 'docs', server_url: mcp.url }]));
  const run = (...more: string[]) =>
    ask(t, { args: ['--port', String(port), '--tools', file, ...more, 'How does pacing work?'] });
  const { code, out } = await run('--approve', 'always');
  assert.equal(code, 0, out);
  assert.match(out, /Approve docs: search \{"query":"pacing"\}\?.*approved.*docs: search → Found: pacing/s);
  assert.match(out, /It says: Found: pacing/);
  const rejected = await run();
  assert.match(rejected.out, /rejected.*It says: The tool failed: The call was not approved/s);
  assert.equal(mcp.count('tools/call'), 1, 'without a terminal nothing is approved');
  assert.match((await run('--approve', 'maybe')).err, /--approve is one of ask, always, never; got "maybe"/);
});

test('a failed import is shown with its reason, and results of tools do not control the terminal', async (t) => {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const engines = fakeEngines();
  engines.languageModel.script = ({ items }) =>
    items.at(-1)?.type === 'call_output' ? say('Done.') : call('docs_search', { query: 'a\u001b[2K\nb' });
  const { port } = await newServer(t, { engines: fakeEngineSet(engines), config: { outgoingAllow: ['127.0.0.1'] } });
  const file = join(folderOf(t), 'tools.json');
  const server = (server_label: string, server_url: string) => ({
    ...{ type: 'mcp', server_label, server_url, require_approval: 'never' },
  });
  const elsewhere = new URL('/elsewhere', `http://127.0.0.1:${port}`).href;
  writeFileSync(file, JSON.stringify([server('docs', mcp.url), server('other', elsewhere)]));
  const { code, out } = await ask(t, { args: ['--port', String(port), '--tools', file, 'How does pacing work?'] });
  assert.equal(code, 0, out);
  assert.match(out, /MCP server 'other' could not be imported\. It answered with HTTP 404/);
  assert.match(out, /docs: search → Found: a \[2K b\n/);
});

test('a closed output pipe does not end the conversation', async (t) => {
  const { port } = await newServer(t);
  const { child, cwd } = start(t, { args: ['--port', String(port), 'Hello?'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual({ code, err }, { code: 0, err: '' });
  assert.ok(existsSync(join(cwd, 'answer.wav')));
});
