/** SECURITY.md, "an MCP server misbehaves", or its address points to an internal host. */

import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test } from 'node:test';
// The server loads these modules with its first request; loaded code is not memory that an attack retains.
import '@modelcontextprotocol/client';
import 'undici';
import type { ParleyServer } from '../../src/server/server.ts';
import { answering, callTool, importFailure, importTools, json, newParley } from '../mcp/support.ts';
import { LocalServer } from '../net/local-server.ts';
import { say } from '../support/fake-engines.ts';
import { WireClient } from '../support/wire-client.ts';
import { underAttack } from './support/under-attack.ts';

const allowed = {
  config: { outgoingAllow: ['127.0.0.1'], limits: { mcpImportMs: 2000, mcpResponseBytes: 1024 ** 2 } },
};
const tool = (server: LocalServer, more: object = {}) => ({
  ...{
    type: 'mcp',
    server_label: 'evil',
    server_url: `http://127.0.0.1:${server.port}/mcp`,
    require_approval: 'never',
  },
  ...more,
});

function streaming(_request: IncomingMessage, response: ServerResponse): void {
  stream(response);
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const more = () => {
    while (
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: {} })}\n\n`)
    );
  };
  response.on('drain', more);
  more();
}

const plain = { name: 'search', inputSchema: { type: 'object' } };

test('servers that cannot be imported fail with a reason, and nothing remains of them', async (t) => {
  const inner = await LocalServer.start(t, (_, response) => response.end('secret'), { host: '127.0.0.2' });
  let deep: object = { type: 'object' };
  for (let depth = 0; depth < 200; depth += 1) deep = { type: 'object', properties: { deep } };
  let pages = 0;
  const cases: [string, RequestListener, RegExp][] = [
    [
      'HTML',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      /no version of the protocol/,
    ],
    [
      'a challenge',
      (_, response) =>
        response.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="http://10.0.0.1/x"' }).end(),
      /HTTP 401: it requires authorization/,
    ],
    [
      'a redirect to a private address',
      (_, response) => response.writeHead(307, { location: `http://127.0.0.2:${inner.port}/` }).end(),
      /redirects elsewhere \(HTTP 307\)/,
    ],
    ['an endless stream', streaming, /stream ended without an answer|not done within 2 s/],
    ['silence', () => {}, /not done within 2 s/],
    [
      'a deep schema',
      answering({ 'tools/list': { tools: [{ ...plain, inputSchema: deep }] } }),
      /more than 64 levels deep/,
    ],
    ['a list that is none', answering({ 'tools/list': { tools: 'all' } }), /does not follow the protocol|error -?\d+/],
    [
      'a tool without a schema',
      answering({ 'tools/list': { tools: [{ name: 'x' }] } }),
      /does not follow the protocol|error -?\d+/,
    ],
    [
      'pages without end',
      answering({ 'tools/list': () => ({ tools: [plain], nextCursor: String(++pages) }) }),
      /more than 64 pages/,
    ],
    [
      'another version of the protocol',
      answering({
        initialize: { protocolVersion: '1999-01-01', capabilities: {}, serverInfo: { name: 'old', version: '1' } },
      }),
      /no version of the protocol/,
    ],
    ['nothing but JSON', (_, response) => json(response, { jsonrpc: '2.0' }), /no version of the protocol/],
  ];
  const plainText = await LocalServer.start(t, (_, response) => response.end('Hello.'));
  const listless = await LocalServer.start(t, answering({ 'tools/list': { tools: 'none' } }));
  const endless = await LocalServer.start(t, streaming);
  const servers = await Promise.all(cases.map(([, listener]) => LocalServer.start(t, listener)));
  // The first imports create the schemas of the protocol's client, and compile its code.
  const prepare = async ({ wsUrl }: ParleyServer) => {
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
    for (const server of [plainText, listless, endless]) await importFailure(client, tool(server));
    client.socket.terminate();
    endless.requests.length = 0;
  };
  await underAttack(t, { ...allowed, prepare }, async (scene) => {
    for (const [index, server] of servers.entries()) {
      const [name = '', , expected = /./] = cases[index] ?? [];
      const client = await scene.client();
      assert.match(await importFailure(client, tool(server)), expected, name);
      client.socket.terminate();
      // The server of the test holds what it could not send.
      server.requests.length = 0;
      await scene.bystanderTurn();
    }
    assert.equal(inner.requests.length, 0);
  });
});

test('addresses of this machine and its network are not reached', async (t) => {
  const inner = await LocalServer.start(t, (_, response) => response.end('secret'));
  await underAttack(t, { config: {} }, async (scene) => {
    const client = await scene.client();
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0']) {
      const reason = await importFailure(client, tool(inner, { server_url: `http://${host}:${inner.port}/` }));
      assert.match(reason, /is not a host that this server connects to, or it does not exist/, host);
    }
    assert.equal(inner.requests.length, 0);
  });
});

