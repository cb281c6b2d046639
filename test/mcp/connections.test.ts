/** Connections to MCP servers: shared, lost, and ended by the server. */

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { McpCallItem } from '../../src/protocol/index.ts';
import { LocalServer } from '../net/local-server.ts';
import { userText } from '../support/conversation.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { call, gate } from '../support/fake-engines.ts';
import { answering, callTool, importFailure, importTools, newParley } from './support.ts';

const list = { tools: [{ name: 'search', inputSchema: { type: 'object' } }] };
const found = { content: [{ type: 'text', text: 'Found.' }] };

test('a call that is aborted while it waits for the connection does not affect other calls', async (t) => {
  const [reached, connecting] = [gate(), gate()];
  let connections = 0;
  const initialize = async ({ protocolVersion }: { protocolVersion: string }) => {
    connections += 1;
    if (connections > 1) {
      reached.open();
      await connecting.opened;
    }
    return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'slow', version: '1' } };
  };
  const server = await LocalServer.start(t, answering({ initialize, 'tools/list': list, 'tools/call': found }));
  const parley = await newParley(t);
  const client = await parley.open();
  const server_url = `http://127.0.0.1:${server.port}/mcp`;
  await importTools(client, { type: 'mcp', server_label: 'docs', server_url, require_approval: 'never' });
  const [one, two] = [call('docs_search', { page: 1 }), call('docs_search', { page: 2 })];
  parley.engines.languageModel.script = () => [...one.slice(0, -1), ...two];
  client.send(userText('Call it twice.'));
  client.send({ type: 'response.create' });
  const done = await client.until('response.done');
  const [first, second] = done.response.output ?? [];
  await reached.opened;
  client.send({ type: 'conversation.item.delete', item_id: first?.id ?? '' });
  await client.until('conversation.item.deleted');
  connecting.open();
  for (;;) {
    const { item } = await client.until('conversation.item.done');
    if (item.id !== second?.id) continue;
    assert.equal((item as McpCallItem).output, 'Found.');
    break;
  }
});

/** A server of the older transport, whose answers to calls are those of `answerCall`, which gets its current stream. */
async function sseServer(t: TestContext, answerCall: (stream: ServerResponse, id: unknown) => void) {
  let stream: ServerResponse | undefined;
  const server = await LocalServer.start(t, async (request, response) => {
    if (request.method === 'GET') {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write('event: endpoint\ndata: /messages\n\n');
      return;
    }
    if (request.url !== '/messages' || !stream) return void response.writeHead(405).end();
    let text = '';
    for await (const chunk of request) text += String(chunk);
    response.writeHead(202).end();
    const { id, method, params } = JSON.parse(text);
    if (method === 'tools/call') return answerCall(stream, id);
    const { protocolVersion } = params ?? {};
    const about = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } };
    const result = { initialize: about, 'tools/list': list }[String(method)];
    if (result) send(stream, { id, result });
  });
  const definition = {
    ...{ type: 'mcp', server_label: 'docs', server_url: `http://127.0.0.1:${server.port}/sse` },
    require_approval: 'never',
  };
  const streams = () => server.requests.filter(({ method }) => method === 'GET').length;
  return { definition, streams };
}

function send(stream: ServerResponse, message: object): void {
  stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

test('when the stream of the older transport ends, its calls fail, and the next call connects again', async (t) => {
  let ends = true;
  const { definition, streams } = await sseServer(t, (stream, id) => {
    if (ends) stream.end();
    else send(stream, { id, result: found });
    ends = false;
  });
  const parley = await newParley(t);
  const client = await parley.open();
  await importTools(client, definition);
  const run = { ...parley, client };
  const { error } = await callTool(run, 'docs_search', {});
  assert.match(error?.message ?? '', /closed the connection/);
  assert.match(JSON.stringify(await parley.log.entry('tool_failed')), /"fault":"[^"]*[Cc]onnection closed/);
  const before = streams();
  assert.equal((await callTool(run, 'docs_search', {})).output, 'Found.');
  assert.equal(streams(), before + 1, 'the lost stream is not opened again by itself');
});

