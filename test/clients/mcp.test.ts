/** MCP tools with the official SDKs, unmodified: `hostedMcpTool` of the agents SDK, and the approval of the Node SDK. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hostedMcpTool } from '@openai/agents-core';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { type LocalMcpServer, startMcpServer } from '../../dev/harness/mcp-server.ts';
import { type ParleyServer, startServer } from '../../src/server/server.ts';
import { call, type FakeEngines, fakeEngines, say } from '../support/fake-engines.ts';
import { frameCheck } from '../support/frame-check.ts';
import { fakeEngineSet, silentLog } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { during, SdkCaller, timeout } from './sdk-caller.ts';

let mcp: LocalMcpServer;
let engines: FakeEngines;
let server: ParleyServer;
let secure: ParleyServer;

before(async () => {
  mcp = await startMcpServer('modern');
  engines = fakeEngines();
  const config = { port: 0, outgoingAllow: ['127.0.0.1'] };
  server = await startServer({ engines: fakeEngineSet(engines), config, log: silentLog });
  // The Node SDK requires wss:.
  secure = await startServer({
    engines: fakeEngineSet(engines),
    config: { ...config, tls: 'self-signed' },
    log: silentLog,
  });
});
after(() => Promise.all([server.close(), secure.close(), mcp.close()]));

/** The model calls a tool, and then repeats its result. */
function searchThenAnswer(): void {
  engines.languageModel.script = ({ items }) => {
    const result = items.at(-1);
    return result?.type === 'call_output' ? say(`It says: ${result.output}`) : call('docs_search', { query: 'pacing' });
  };
}

interface AgentRun {
  session: RealtimeSession;
  seen: { type: string }[];
  reached(holds: () => boolean): Promise<void>;
}

async function withAgent(requireApproval: 'always' | 'never', use: (run: AgentRun) => Promise<void>): Promise<void> {
  searchThenAnswer();
  const place = { serverLabel: 'docs', serverUrl: mcp.url };
  const tool =
    requireApproval === 'never'
      ? hostedMcpTool({ ...place, requireApproval: 'never' })
      : hostedMcpTool({ ...place, requireApproval: 'always' });
  const agent = new RealtimeAgent({ name: 'Docs', instructions: 'Answer from the docs.', tools: [tool] });
  const transport = new OpenAIRealtimeWebSocket({ url: `${server.wsUrl}?model=gpt-realtime` });
  const check = frameCheck('ga');
  transport.on('connection_change', (status) => {
    if (status !== 'connecting') return;
    transport.connectionState.websocket?.addEventListener('message', ({ data }) => check(String(data)));
  });
  const session = new RealtimeSession(agent, { transport, model: 'gpt-realtime', tracingDisabled: true });
  const seen: { type: string }[] = [];
  transport.on('*', (event) => seen.push(event));
  const failed = new Promise<never>((_, reject) => {
    session.on('error', ({ error }) => reject(error instanceof Error ? error : new Error(JSON.stringify(error))));
  });
  const reached = (holds: () => boolean) =>
    Promise.race([
      failed,
      new Promise<void>((resolve) => {
        const look = () => holds() && resolve();
        transport.on('*', look);
        session.on('history_updated', look);
        session.on('mcp_tools_changed', look);
        look();
      }),
    ]);
  await session.connect({ apiKey: 'any' });
  try {
    await reached(() => session.availableMcpTools.length === 2);
    await use({ session, seen, reached });
  } finally {
    session.close();
  }
}

const transcriptOf = (session: RealtimeSession) => JSON.stringify(session.history.at(-1) ?? '');

test('the agents SDK: a hosted MCP tool without approval', { timeout }, () =>
  withAgent('never', async ({ session, seen, reached }) => {
    session.sendMessage('How does pacing work?');
    await reached(() => seen.filter(({ type }) => type === 'response.done').length === 2);
    await reached(() => transcriptOf(session).includes('It says: Found: pacing'));
    const call = session.history.find(({ type }) => type === 'mcp_call');
    assert.deepEqual(
      [Reflect.get(Object(call), 'status'), Reflect.get(Object(call), 'output')],
      ['completed', 'Found: pacing'],
    );
  }),
);

test('the agents SDK: a hosted MCP tool that is approved', { timeout }, () =>
  withAgent('always', async ({ session, seen, reached }) => {
    const asked: string[] = [];
    session.on('tool_approval_requested', (_context, _agent, request) => {
      asked.push(request.type);
      void session.approve(request.approvalItem);
    });
    session.sendMessage('How does pacing work?');
    await reached(() => transcriptOf(session).includes('It says: Found: pacing'));
    assert.deepEqual(asked, ['mcp_approval_request']);
    assert.equal(seen.filter(({ type }) => type === 'response.mcp_call.completed').length, 1);
  }),
);

test('the agents SDK: a hosted MCP tool that is rejected', { timeout }, () =>
  withAgent('always', async ({ session, reached }) => {
    const calls = mcp.count('tools/call');
    session.on('tool_approval_requested', (_context, _agent, { approvalItem }) => void session.reject(approvalItem));
    session.sendMessage('How does pacing work?');
    await reached(() => transcriptOf(session).includes('The tool failed: The call was not approved'));
    assert.equal(mcp.count('tools/call'), calls);
  }),
);

test('the Node SDK: approval with an item id of mcp_approval_ and the request id', { timeout }, async () => {
  verifies('R3.78');
  searchThenAnswer();
  const client = new OpenAI({ apiKey: 'any', baseURL: `${secure.url}/v1` });
  const options = { rejectUnauthorized: false };
  type Caller = SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS>;
  const caller: Caller = new SdkCaller(new OpenAIRealtimeWS({ model: 'gpt-realtime', options }, client), 'ga');
  await during(caller, async ({ rt }) => {
    const tool = {
      type: 'mcp' as const,
      server_label: 'docs',
      server_url: mcp.url,
      require_approval: 'always' as const,
    };
    rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], tools: [tool] } });
    const { item_id } = await caller.next('mcp_list_tools.in_progress');
    rt.send({ type: 'conversation.item.retrieve', item_id });
    await caller.next('mcp_list_tools.completed');
    rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'How does pacing work?' }] },
    });
    rt.send({
      type: 'response.create',
      response: { tool_choice: { type: 'mcp', server_label: 'docs', name: 'search' } },
    });
    const { item_id: callId } = await caller.next('response.mcp_call_arguments.done');
    assert.equal((await caller.next('response.done')).response.status, 'completed');
    let approval_request_id = '';
    for (let from = 0; approval_request_id === ''; ) {
      const event = await caller.next('conversation.item.done', from);
      if (event.item.type === 'mcp_approval_request') approval_request_id = event.item.id;
      from = caller.events.indexOf(event) + 1;
    }
    const id = `mcp_approval_${approval_request_id}`;
    rt.send({
      type: 'conversation.item.create',
      item: { id, type: 'mcp_approval_response', approval_request_id, approve: true },
    });
    assert.equal((await caller.next('response.mcp_call.completed')).item_id, callId);
    rt.send({ type: 'response.create', response: { tool_choice: 'none' } });
    assert.match((await caller.next('response.output_text.done')).text, /Found: pacing/);
  });
});
