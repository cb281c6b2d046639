/** The settings as code: the programs and the page run as they are printed. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeCode } from '../../../console/settings/code/node.js';
import { pythonCode } from '../../../console/settings/code/python.js';
import { clients } from '../../../dev/clients/catalogue.ts';
import { directoryOf, missing } from '../../../dev/clients/install.ts';
import { startMcpServer } from '../../../dev/harness/mcp-server.ts';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { apiKey, type EngineSet } from '../../../src/server/server.ts';
import { assertUnderstood } from '../../engines/speech.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../../support/embedded.ts';
import { call, fakeEngines, say, saysResultOf } from '../../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../../support/server.ts';
import { inBrowser, openPage } from '../chromium.ts';
import { disclose, openSettings } from './settings-page.ts';

type Settings = Parameters<typeof nodeCode>[0];
type Environment = Record<string, string>;

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const secret = 'hush-hush-0123456789';
const get_price = {
  type: 'function',
  name: 'get_price',
  parameters: { type: 'object', properties: { item: { type: 'string' } } },
};
const settings: Settings = {
  session: {
    type: 'realtime',
    instructions: `Say "yes"\n\\ \`\${x}\` \u2028 </script> <!-- ünïcode`,
    output_modalities: ['text'],
    tools: [get_price],
  },
  functions: `const session = "mine";\nasync function get_price({ item }) {\n  return \`a \${item} costs 12 </script>\`;\n}`,
  transport: 'websocket',
  dialect: 'ga',
  model: 'gpt-realtime',
};

/** Calls `get_price`, then says its output and the instructions. */
function pricingEngines() {
  const engines = fakeEngines();
  engines.languageModel.script = ({ items, instructions }) => {
    const last = items.at(-1);
    return last?.type === 'call_output' ? say(`${last.output} ${instructions}`) : call('get_price', { item: 'shoe' });
  };
  return fakeEngineSet(engines);
}