test('an open stream is bounded by event and minute, not in total', async (t) => {
  const clock = new FakeClock();
  const part = 'x'.repeat(50 * 1024);
  let parts = 1;
  const { definition } = await sseServer(t, (stream, id) => {
    for (let count = 0; count < parts; count += 1) {
      send(stream, { method: 'notifications/message', params: { level: 'info', data: part } });
    }
    send(stream, { id, result: found });
  });
  const parley = await newParley(t, { limits: { mcpResponseBytes: 64 * 1024 } }, clock);
  const client = await parley.open();
  await importTools(client, definition);
  const run = { ...parley, client };
  for (let minute = 0; minute < 4; minute += 1) {
    assert.equal((await callTool(run, 'docs_search', {})).output, 'Found.');
    for (let step = 0; step < 6; step += 1) {
      await clock.advance(10_000);
      // Meanwhile the client answers the server's pings.
      client.send({ type: 'session.update', session: { type: 'realtime' } });
      await client.until('session.updated');
    }
  }
  parts = 2;
  assert.match((await callTool(run, 'docs_search', {})).error?.message ?? '', /closed the connection/);
  parts = 1;
  assert.equal((await callTool(run, 'docs_search', {})).output, 'Found.');
});

test('a stream that ends at once is opened again after 1, 2, 4 … s, whatever the server asks for', async (t) => {
  const clock = new FakeClock();
  const opened: number[] = [];
  const legacy = answering({ 'tools/list': list });
  const server = await LocalServer.start(t, (request, response) => {
    if (request.method !== 'GET') return legacy(request, response);
    opened.push(clock.now());
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 0\n\n');
  });
  const parley = await newParley(t, {}, clock);
  const server_url = `http://127.0.0.1:${server.port}/mcp`;
  await importTools(await parley.open(), { type: 'mcp', server_label: 'docs', server_url });
  while (opened.length < 7) {
    await clock.advance(100);
    await nextTurn();
  }
  const gaps = opened.slice(1).map((at, index) => at - (opened[index] ?? 0));
  for (const [index, least] of [1000, 2000, 4000, 8000, 16_000, 30_000].entries()) {
    assert.ok((gaps[index] ?? 0) >= least, `gap ${index} of ${gaps}`);
  }
});

test('a program that cannot be started, and one that ends, fail with the reason', async (t) => {
  const parley = await newParley(t, {
    mcpServers: {
      missing: { command: '/no/such/program' },
      short: { command: process.execPath, args: ['-e', ''] },
    },
  });
  const failure = async (server_label: string) => importFailure(await parley.open(), { type: 'mcp', server_label });
  assert.equal(await failure('missing'), 'It could not be started (ENOENT).');
  assert.equal(await failure('short'), 'It closed the connection.');
  assert.match(JSON.stringify(await parley.log.entry('tool_import_failed')), /spawn \/no\/such\/program ENOENT/);
});

test('limits.mcp-lists-bytes: unused lists are dropped, and a further one is refused', async (t) => {
  const description = 'x'.repeat(1500);
  const long = { tools: [{ name: 'search', description, inputSchema: { type: 'object' } }] };
  let lists = 0;
  const server = await LocalServer.start(
    t,
    answering({
      'tools/list': () => {
        lists += 1;
        return long;
      },
    }),
  );
  const { open } = await newParley(t, { limits: { mcpListsBytes: 3000 } });
  const docs = (token: string) => ({
    ...{ type: 'mcp', server_label: 'docs', server_url: `http://127.0.0.1:${server.port}/mcp`, authorization: token },
  });
  const first = await open();
  await importTools(first, docs('a'));
  const second = await open();
  assert.match(await importFailure(second, docs('b')), /no room for further lists of tools/);
  first.socket.close();
  await first.closed;
  await importTools(second, docs('c'));
  await importTools(await open(), docs('c'));
  assert.equal(lists, 3, 'the list that is in use is shared');
});