test('calls of a hostile server end with an error, within their limits', async (t) => {
  // Compiling this schema took seconds with a validator of schemas.
  const pattern = `^(${'(a|b|ab)*'.repeat(12)})*$`;
  const outputSchema = { type: 'object', properties: { text: { type: 'string', pattern } }, required: ['text'] };
  const list = { tools: [{ ...plain, outputSchema }] };
  const structuredContent = { text: `${'ab'.repeat(40)}!` };
  const server = await LocalServer.start(
    t,
    answering({ 'tools/list': list, 'tools/call': { content: [], structuredContent } }),
  );
  const huge = await LocalServer.start(
    t,
    answering({ 'tools/list': list, 'tools/call': { content: [{ type: 'text', text: 'x'.repeat(3 * 1024 ** 2) }] } }),
  );
  const many = Array.from({ length: 1000 }, (_, index) => ({ ...plain, name: `tool_${index}` }));
  const vast = await LocalServer.start(t, answering({ 'tools/list': { tools: many } }));
  const odd = await LocalServer.start(t, answering({ 'tools/list': list, 'tools/call': { content: 'none' } }));
  // Imported lists are kept for a while, with their connection.
  const prepare = async ({ wsUrl }: ParleyServer) => {
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
    for (const each of [server, huge, odd]) await importTools(client, tool(each));
    await importFailure(client, tool(vast));
    client.socket.close();
    await client.closed;
    (await WireClient.open(`${wsUrl}?model=gpt-realtime`)).socket.terminate();
  };
  await underAttack(t, { ...allowed, prepare }, async (scene) => {
    const client = await scene.client();
    const run = { client, engines: scene.engines };
    assert.match(await importFailure(client, tool(vast)), /offers 1000 tools; at most 256/);
    await importTools(client, tool(server));
    assert.equal((await callTool(run, 'evil_search', {})).output, JSON.stringify(structuredContent));
    await importTools(client, tool(huge));
    const tooLong = await callTool(run, 'evil_search', {});
    assert.match(JSON.stringify(tooLong.error), /longer than 1048576 bytes/);
    await importTools(client, tool(odd));
    assert.match(JSON.stringify((await callTool(run, 'evil_search', {})).error), /protocol/);
    scene.engines.languageModel.script = () => say('Yes.');
    client.socket.terminate();
  });
});

test('calls that get a challenge, a redirect, HTML or an endless stream end with their errors', async (t) => {
  const inner = await LocalServer.start(t, (_, response) => response.end('secret'), { host: '127.0.0.2' });
  let answerCall: (response: ServerResponse) => void = () => {};
  const server = await LocalServer.start(
    t,
    answering({
      'tools/list': { tools: [plain] },
      'tools/call': (_params: unknown, response: ServerResponse) => answerCall(response),
    }),
  );
  const parley = await newParley(t, allowed.config);
  const client = await parley.open();
  await importTools(client, tool(server));
  const errorOf = async (answer: typeof answerCall) => {
    answerCall = answer;
    const { error } = await callTool({ ...parley, client }, 'evil_search', {});
    return [error?.type, error && 'code' in error ? error.code : undefined, error?.message];
  };
  const challenge = { 'www-authenticate': 'Bearer resource_metadata="http://10.0.0.1/x"' };
  assert.deepEqual(await errorOf((response) => void response.writeHead(401, challenge).end()), [
    ...['http_error', 401],
    "The MCP server answered with HTTP 401: it requires authorization. Set 'authorization' or 'headers'.",
  ]);
  const location = `http://127.0.0.2:${inner.port}/`;
  assert.deepEqual(await errorOf((response) => void response.writeHead(307, { location }).end()), [
    ...['http_error', 307],
    'The MCP server redirects elsewhere (HTTP 307), which is not followed.',
  ]);
  assert.deepEqual(await errorOf((response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('')), [
    ...['protocol_error', -32_700],
    'The MCP server answered with something that is neither JSON nor an event stream. Check its address.',
  ]);
  const ended = ['protocol_error', -32_700, 'The stream ended without an answer.'];
  assert.deepEqual(await errorOf(stream), ended);
  const eventStream = { 'content-type': 'text/event-stream' };
  assert.deepEqual(await errorOf((response) => void response.writeHead(200, eventStream).end(': bye\n\n')), ended);
  answerCall = (response) => response.writeHead(500).end();
  assert.equal((await errorOf(answerCall))[1], 500, 'the next call is sent again');
  assert.equal(inner.requests.length, 0);
});

test('a schema of 5 MB is not read to its end', async (t) => {
  const description = 'x'.repeat(5 * 1024 ** 2);
  const server = await LocalServer.start(t, answering({ 'tools/list': { tools: [{ ...plain, description }] } }));
  const { open } = await newParley(t, allowed.config);
  assert.match(await importFailure(await open(), tool(server)), /longer than 1048576 bytes/);
});

test('a list of tools is bounded in total, without the tools that the operator excludes', async (t) => {
  let pages = 0;
  const page = () => {
    const description = 'x'.repeat(300 * 1024);
    const nextCursor = pages < 20 ? String(pages) : undefined;
    const tools = [
      { ...plain, name: `tool_${pages}`, description },
      { ...plain, name: `small_${pages}` },
    ];
    pages += 1;
    return { tools, nextCursor };
  };
  const server = await LocalServer.start(t, answering({ 'tools/list': page }));
  const url = `http://127.0.0.1:${server.port}/mcp`;
  const mcpServers = { chosen: { url, 'allowed-tools': ['small_7'] } };
  const { open } = await newParley(t, { ...allowed.config, mcpServers });
  assert.match(await importFailure(await open(), tool(server)), /list of tools with more than 1048576 bytes/);
  assert.equal(pages, 4, 'the list is not read to its end');
  pages = 0;
  const [list] = await importTools(await open(), { type: 'mcp', server_label: 'chosen' });
  assert.deepEqual(
    list?.tools.map(({ name }) => name),
    ['small_7'],
  );
});
