/** MCP tools in a call of the agents SDK, unmodified, in Chromium: `hostedMcpTool`, with approval and without. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startMcpServer } from '../../dev/harness/mcp-server.ts';
import { fakeEngines, saysResultOf, silence } from '../support/fake-engines.ts';
import { fakeEngineSet } from '../support/server.ts';
import { BrowserCall } from './browser-call.ts';
import { inBrowser } from './chromium.ts';

/** An agent asks a tool, and then says its result. */
async function askTool(t: TestContext, requireApproval: 'always' | 'never'): Promise<BrowserCall> {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const engines = fakeEngines();
  engines.languageModel.script = saysResultOf('docs_search', { query: 'pacing' });
  const call = await BrowserCall.open(t, {
    ...{ browser: 'chromium', client: 'agents', engines: fakeEngineSet(engines), question: silence(100, 24_000) },
    ...{ instructions: 'Answer from the docs.', plan: { mcp: { url: mcp.url, requireApproval } } },
  });
  await call.first('mcp_list_tools.completed');
  await call.run(`agentSession.sendMessage('How does pacing work?')`);
  return call;
}

async function saysResult(call: BrowserCall): Promise<void> {
  await call.first('response.mcp_call.completed');
  const { transcript } = await call.first('response.output_audio_transcript.done');
  assert.equal(transcript, 'It says: Found: pacing');
  const last = await call.run(`agentSession.history.find(({ type }) => type === 'mcp_call')?.output`);
  assert.equal(last, 'Found: pacing');
}

test('the agents SDK in Chromium: a hosted MCP tool without approval', inBrowser, async (t) => {
  await saysResult(await askTool(t, 'never'));
});

test('the agents SDK in Chromium: a hosted MCP tool that is approved', inBrowser, async (t) => {
  const call = await askTool(t, 'always');
  await saysResult(call);
  const items = call.events.flatMap((event) => (event.type === 'conversation.item.done' ? [event.item.type] : []));
  assert.ok(items.includes('mcp_approval_request'), items.join());
});
