/** Cassettes with MCP servers: imports and calls are replayed without a connection. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCassettes } from '../../../src/engines/cassette/read-cassette.ts';
import type { McpCallItem } from '../../../src/protocol/index.ts';
import { ImportError } from '../../../src/session/ports/tool-servers.ts';
import { docs, FakeServers } from '../../conversation/mcp/fake-servers.ts';
import { update, userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { call, say } from '../../support/fake-engines.ts';
import type { Scripted } from '../script/scripted.ts';
import { arrived, newRecorder, player } from './recorded.ts';

const secret = { ...docs, require_approval: 'always', server_url: 'https://hidden.example/', authorization: 'hidden' };

/** A question, a call that is approved, and the answer to its result. */
async function converse({ client }: Scripted, answerCall: () => Promise<void> = settle): Promise<McpCallItem> {
  await client.say(update({ output_modalities: ['text'], tools: [secret] }));
  await settle();
  await client.say(userText('How does pacing work?'));
  await client.say({ type: 'response.create' });
  const request = client.last('conversation.item.done').item;
  assert.equal(request.type, 'mcp_approval_request');
  await client.say({
    type: 'conversation.item.create',
    item: { type: 'mcp_approval_response', approval_request_id: request.id, approve: true },
  });
  await answerCall();
  const { item } = client.last('conversation.item.done');
  await client.say({ type: 'response.create' });
  return item as McpCallItem;
}

test('imports and calls are replayed without a connection, and without secrets', async (t) => {
  const recorder = newRecorder(t);
  recorder.engines.languageModel.script = ({ items }) => {
    const last = items.at(-1);
    return last?.type === 'call_output' ? say(`It says: ${last.output}`) : call('docs_search', { query: 'pacing' });
  };
  const servers = new FakeServers();
  const recorded = await converse(recorder.open(servers), async () => {
    await servers.last.calls[0]?.answer({ output: 'Three seconds.' });
  });
  await recorder.finish();
  const [cassette] = readCassettes(recorder.directory);
  assert.deepEqual(
    cassette?.requests.map(({ stage }) => stage),
    ['import', 'languageModel', 'tool', 'languageModel'],
  );
  assert.doesNotMatch(readFileSync(join(cassette?.folder ?? '', 'events.jsonl'), 'utf8'), /hidden/);

  const played = player(recorder.directory).open();
  const item = await converse(played);
  await arrived(played, 'response.done', 2);
  assert.equal(item.output, 'Three seconds.');
  assert.equal(recorded.output, item.output);
  assert.equal(played.client.last('response.output_text.done').text, 'It says: Three seconds.');
});

test('a failed import fails with its reason again, and a server that was not recorded is refused', async (t) => {
  const recorder = newRecorder(t);
  const servers = new FakeServers();
  servers.lists = () => Promise.reject(new ImportError('It answered with HTTP 500.', '10.0.0.7'));
  const use = async ({ client }: Scripted, server_label: string) => {
    await client.say(update({ output_modalities: ['text'], tools: [{ ...docs, server_label }] }));
    await arrived({ client } as Scripted, 'mcp_list_tools.failed', 1);
    return client.lastError().message.replace(/^.*imported\. /, '');
  };
  assert.equal(await use(recorder.open(servers), 'docs'), 'It answered with HTTP 500.');
  recorder.open(servers);
  await recorder.finish();
  assert.equal(await use(player(recorder.directory).open(), 'docs'), 'It answered with HTTP 500.');
  assert.match(
    await use(player(recorder.directory).open(), 'wiki'),
    /the MCP server was not asked this when it was recorded\. .*serverLabel was "docs" and is now "wiki"/,
  );
  const two = player(recorder.directory);
  two.open();
  two.open();
  assert.match(await use(two.open(), 'docs'), /there are 2 recorded sessions, and this is number 3/);
});

test('the terms of the operator are recorded', async (t) => {
  const recorder = newRecorder(t);
  recorder.engines.languageModel.script = () => call('house_search', { query: 'pacing' });
  const servers = new FakeServers();
  servers.approval = 'never';
  const calls = async ({ client }: Scripted) => {
    await client.say(update({ output_modalities: ['text'], tools: [{ type: 'mcp', server_label: 'house' }] }));
    await settle();
    await client.say(userText('How does pacing work?'));
    await client.say({ type: 'response.create' });
    return client.types().includes('response.mcp_call.in_progress');
  };
  assert.equal(await calls(recorder.open(servers)), true);
  await servers.last.calls[0]?.answer({ output: 'Three seconds.' });
  await recorder.finish();
  assert.equal(await calls(player(recorder.directory).open()), true);
});
