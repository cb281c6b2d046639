/** Connections to MCP servers: shared, lost, and ended by the server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { McpCallItem } from '../../src/protocol/index.ts';
import { LocalServer } from '../net/local-server.ts';
import { userText } from '../support/conversation.ts';
import { call, gate } from '../support/fake-engines.ts';
import { answering, importTools, newParley } from './support.ts';

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
