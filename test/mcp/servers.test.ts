/** Real MCP servers: every transport and version, servers of the configuration, and what they see. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { docsServer } from '../../dev/harness/mcp-server.ts';
import { LocalServer } from '../net/local-server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { gate } from '../support/fake-engines.ts';
import { mint } from '../support/rest.ts';
import { verifies } from '../support/verifies.ts';
import { answering, callTool, importTools, newMcpServer, newParley } from './support.ts';

const docs = (server_url: string, more: object = {}) => ({
  ...{ type: 'mcp', server_label: 'docs', server_url, require_approval: 'never' },
  ...more,
});
const stdio = { command: process.execPath, args: [fileURLToPath(new URL('stdio-server.ts', import.meta.url))] };

for (const era of ['modern', 'legacy', 'sse'] as const) {
  test(`a ${era} server: import, calls, changed tools, a restart`, async (t) => {
    verifies('R3.81');
    const mcp = await newMcpServer(t, era);
    const clock = new FakeClock();
    const parley = await newParley(t, {}, clock);
    const client = await parley.open();
    const secrets = { authorization: 'token', headers: { 'x-tenant': 'a' } };
    const [list] = await importTools(client, docs(mcp.url, secrets));
    assert.deepEqual(
      list?.tools.map(({ name, description }) => [name, description]),
      [
        ['search', 'Searches the docs.'],
        ['remove', 'Removes a page.'],
      ],
    );
    assert.deepEqual(list?.tools[0]?.annotations, { readOnlyHint: true });
    for (const { headers } of mcp.requests) {
      assert.deepEqual([headers.authorization, headers['x-tenant']], ['Bearer token', 'a']);
    }
    const run = { ...parley, client };
    assert.equal((await callTool(run, 'docs_search', { query: 'pacing' })).output, 'Found: pacing');
    const failed = await callTool(run, 'docs_remove', { page: 'x' });
    assert.deepEqual(failed.error, { type: 'tool_execution_error', message: 'No such page.' });
    assert.equal(mcp.count('tools/call'), 2);
    assert.equal(mcp.count('tools/list'), 1);

    await mcp.toolsChanged();
    await clock.advance(5000);
    await client.until('mcp_list_tools.completed');
    assert.equal(mcp.count('tools/list'), 2);

    await mcp.restart();
    const calls = mcp.count('tools/call');
    const first = await callTool(run, 'docs_search', { query: 'again' });
    if (era === 'legacy') assert.ok(first.error, 'the call met a server that has forgotten the session');
    assert.ok(mcp.count('tools/call') <= calls + 1, 'the call was not sent twice');
    assert.equal((await callTool(run, 'docs_search', { query: 'again' })).output, 'Found: again');
  });
}

test('a program: started for its label, without the variables of this server, and again after its end', async (t) => {
  verifies('R2.27');
  process.env.PARLEY_TEST_SECRET = 'hidden';
  t.after(() => delete process.env.PARLEY_TEST_SECRET);
  const files = {
    ...{ ...stdio, env: { GIVEN: 'yes' }, 'require-approval': 'never' as const },
    'allowed-tools': ['search', 'environment', 'exit'],
  };
  const parley = await newParley(t, { mcp: 'configured', mcpServers: { files } });
  const client = await parley.open();
  const [list] = await importTools(client, { type: 'mcp', server_label: 'files' });
  assert.deepEqual(
    list?.tools.map(({ name }) => name),
    ['search', 'environment', 'exit'],
  );
  const run = { ...parley, client };
  const { output } = await callTool(run, 'files_environment', {});
  assert.match(output ?? '', /\bGIVEN\b/);
  assert.doesNotMatch(output ?? '', /PARLEY/);
  assert.match(JSON.stringify((await callTool(run, 'files_exit', {})).error), /closed the connection/);
  assert.equal((await callTool(run, 'files_search', { query: 'a' })).output, 'Found: a');
  assert.match(await refusal(client, docs('https://docs.example/mcp')), /only to the MCP servers of its configuration/);
});

async function refusal(client: Awaited<ReturnType<Awaited<ReturnType<typeof newParley>>['open']>>, tool: object) {
  client.send({ type: 'session.update', session: { type: 'realtime', tools: [tool] } });
  return (await client.until('error')).error.message;
}

test('the configuration maps connectors, adds headers, and allows a private host', async (t) => {
  verifies('R5.89', 'R5.90');
  const mcp = await newMcpServer(t, 'modern');
  const house = { url: mcp.url, headers: { 'x-house': 'b' }, authorization: 'Basic xyz' };
  const parley = await newParley(t, {
    outgoingAllow: [],
    mcpServers: { house, connector_gmail: { url: mcp.url, 'require-approval': 'always' as const } },
  });
  const client = await parley.open();
  await importTools(client, { type: 'mcp', server_label: 'house' });
  const { headers } = mcp.requests[0] ?? {};
  assert.deepEqual([headers?.authorization, headers?.['x-house']], ['Basic xyz', 'b']);
  await importTools(client, { type: 'mcp', server_label: 'house', headers: { AUTHORIZATION: 'Bearer users-own' } });
  const last = mcp.requests.at(-1)?.headers;
  assert.deepEqual([last?.authorization, last?.['x-house']], ['Bearer users-own', 'b']);
  const gmail = { type: 'mcp', server_label: 'mail', connector_id: 'connector_gmail', authorization: 'users-own' };
  await importTools(client, { ...gmail, require_approval: 'never' });
  assert.equal(mcp.requests.at(-1)?.headers.authorization, 'Bearer users-own');
  parley.engines.languageModel.script = () => [
    { type: 'call', name: 'mail_search' },
    { type: 'call_arguments', delta: '{"query":"x"}' },
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
  client.send({ type: 'response.create' });
  for (;;) {
    const { item } = await client.until('conversation.item.done');
    if (item.type === 'mcp_approval_request') break;
    assert.notEqual(item.type, 'mcp_call', 'the operator wants approval, whatever the client says');
  }
  const dropbox = { ...gmail, connector_id: 'connector_dropbox' };
  const unmapped = /'connector_dropbox' is not in the configuration/;
  assert.match(await refusal(client, dropbox), unmapped);
  const minting = (tool: object) => mint(parley, undefined, { session: { type: 'realtime', tools: [tool] } });
  await assert.rejects(minting(dropbox), unmapped);
  const secret = await minting({ ...docs(mcp.url), server_label: 'house', authorization: 'fixed' });
  const holder = await parley.open({ headers: { authorization: `Bearer ${secret}` } });
  await holder.until('mcp_list_tools.failed');
  assert.match((await holder.until('error')).error.message, /is not a host that this server connects to/);
});

test('sessions of a project share a list, and no one else does', async (t) => {
  const mcp = await newMcpServer(t, 'modern');
  const keys = ['one', 'two'].map((project) => ({ key: `key-of-project-${project}`, name: project, project }));
  const parley = await newParley(t, { apiKeys: keys });
  const open = (index: number) => parley.open({ headers: { authorization: `Bearer ${keys[index]?.key}` } });
  const clients = await Promise.all(Array.from({ length: 20 }, () => open(0)));
  await Promise.all(clients.map((client) => importTools(client, docs(mcp.url))));
  assert.equal(mcp.count('tools/list'), 1, 'a server is asked once');
  await importTools(await open(1), docs(mcp.url));
  assert.equal(mcp.count('tools/list'), 2, 'another project asks itself');
  await importTools(await open(0), docs(mcp.url, { authorization: 'other' }));
  await importTools(await open(0), docs(mcp.url, { headers: { 'x-user': 'b' } }));
  assert.equal(mcp.count('tools/list'), 4, 'as do other secrets');
});

test('a session that ends during an import leaves it to the others', async (t) => {
  const listing = gate();
  let requests = 0;
  const tools = [{ name: 'search', inputSchema: { type: 'object' } }];
  const list = async () => {
    requests += 1;
    await listing.opened;
    return { tools };
  };
  const server = await LocalServer.start(t, answering({ 'tools/list': list }));
  const parley = await newParley(t);
  const definition = docs(`http://127.0.0.1:${server.port}/mcp`);
  const [leaving, staying] = [await parley.open(), await parley.open()];
  leaving.send({ type: 'session.update', session: { type: 'realtime', tools: [definition] } });
  await leaving.until('mcp_list_tools.in_progress');
  const imported = importTools(staying, definition);
  leaving.socket.close();
  await parley.log.entry('session_closed');
  const late = importTools(await parley.open(), definition);
  listing.open();
  await Promise.all([imported, late]);
  assert.equal(requests, 1);
});

test('two servers with tools of the same name, whose names are not legal for a model', async (t) => {
  const make = () => {
    const server = new McpServer({ name: 'odd', version: '1.0.0' });
    const where = { inputSchema: z.object({ where: z.string() }) };
    server.registerTool('look.up', where, async ({ where: place }) => ({ content: [{ type: 'text', text: place }] }));
    return server;
  };
  const [one, two] = [await newMcpServer(t, 'modern', make), await newMcpServer(t, 'legacy', make)];
  const parley = await newParley(t);
  const client = await parley.open();
  await importTools(client, docs(one.url, { server_label: 'A wiki' }), docs(two.url, { server_label: 'A_wiki' }));
  const run = { ...parley, client };
  const item = await callTool(run, 'A_wiki_look_up_2', { where: 'here' });
  assert.deepEqual([item.server_label, item.name, item.output], ['A_wiki', 'look.up', 'here']);
  assert.deepEqual([one.count('tools/call'), two.count('tools/call')], [0, 1]);
});

test('results of every kind become text', async (t) => {
  const make = () => {
    const server = docsServer();
    server.registerTool('everything', {}, async () => ({
      content: [
        { type: 'text', text: 'Words.' },
        { type: 'image', data: 'AAAA', mimeType: 'image/png' },
        { type: 'audio', data: 'AAAAAA==', mimeType: 'audio/wav' },
        { type: 'resource', resource: { uri: 'file:///a', text: 'A file.' } },
        { type: 'resource', resource: { uri: 'file:///b', blob: 'AAAA' } },
        { type: 'resource_link', uri: 'https://x.example', name: 'x', description: 'A link.' },
      ],
      structuredContent: { a: 1 },
    }));
    server.registerTool('structured', { outputSchema: z.object({ a: z.number() }) }, async () => ({
      content: [],
      structuredContent: { a: 1 },
    }));
    return server;
  };
  const mcp = await newMcpServer(t, 'modern', make);
  const parley = await newParley(t);
  const client = await parley.open();
  await importTools(client, docs(mcp.url));
  const run = { ...parley, client };
  assert.deepEqual((await callTool(run, 'docs_everything', {})).output?.split('\n'), [
    'Words.',
    '[image: image/png, 3 bytes, not shown]',
    '[audio: audio/wav, 4 bytes, not shown]',
    'A file.',
    '[resource: file:///b, binary, 3 bytes, not shown]',
    'x',
    'A link.',
    'https://x.example',
  ]);
  assert.equal((await callTool(run, 'docs_structured', {})).output, '{"a":1}');
});
