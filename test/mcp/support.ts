import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type LocalMcpServer, type McpEra, startMcpServer } from '../../dev/harness/mcp-server.ts';
import type { McpCallItem, McpListToolsItem } from '../../src/protocol/index.ts';
import type { ServerOptions } from '../../src/server/server.ts';
import { userText } from '../support/conversation.ts';
import { call, fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

export async function newMcpServer(
  t: TestContext,
  ...options: [McpEra, Parameters<typeof startMcpServer>[1]?]
): Promise<LocalMcpServer> {
  const server = await startMcpServer(...options);
  t.after(() => server.close());
  return server;
}

/** A server that may reach this machine, with fake engines. */
export async function newParley(t: TestContext, config: ServerOptions['config'] = {}, clock?: ServerOptions['clock']) {
  const engines = fakeEngines();
  const log = new KeptLog();
  const server = await newServer(t, {
    engines: fakeEngineSet(engines),
    log,
    ...(clock && { clock }),
    config: { outgoingAllow: ['127.0.0.1'], ...config },
  });
  const open = async (options?: ConstructorParameters<typeof WireClient>[1]) => {
    const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`, options);
    t.after(() => client.socket.terminate());
    return client;
  };
  return { ...server, engines, log, open };
}

/** Sets the servers of a session, and returns the lists of their tools as they arrive. */
export async function importTools(client: WireClient, ...tools: object[]): Promise<McpListToolsItem[]> {
  client.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], tools } });
  const lists: McpListToolsItem[] = [];
  for (let ended = 0; ended < tools.length; ) {
    const event = await client.next();
    if (event.type === 'conversation.item.done' && event.item.type === 'mcp_list_tools') lists.push(event.item);
    if (event.type === 'mcp_list_tools.completed') ended += 1;
    assert.notEqual(event.type, 'error', JSON.stringify(event));
  }
  return lists;
}

/** The reason why a server cannot be imported. */
export async function importFailure(client: WireClient, tool: object): Promise<string> {
  client.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], tools: [tool] } });
  await client.until('mcp_list_tools.failed');
  const { error } = await client.until('error');
  assert.equal(error.code, 'mcp_list_tools_failed');
  return error.message.replace(/^.* could not be imported\. /, '');
}

/** Has the model call a tool, under the engine's name, and returns the finished item. */
export async function callTool(
  { client, engines }: { client: WireClient; engines: ReturnType<typeof fakeEngines> },
  name: string,
  args: object,
): Promise<McpCallItem> {
  engines.languageModel.script = () => call(name, args);
  client.send(userText('Call it.'));
  client.send({ type: 'response.create' });
  for (;;) {
    const { item } = await client.until('conversation.item.done');
    if (item.type === 'mcp_call') return item;
  }
}

/** A server of the protocol, whose answers to requests are `results`, or those of the functions in it, unless they write one. */
export function answering(results: Record<string, unknown>): RequestListener {
  return async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { id, method, params } = JSON.parse(text);
    if (id === undefined) return void response.writeHead(202).end();
    const initialized = {
      protocolVersion: params?.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'evil', version: '1' },
    };
    const given = results[method] ?? (method === 'initialize' ? initialized : undefined);
    const result: unknown = typeof given === 'function' ? await given(params, response) : given;
    if (response.headersSent) return;
    const error = { code: -32_601, message: 'Method not found' };
    json(response, { jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) });
  };
}

export function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
