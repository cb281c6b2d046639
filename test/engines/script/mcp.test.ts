/** Scripts that call tools of MCP servers, with the client's approval. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeServers } from '../../conversation/mcp/fake-servers.ts';
import { ask, follow, problemsOf, respond } from './scripted.ts';

const support = `
rules:
  - when: pacing
    call: { name: search, server: docs, with: { query: '{{heard}}' } }
    then: 'It says: {{outputs.docs_search}}'
`;

/** Asks, and answers the request for approval. */
async function decide(approve: boolean) {
  const servers = new FakeServers();
  const scripted = await follow(support, { servers });
  await ask(scripted, 'How does pacing work?');
  const { client } = scripted;
  const { item } = client.last('conversation.item.done');
  assert.equal(item.type, 'mcp_approval_request');
  await client.say({
    type: 'conversation.item.create',
    item: { type: 'mcp_approval_response', approval_request_id: item.id, approve },
  });
  return { scripted, servers };
}

test('a script calls a tool by label and name, and continues with its result', async () => {
  const { scripted, servers } = await decide(true);
  const [made] = servers.last.calls;
  assert.deepEqual([made?.name, made?.arguments], ['search', '{"query":"How does pacing work?"}']);
  const early = await respond(scripted.client);
  assert.deepEqual([early.response.status, early.said], ['completed', ''], 'the tool has not finished');
  await made?.answer({ output: 'Three seconds.' });
  assert.equal((await respond(scripted.client)).said, 'It says: Three seconds.');
});

test('a rejection is the output of the call', async () => {
  const { scripted, servers } = await decide(false);
  assert.equal(servers.last.calls.length, 0);
  assert.match((await respond(scripted.client)).said, /^It says: The tool failed: The call was not approved/);
});

test('a tool that no server offers is reported with those that there are', async () => {
  const scripted = await follow(support.replace('name: search', 'name: look.up').replace('_search', '_look_up'), {
    servers: new FakeServers(),
  });
  const { failure } = await ask(scripted, 'pacing');
  assert.match(failure ?? '', /calls 'docs_look_up', which the session does not declare\. .*docs_search, docs_remove/);
  assert.match(problemsOf('else: { call: { server: docs } }').join(), /support\.yaml:1:/);
});
