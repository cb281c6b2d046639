/** MCP servers that forget their sessions, change their version, or are slow to show it. */

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { LocalServer } from '../net/local-server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { verifies } from '../support/verifies.ts';
import { answering, callTool, importTools, newMcpServer, newParley } from './support.ts';

const docs = (server_url: string) => ({ type: 'mcp', server_label: 'docs', server_url, require_approval: 'never' });
/** Imported lists are older then. */
const sixMinutesMs = 6 * 60_000;

const list = { tools: [{ name: 'search', inputSchema: { type: 'object' } }] };
const found = { content: [{ type: 'text', text: 'Found.' }] };

/** A server with sessions, which answers 400 to those that it does not know. */
function withSessions() {
  const sessions = new Set<string>();
  const deleted = Promise.withResolvers<void>();
  let count = 0;
  const initialize = ({ protocolVersion }: { protocolVersion: string }, response: Parameters<RequestListener>[1]) => {
    count += 1;
    sessions.add(`session-${count}`);
    response.setHeader('mcp-session-id', `session-${count}`);
    return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'stateful', version: '1' } };
  };
  const answer = answering({ initialize, 'tools/list': list, 'tools/call': found });
  const listener: RequestListener = (request, response) => {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string' && !sessions.has(id)) return void response.writeHead(400).end();
    if (request.method !== 'DELETE') return answer(request, response);
    sessions.delete(String(id));
    deleted.resolve();
    response.end();
  };
  return { listener, sessions, deleted: deleted.promise };
}

test('a server that has forgotten its sessions is connected again, and its tools are imported', async (t) => {
  verifies('R3.81');
  const { listener, sessions } = withSessions();
  const server = await LocalServer.start(t, listener);
  const clock = new FakeClock();
  const parley = await newParley(t, {}, clock);
  const definition = docs(`http://127.0.0.1:${server.port}/mcp`);
  const client = await parley.open();
  await importTools(client, definition);
  const run = { ...parley, client };
  assert.equal((await callTool(run, 'docs_search', {})).output, 'Found.');
  sessions.clear();
  const { error } = await callTool(run, 'docs_search', {});
  assert.deepEqual([error?.type, error && 'code' in error && error.code], ['http_error', 400]);
  assert.equal((await callTool(run, 'docs_search', {})).output, 'Found.');
  await clock.advance(sixMinutesMs);
  await importTools(await parley.open(), definition);
});

test('the end of a session ends that of its calls at the server', async (t) => {
  const { listener, sessions, deleted } = withSessions();
  const server = await LocalServer.start(t, listener);
  const parley = await newParley(t);
  const client = await parley.open();
  await importTools(client, docs(`http://127.0.0.1:${server.port}/mcp`));
  await callTool({ ...parley, client }, 'docs_search', {});
  assert.deepEqual([...sessions], ['session-1', 'session-2']);
  client.socket.close();
  await deleted;
  assert.deepEqual([...sessions], ['session-1'], 'that of the list is used for further sessions');
});

for (const [before, after] of [
  ['sse', 'modern'],
  ['legacy', 'modern'],
  ['modern', 'legacy'],
  ['legacy', 'sse'],
] as const) {
  test(`a ${before} server that is replaced by a ${after} one can be used again`, async (t) => {
    const mcp = await newMcpServer(t, before);
    const clock = new FakeClock();
    const parley = await newParley(t, {}, clock);
    const client = await parley.open();
    const run = { ...parley, client };
    await importTools(client, docs(mcp.url));
    assert.equal((await callTool(run, 'docs_search', { query: 'a' })).output, 'Found: a');
    await mcp.restart(after);
    await callTool(run, 'docs_search', { query: 'b' });
    assert.equal((await callTool(run, 'docs_search', { query: 'c' })).output, 'Found: c');
    await clock.advance(sixMinutesMs);
    await importTools(await parley.open(), docs(mcp.url));
  });
}

/** Answers nothing before `initialize`. */
const silent = `
  const { createInterface } = require('node:readline');
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    const { protocolVersion } = params ?? {};
    const about = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } };
    const result = { initialize: about, 'tools/list': ${JSON.stringify(list)} }[method];
    if (result) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
`;

test('a program that ignores requests of the latest version is used in an earlier one', async (t) => {
  const old = { command: process.execPath, args: ['-e', silent] };
  // The import itself is limited on a clock that stands still.
  const parley = await newParley(t, { mcpServers: { old }, limits: { mcpImportMs: 1000 } }, new FakeClock());
  const [tools] = await importTools(await parley.open(), { type: 'mcp', server_label: 'old' });
  assert.equal(tools?.tools[0]?.name, 'search');
});
