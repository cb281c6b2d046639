/** Calls of an MCP server's tools: approval, choice, and the place of calls in the conversation. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { update, userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { call, gate, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { docs, FakeServers, newMcpSession, search } from './fake-servers.ts';

const always = { ...docs, require_approval: 'always' };
const done = ['response.done', 'rate_limits.updated'];

test('a call that needs no approval runs at once', async () => {
  const { client, servers, use, respond, engines } = newMcpSession();
  await use(docs);
  await respond();
  assert.ok(client.types().includes('response.mcp_call.in_progress'));
  const [made] = servers.last.calls;
  assert.deepEqual([made?.name, made?.arguments], ['search', '{"query":"pacing"}']);
  client.forget();
  await made?.answer({ output: 'Three seconds.' });
  assert.deepEqual(client.types(), ['conversation.item.done', 'response.mcp_call.completed']);
  engines.languageModel.script = () => say('Three seconds.');
  await respond({ tool_choice: 'none' });
  const items = engines.languageModel.requests
    .at(-1)
    ?.items.slice(1)
    .map((item) => item.type);
  assert.deepEqual(items, ['call', 'call_output']);
});

test('a call that needs approval waits for it, after the response', async () => {
  verifies('R3.78');
  const { client, servers, use, respond, approve, requestId } = newMcpSession();
  await use(always);
  await respond();
  const types = client.types();
  assert.deepEqual(types.slice(-4), [...done, 'conversation.item.added', 'conversation.item.done']);
  assert.ok(!types.includes('response.mcp_call.in_progress'));
  assert.equal(servers.last.calls.length, 0);
  const callItem = client.last('response.output_item.done').item;
  const { item, previous_item_id } = client.last('conversation.item.done');
  const asked = { server_label: 'docs', name: 'search', arguments: '{"query":"pacing"}' };
  assert.deepEqual(item, { id: item.id, type: 'mcp_approval_request', ...asked });
  assert.equal(previous_item_id, callItem.id);
  assert.ok(item.id.length <= 19, item.id);

  client.forget();
  const id = `mcp_approval_${requestIdOf(item)}`;
  await approve(item.id, { id });
  assert.deepEqual(client.types(), [
    'conversation.item.added',
    'conversation.item.done',
    'response.mcp_call.in_progress',
  ]);
  const answer = { id, type: 'mcp_approval_response', approval_request_id: item.id, approve: true };
  assert.deepEqual(client.last('conversation.item.done').item, answer);
  const { item_id, output_index } = client.last('response.mcp_call.in_progress');
  assert.deepEqual([item_id, output_index], [callItem.id, 0]);
  client.forget();
  await servers.last.calls[0]?.answer({ output: 'Found.' });
  const result = client.last('conversation.item.done').item;
  assert.deepEqual(result, { ...callItem, output: 'Found.', approval_request_id: item.id });
  assert.throws(requestId, /approval/, 'nothing else is asked');
});

const requestIdOf = ({ id }: { id: string }) => id;

test('a rejected call fails, and the model gets the reason', async () => {
  verifies('R3.78');
  const { client, servers, engines, use, respond, approve, requestId } = newMcpSession();
  await use(always);
  await respond();
  const id = requestId();
  client.forget();
  await approve(id, { approve: false, reason: 'Not now.' });
  assert.deepEqual(client.types().slice(2), ['conversation.item.done', 'response.mcp_call.failed']);
  const { item } = client.last('conversation.item.done');
  assert.ok(item.type === 'mcp_call');
  const message = 'The call was not approved: the tool was not run. Reason: Not now.';
  assert.deepEqual([item.output, item.error], [null, { type: 'tool_execution_error', message }]);
  assert.equal(servers.last.calls.length, 0);
  engines.languageModel.script = () => say('All right.');
  await respond();
  const output = engines.languageModel.requests.at(-1)?.items.at(-1);
  assert.equal(output?.type === 'call_output' && output.output, `The tool failed: ${message}`);
});

test('an approval is also taken from the input of a response, which may come at once', async () => {
  verifies('R3.78');
  const { client, servers, engines, use, respond, requestId } = newMcpSession();
  await use(always);
  await respond();
  const answer = { type: 'mcp_approval_response', approval_request_id: requestId(), approve: true };
  engines.languageModel.script = () => say('One moment.');
  await respond({ input: [answer, { ...answer, approve: false }] });
  assert.equal(client.lastError().param, 'response.input[1].approval_request_id');
  assert.equal(servers.last.calls.length, 0);
  await respond({
    input: [answer, { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Go on.' }] }],
  });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(
    servers.last.calls.map(({ name }) => name),
    ['search'],
  );
  client.forget();
  await respond({ input: [answer] });
  assert.deepEqual(
    [client.lastError().code, client.lastError().param],
    ['invalid_value', 'response.input[0].approval_request_id'],
  );
});

test('unknown and repeated approvals are refused', async () => {
  verifies('R3.79', 'R5.94', 'R5.95');
  const { client, servers, use, respond, approve, requestId } = newMcpSession();
  await use(always);
  await respond();
  const refusal = async (id: string) => {
    client.forget();
    await approve(id);
    assert.deepEqual(client.types(), ['error']);
    const { code, param, message } = client.lastError();
    assert.deepEqual([code, param], ['invalid_value', 'item.approval_request_id']);
    return message;
  };
  const id = requestId();
  assert.equal(await refusal('mcpr_x'), "Approval request with id 'mcpr_x' not found in the conversation.");
  await approve(id);
  assert.match(await refusal(id), /has already been answered, or its call has ended\.$/);
  assert.equal(servers.last.calls.length, 1);
});

test('deleting the request fails its call; deleting the call ends the wait', async () => {
  verifies('R3.79');
  const waiting = async () => {
    const session = newMcpSession();
    await session.use(always);
    await session.respond();
    const callId = session.client.last('response.output_item.done').item.id;
    const id = session.requestId();
    session.client.forget();
    return { ...session, callId, id };
  };
  const one = await waiting();
  await one.client.say({ type: 'conversation.item.delete', item_id: one.id });
  assert.deepEqual(one.client.types(), [
    'conversation.item.done',
    'response.mcp_call.failed',
    'conversation.item.deleted',
  ]);
  const { item } = one.client.last('conversation.item.done');
  assert.match(JSON.stringify(item), /request for approval was deleted/);
  const two = await waiting();
  await two.client.say({ type: 'conversation.item.delete', item_id: two.callId });
  assert.deepEqual(two.client.types(), ['conversation.item.deleted']);
  await two.approve(two.id);
  assert.match(two.client.lastError().message, /its call has ended/);
});

test('a call that waits blocks neither other calls, nor the drain of the server', async () => {
  verifies('R3.79');
  const { client, session, servers, engines, use, respond } = newMcpSession({ settings: { limits: { toolCalls: 1 } } });
  await use({ ...docs, require_approval: { always: { tool_names: ['remove'] }, never: { read_only: true } } });
  engines.languageModel.script = () => [...call('docs_remove', {}).slice(0, -1), ...call('docs_search', {})];
  await respond();
  assert.deepEqual(
    servers.last.calls.map(({ name }) => name),
    ['search'],
  );
  await servers.last.calls[0]?.answer({ output: 'Found.' });
  assert.equal(client.all('response.mcp_call.completed').length, 1);
  let drained = false;
  void session.drain().then(() => {
    drained = true;
  });
  await settle();
  assert.equal(drained, true);
});

test('beyond limits.tool-approvals a call fails', async () => {
  const { client, use, respond } = newMcpSession({ settings: { limits: { toolApprovals: 1 } } });
  await use(always);
  await respond();
  client.forget();
  await respond();
  const { item } = client.last('conversation.item.done');
  assert.match(JSON.stringify(item), /1 earlier calls are waiting for approval/);
});

test('limits.tool-approvals and limits.items hold within one response', async () => {
  const outcomes = async (limits: { toolApprovals?: number; items?: number }) => {
    const { client, engines, use, respond } = newMcpSession({ settings: { limits } });
    await use(always);
    engines.languageModel.script = () => [...call('docs_search', {}).slice(0, -1), ...call('docs_remove', {})];
    await respond();
    const requests = client.all('conversation.item.added').filter(({ item }) => item.type === 'mcp_approval_request');
    const ended = client.all('conversation.item.done').map(({ item }) => item);
    return [requests.length, ...ended.flatMap((item) => (item.type === 'mcp_call' ? [item.error?.message] : []))];
  };
  assert.deepEqual(await outcomes({ toolApprovals: 1 }), [1, '1 earlier calls are waiting for approval.']);
  const noRoom = 'The conversation has no room for a request for approval.';
  assert.deepEqual(await outcomes({ items: 5 }), [1, noRoom]);
});

test('require_approval: filters, and the terms of the operator', async () => {
  verifies('R2.29');
  const asks = async (require_approval: unknown, approval?: 'always' | 'never') => {
    const servers = new FakeServers();
    servers.approval = approval;
    const { client, engines, use, respond } = newMcpSession({ servers });
    await use({ ...docs, require_approval });
    engines.languageModel.script = () => [...call('docs_search', {}).slice(0, -1), ...call('docs_remove', {})];
    await respond();
    return client
      .all('conversation.item.added')
      .flatMap(({ item }) => (item.type === 'mcp_approval_request' ? item.name : []));
  };
  const both = ['search', 'remove'];
  assert.deepEqual(await asks(undefined), both);
  assert.deepEqual(await asks(null), both);
  assert.deepEqual(await asks('never'), []);
  assert.deepEqual(await asks({ never: { read_only: true } }), ['remove']);
  assert.deepEqual(await asks({ never: { tool_names: both }, always: { tool_names: ['search'] } }), ['search']);
  assert.deepEqual(await asks({ never: {}, always: {} }), both);
  assert.deepEqual(await asks({}), both);
  assert.deepEqual(await asks('never', 'always'), both);
  assert.deepEqual(await asks(undefined, 'never'), []);
  assert.deepEqual(await asks('always', 'never'), both);
});

test('a response waits for its own servers, but not for those of the session', async () => {
  verifies('R3.77', 'R5.92');
  const servers = new FakeServers();
  const listing = gate();
  servers.lists = async () => {
    await listing.opened;
    return [search];
  };
  const { client, engines, respond, offered } = newMcpSession({ servers });
  engines.languageModel.script = () => say('Hello.');
  await client.say(update({ output_modalities: ['text'], tools: [docs] }));
  await respond();
  assert.deepEqual(offered(), []);
  await respond({
    tools: [
      { type: 'mcp', server_label: 'docs' },
      { type: 'function', name: 'f' },
    ],
  });
  assert.equal(client.all('response.done').length, 1);
  listing.open();
  await settle();
  assert.equal(client.all('response.done').length, 2);
  assert.deepEqual(offered(), ['f', 'docs_search']);
  await respond({ conversation: 'none' });
  assert.deepEqual(offered(), []);
  await respond({ conversation: 'none', tools: [{ type: 'mcp', server_label: 'docs' }] });
  assert.deepEqual([client.lastError().code, client.lastError().param], ['invalid_value', 'response.tools']);
});

test('tool_choice names a tool of a server, or any of them', async () => {
  verifies('R3.80');
  const { client, engines, use, respond, offered } = newMcpSession();
  await use(docs, { ...docs, server_label: 'wiki' });
  engines.languageModel.script = () => say('Fine.');
  const asked = async (tool_choice: object) => {
    await respond({ tool_choice });
    return engines.languageModel.requests.at(-1)?.toolChoice;
  };
  const of = (server_label: string, name?: string) => ({ type: 'mcp', server_label, ...(name && { name }) });
  assert.deepEqual(await asked(of('wiki', 'search')), { name: 'wiki_search' });
  assert.deepEqual(offered(), ['docs_search', 'docs_remove', 'wiki_search', 'wiki_remove']);
  assert.equal(await asked(of('wiki')), 'required');
  assert.deepEqual(offered(), ['wiki_search', 'wiki_remove']);
  assert.equal(await asked(of('wiki', 'unknown')), 'auto');
  await respond({ tool_choice: of('nowhere') });
  assert.match(client.lastError().message, /'nowhere' not found in 'tools'/);
});

test('with mcp-continue, the model goes on by itself when all tools have finished', async () => {
  verifies('R3.82');
  const { client, servers, engines, use, respond } = newMcpSession({ settings: { mcpContinue: true } });
  await use(docs);
  engines.languageModel.script = () => [...call('docs_search', {}).slice(0, -1), ...call('docs_remove', {})];
  await respond();
  engines.languageModel.script = () => say('Found both.');
  await servers.last.calls[0]?.answer({ output: 'One.' });
  assert.equal(client.all('response.created').length, 1);
  await servers.last.calls[1]?.answer({ output: 'Two.' });
  assert.equal(client.all('response.created').length, 2);
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('with mcp-continue, a model that never stops calling tools is stopped, and calls of clients are waited for', async () => {
  verifies('R3.82');
  const { client, servers, engines, use, respond } = newMcpSession({ settings: { mcpContinue: true } });
  await use(docs, { type: 'function', name: 'f' });
  await respond();
  for (let count = 0; count < 40; count += 1) await servers.last.calls.at(-1)?.answer({ output: 'Again.' });
  assert.equal(client.all('response.created').length, 17);
  await client.say(userText('And now?'));
  client.forget();
  engines.languageModel.script = () => [...call('docs_search', {}).slice(0, -1), ...call('f', {})];
  await respond();
  await servers.last.calls.at(-1)?.answer({ output: 'Found.' });
  assert.equal(client.all('response.created').length, 1, 'the client must answer the call of f first');
});

test('with mcp-continue, the model goes on without a call that was deleted', async () => {
  verifies('R3.82');
  const { client, engines, use, respond } = newMcpSession({ settings: { mcpContinue: true } });
  await use(always);
  await respond();
  const { item } = client.last('response.output_item.done');
  client.forget();
  engines.languageModel.script = () => say('As you like.');
  await client.say({ type: 'conversation.item.delete', item_id: item.id });
  assert.deepEqual(client.types().slice(0, 2), ['conversation.item.deleted', 'response.created']);
  assert.deepEqual(
    engines.languageModel.requests.at(-1)?.items.map(({ type }) => type),
    ['message'],
  );
});

test('earlier calls can be put back into a conversation', async () => {
  const { client, engines, respond } = newMcpSession();
  engines.languageModel.script = () => say('I see.');
  const created = async (item: object) => {
    await client.say({ type: 'conversation.item.create', item });
    return client.last('conversation.item.done').item;
  };
  const made = { server_label: 'docs', name: 'search', arguments: '{}' };
  await created({ type: 'mcp_list_tools', server_label: 'docs', tools: [search] });
  await created({ type: 'mcp_approval_request', ...made });
  const item = await created({ type: 'mcp_call', ...made, output: 'Found.' });
  await created({ type: 'mcp_call', ...made, error: { type: 'http_error', code: 500, message: 'Broken.' } });
  await respond({ output_modalities: ['text'] });
  assert.equal(client.all('error').length, 0);
  assert.deepEqual(
    engines.languageModel.requests.at(-1)?.items.map((each) => (each.type === 'call_output' ? each.output : each.type)),
    ['call', 'Found.', 'call', 'The tool failed: Broken.'],
  );
  assert.equal(item.type === 'mcp_call' && item.output, 'Found.');
});
