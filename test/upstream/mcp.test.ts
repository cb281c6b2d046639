/** MCP tools of a relayed session: the upstream imports, asks and runs; this server passes everything on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttachedPeer, beta, liveSession } from './support/peers.ts';

const docs = { type: 'mcp', server_label: 'docs', server_url: 'https://docs.example/mcp', require_approval: 'always' };
const { server_label } = docs;
const update = (...tools: object[]) => ({ type: 'session.update', session: { type: 'realtime', tools } });
/** As long as the ids of the hosted service. */
const requestId = `mcpr_${'a'.repeat(48)}`;

test('tools, items, events and approvals pass, with ids of any length', async (t) => {
  // The check of frames expects ids of this server.
  const { side, session, client } = await liveSession(t, { checked: false });
  const old = new AttachedPeer(session, { ...beta, checked: false });
  client.post(update({ ...docs, authorization: 'secret' }));
  const sent = await side.next('session.update');
  assert.deepEqual(Object(sent.session).tools, [{ ...docs, authorization: 'secret' }]);

  const list = { id: `mcpl_${'b'.repeat(48)}`, type: 'mcp_list_tools', server_label, tools: [] };
  const asked = { id: requestId, type: 'mcp_approval_request', server_label, name: 'search', arguments: '{}' };
  side.send(
    { type: 'conversation.item.added', previous_item_id: null, item: list },
    { type: 'mcp_list_tools.in_progress', item_id: list.id },
    { type: 'conversation.item.done', previous_item_id: null, item: list },
    { type: 'mcp_list_tools.completed', item_id: list.id },
    { type: 'conversation.item.added', previous_item_id: list.id, item: asked },
    { type: 'conversation.item.done', previous_item_id: list.id, item: asked },
  );
  await client.next('conversation.item.done', 6);
  const mcpTypes = ['mcp_list_tools.in_progress', 'mcp_list_tools.completed'];
  assert.deepEqual(
    client.types().filter((type) => type.startsWith('mcp')),
    mcpTypes,
  );
  assert.deepEqual(
    old.types().filter((type) => type.startsWith('mcp')),
    mcpTypes,
  );
  client.post({ type: 'conversation.item.retrieve', item_id: list.id });
  assert.equal((await side.next('conversation.item.retrieve')).item_id, list.id);
  const answer = { type: 'mcp_approval_response', approval_request_id: requestId, approve: true };
  client.post({ type: 'conversation.item.create', item: { id: `mcp_approval_${requestId}`, ...answer } });
  const created = Object((await side.next('conversation.item.create')).item);
  assert.deepEqual(created, { id: `mcp_approval_${requestId}`, ...answer });
  client.post({ type: 'response.create', response: { tool_choice: { type: 'mcp', server_label, name: 'search' } } });
  const { response } = await side.next('response.create');
  assert.deepEqual(Object(response).tool_choice, { type: 'mcp', server_label, name: 'search' });
});

test('a replaced session gets the servers with their secrets, and imports their tools itself', async (t) => {
  const relayed = await liveSession(t);
  const { side, client, clock, upstream, log } = relayed;
  const accept = async () => {
    const { event_id: _id, session } = await side.next('session.update');
    const tools = Object(session).tools.map(({ authorization: _secret, ...shown }: Record<string, unknown>) => shown);
    side.send({ type: 'session.updated', session: { ...Object(client.events[0]).session, tools } });
    await client.next('session.updated');
  };
  client.post(update({ ...docs, authorization: 'secret' }));
  await accept();
  client.post(update({ type: 'mcp', server_label, require_approval: 'never' }));
  await accept();
  const list = { id: 'item_list', type: 'mcp_list_tools', server_label, tools: [] };
  const called = { id: 'item_call', type: 'mcp_call', server_label, name: 'search', arguments: '{}', output: 'Found.' };
  for (const item of [list, called]) {
    side.send({ type: 'conversation.item.added', previous_item_id: null, item });
    side.send({ type: 'conversation.item.done', previous_item_id: null, item });
  }
  await side.delivered();
  side.socket.terminate();
  await log.entry('upstream_lost');
  await clock.advance(250);
  const next = await upstream.connection();
  const restored = await next.takeRestoring(1);
  assert.deepEqual(Object(restored.update).tools, [{ ...docs, require_approval: 'never', authorization: 'secret' }]);
  assert.deepEqual(restored.items, [called]);
});