/** Runs a program that was written to a file, and returns what it prints. */
async function run(t: TestContext, command: string, name: string, code: string, env: Environment = {}, input = '') {
  const folder = await mkdtemp(join(tmpdir(), 'parley-test-'));
  t.after(() => rm(folder, { recursive: true }));
  await symlink(modules, join(folder, 'node_modules'), 'dir');
  await writeFile(join(folder, name), code);
  const { NODE_TEST_CONTEXT: _context, ...rest } = process.env;
  const child = spawn(command, [name, 'How much is a shoe?'], { cwd: folder, env: { ...rest, ...env } });
  child.stdin.end(input);
  const [out, error, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal(exit, 0, `${error}\n${out}\n${code}`);
  return out;
}

const client = clients.find(({ folder }) => folder === 'openai-python');
const python = client && join(directoryOf(client), 'bin', 'python');
const reason = client === undefined ? 'unknown client' : missing(client);
const skip = process.env.PARLEY_TEST_ALL === '1' ? false : (reason ?? false);

const languages = {
  Node: {
    options: { timeout: 60_000 },
    write: nodeCode,
    run: (t: TestContext, code: string, env?: Environment, input?: string) =>
      run(t, process.execPath, 'agent.mjs', code, env, input),
    hasFunctions: true,
  },
  Python: {
    options: { timeout: 60_000, skip },
    write: pythonCode,
    run: (t: TestContext, code: string, env?: Environment, input?: string) =>
      run(t, python ?? '', 'agent.py', code, env, input),
    hasFunctions: false,
  },
};

for (const [name, { options, write, run: start, hasFunctions }] of Object.entries(languages)) {
  suite(`the program for ${name}`, () => {
    const answer = hasFunctions ? 'a shoe costs 12 </script>' : '{"error": "KeyError(\'get_price\')"}';

    for (const dialect of ['ga', 'beta'] as const) {
      for (const tls of ['off', 'self-signed'] as const) {
        test(`has the conversation: ${dialect}, TLS ${tls}`, options, async (t) => {
          const server = await newServer(t, { engines: pricingEngines(), config: { tls } });
          const code = write({ ...settings, dialect }, { page: server.url, requiresKey: false });
          const out = await start(t, code);
          assert.ok(out.includes(answer), out);
          assert.ok(out.includes(String(settings.session.instructions)), out);
        });
      }
    }

    test(
      'reads the key and the secrets of MCP servers from the environment, and asks before a call',
      options,
      async (t) => {
        const mcp = await startMcpServer('modern');
        t.after(() => mcp.close());
        const engines = fakeEngines();
        engines.languageModel.script = saysResultOf('docs_search', { query: 'shoes' });
        const config = { apiKeys: [apiKey('page', 'sk-page-0123456789')], outgoingAllow: ['127.0.0.1'] };
        const server = await newServer(t, { engines: fakeEngineSet(engines), config });
        const headers = { 'X-Team': secret };
        const docs = { type: 'mcp', server_label: 'docs', server_url: mcp.url, authorization: secret, headers };
        const session = { output_modalities: ['text'], tools: [docs] };
        const code = write(
          { ...settings, session: { type: 'realtime', ...session } },
          { page: server.url, requiresKey: true },
        );
        assert.doesNotMatch(code, /hush|sk-page/);
        const secrets = { DOCS_AUTHORIZATION: secret, DOCS_X_TEAM: secret };
        const out = await start(t, code, { PARLEY_API_KEY: 'sk-page-0123456789', ...secrets }, 'y\n');
        assert.match(out, /May docs run search\({"query":"shoes"}\)\?/);
        assert.match(out, /It says: Found: shoes/);
        assert.ok(
          mcp.requests.every(
            (each) => each.headers.authorization === `Bearer ${secret}` && each.headers['x-team'] === secret,
          ),
        );
      },
    );

    test('requests one response when several calls of a server have ended', options, async (t) => {
      const mcp = await startMcpServer('modern');
      t.after(() => mcp.close());
      const engines = fakeEngines();
      engines.languageModel.script = ({ items }) => {
        const outputs = items.flatMap((item) => (item.type === 'call_output' ? [item.output] : []));
        if (outputs.length > 0) return say(`It says: ${outputs.join(' and ')}`);
        return [
          ...call('docs_search', { query: 'shoes' }).filter(({ type }) => type !== 'finish'),
          ...call('docs_search', { query: 'socks' }),
        ];
      };
      const config = { outgoingAllow: ['127.0.0.1'] };
      const server = await newServer(t, { engines: fakeEngineSet(engines), config });
      const docs = { type: 'mcp', server_label: 'docs', server_url: mcp.url, require_approval: 'never' };
      const session = { type: 'realtime', output_modalities: ['text'], tools: [docs] };
      const out = await start(t, write({ ...settings, session }, { page: server.url, requiresKey: false }));
      assert.match(out, /It says: Found: shoes and Found: socks/);
      assert.equal(out.split('It says').length, 2);
    });
  });
}

suite('the page with the settings', inBrowser, () => {
  let engines: EngineSet;
  before(async () => {
    engines = await embeddedEngines();
  });
  after(() => engines.close());

  test('the console shows the code of each language, without the key', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url, { stored: { ...settings } });
    await openSettings(page);
    await page.getByLabel('API key').fill('sk-0123456789');
    await page.getByLabel('API key').blur();
    await disclose(page, 'Copy as code');
    for (const [language, line] of [
      ['node', "import OpenAI from 'openai';"],
      ['python', 'from openai import AsyncOpenAI'],
      ['page', '<!doctype html>'],
    ] as const) {
      await page.getByLabel('Language of the code').selectOption(language);
      const code = (await page.getByTestId('settings-code').textContent()) ?? '';
      assert.ok(code.includes(line), code);
      assert.doesNotMatch(code, /sk-0123456789/);
    }
  });

  for (const requiresKey of [false, true]) {
    const name = requiresKey ? 'with a client secret of its backend' : 'without keys';
    test(`talks over WebRTC, ${name}`, async (t) => {
      const key = 'sk-backend-0123456789';
      let html = '';
      let api = '';
      const backend = createServer(async (request, response) => {
        if (request.url !== '/token') return response.setHeader('Content-Type', 'text/html').end(html);
        const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
        const minted = await fetch(`${api}/v1/realtime/client_secrets`, { method: 'POST', headers, body: '{}' });
        response.setHeader('Content-Type', 'application/json').end(await minted.text());
      });
      t.after(() => backend.close());
      await once(backend.listen(0, '127.0.0.1'), 'listening');
      const origin = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
      const apiKeys = requiresKey ? [apiKey('backend', key)] : [];
      const server = await newServer(t, { engines: borrowed(engines), config: { apiKeys } });
      api = server.url;

      const session = { type: 'realtime', audio: { input: { transcription: { model: 'whisper-1' } } } };
      const opened = await openPage(t, server.url, { stored: { ...settings, session } });
      await opened.page.getByRole('button', { name: requiresKey ? 'Enter a key' : 'Settings', exact: true }).click();
      if (requiresKey) await opened.page.keyboard.insertText(key);
      await disclose(opened.page, 'Copy as code');
      await opened.page.getByLabel('Language of the code').selectOption('page');
      html = (await opened.page.getByTestId('settings-code').textContent()) ?? '';
      assert.equal(html.includes('/token'), requiresKey);
      await opened.page.close();

      // A call may lose its first sounds.
      const silence = new Int16Array(24_000);
      const question = 'I would like to know more about the garden.';
      const samples = concatSamples([silence, await spokenQuestion(engines, question, 1500)]);
      const { page, complaints } = await openPage(t, origin, { samples });
      await page.getByRole('button', { name: 'Talk' }).click();
      const log = page.locator('#log').getByText(/You: .*\n.*\w/);
      await log.waitFor();
      const [, transcript = ''] = /You: (.*)/.exec((await log.textContent()) ?? '') ?? [];
      assertUnderstood(question, transcript, 0.5);
      assert.ok(await page.evaluate(() => document.querySelector('audio')?.srcObject instanceof MediaStream));
      assert.deepEqual(
        complaints.filter((each) => !each.includes('favicon')),
        [],
      );
    });
  }
});
