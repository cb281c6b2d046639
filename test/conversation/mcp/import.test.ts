/** The import of an MCP server's tools: definitions, items, events and failures. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImportError } from '../../../src/session/ports/tool-servers.ts';
import { BetaClient, update } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { gate, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { docs, FakeServers, newMcpSession, remove, search, url } from './fake-servers.ts';

const imported = [
  'conversation.item.added',
  'mcp_list_tools.in_progress',
  'conversation.item.done',
  'mcp_list_tools.completed',
];

test('setting a server imports its tools, whose item can be retrieved meanwhile', async () => {
  verifies('R3.76', 'ga.server.mcp_list_tools.in_progress', 'ga.server.mcp_list_tools.completed');
  const servers = new FakeServers();
  const listing = gate();
  servers.lists = async () => {
    await listing.opened;
    return [search, remove];
  };
  const { client } = newMcpSession({ servers });
  client.forget();
  await client.say(update({ tools: [docs] }));
  assert.deepEqual(client.types(), ['session.updated', ...imported.slice(0, 2)]);
  const { item } = client.last('conversation.item.added');
  assert.deepEqual(item, { id: item.id, type: 'mcp_list_tools', server_label: 'docs', tools: [] });
  assert.equal(client.last('mcp_list_tools.in_progress').item_id, item.id);
  assert.deepEqual(await client.retrieve(item.id), item);
  client.forget();
  listing.open();
  await settle();
  assert.deepEqual(client.types(), imported.slice(2));
  assert.deepEqual(client.last('conversation.item.done').item, { ...item, tools: [search, remove] });
  assert.equal(client.last('conversation.item.done').previous_item_id, null);
  assert.equal(client.last('mcp_list_tools.completed').item_id, item.id);
});

test('beta clients get the same events', async () => {
  verifies(
    'beta.server.mcp_list_tools.in_progress',
    'beta.server.mcp_list_tools.completed',
    'beta.server.mcp_list_tools.failed',
  );
  const servers = new FakeServers();
  const { client, session } = newMcpSession({ servers });
  const beta = new BetaClient(session);
  beta.forget();
  await client.say(update({ tools: [docs], tool_choice: { type: 'mcp', server_label: 'docs' } }));
  const types = [
    'session.updated',
    'conversation.item.created',
    'mcp_list_tools.in_progress',
    'mcp_list_tools.completed',
  ];
  assert.deepEqual(beta.types(), types);
  const [updated] = beta.events;
  const shown = Object(Reflect.get(Object(updated), 'session'));
  assert.deepEqual([shown.tools, shown.tool_choice], [[], 'auto']);
  const { id } = client.last('conversation.item.added').item;
  assert.deepEqual(
    beta.events.slice(2).map((event) => Reflect.get(event, 'item_id')),
    [id, id],
  );
  servers.lists = () => Promise.reject(new ImportError('It answered with HTTP 500.'));
  beta.forget();
  await client.say(update({ tools: [{ ...docs, server_url: `${url}/other` }] }));
  assert.deepEqual(beta.types(), [...types.slice(0, 3), 'mcp_list_tools.failed', 'error']);
  const failed = beta.events.find(({ type }) => type.endsWith('tools.failed'));
  assert.equal(Reflect.get(Object(failed), 'item_id'), client.last('conversation.item.added').item.id);
});

test('a failed import is reported with its reason, and the session continues without these tools', async () => {
  verifies('R3.76', 'R5.93', 'ga.server.mcp_list_tools.failed');
  const servers = new FakeServers();
  servers.lists = () => Promise.reject(new ImportError('It answered with HTTP 500.', '10.0.0.7 refused'));
  const { client, log, engines, respond, offered, use } = newMcpSession({ servers });
  client.forget();
  await client.say(update({ output_modalities: ['text'], tools: [docs] }));
  assert.deepEqual(client.types().slice(1), [...imported.slice(0, 3), 'mcp_list_tools.failed', 'error']);
  const { item } = client.last('conversation.item.done');
  assert.deepEqual(item, { id: item.id, type: 'mcp_list_tools', server_label: 'docs', tools: [] });
  assert.equal(client.last('mcp_list_tools.failed').item_id, item.id);
  const { code, message, param, event_id, type } = client.lastError();
  assert.deepEqual(
    [code, message, param, event_id, type],
    [
      'mcp_list_tools_failed',
      "The tools of the MCP server 'docs' could not be imported. It answered with HTTP 500.",
      null,
      null,
      'invalid_request_error',
    ],
  );
  assert.match(JSON.stringify(log.warnings), /"tool_import_failed".*10\.0\.0\.7/);
  engines.languageModel.script = () => say('No tools.');
  await respond();
  assert.deepEqual(offered(), []);
  servers.lists = async () => [search];
  await use({ type: 'mcp', server_label: 'docs' });
  await respond();
  assert.deepEqual(offered(), ['docs_search'], 'the next reference tries again');

  const broken = new FakeServers();
  broken.lists = () => Promise.reject(new Error('secret detail'));
  const other = newMcpSession({ servers: broken });
  await other.client.say(update({ tools: [docs] }));
  assert.match(other.client.lastError().message, /The server had an error while importing them\.$/);
});

test('secrets are neither shown nor needed again: a later reference reuses the definition', async () => {
  verifies('R2.27', 'R2.28');
  const { client, servers, use, respond, offered } = newMcpSession();
  const secret = { ...docs, server_url: `${url}?key=hidden`, authorization: 'hidden', headers: { 'x-key': 'hidden' } };
  await client.say(update({ output_modalities: ['text'], tools: [secret, { type: 'function', name: 'f' }] }));
  const { session } = client.last('session.updated');
  assert.ok(session.type === 'realtime');
  assert.deepEqual(session.tools, [docs, { type: 'function', name: 'f', description: null }]);
  assert.doesNotMatch(JSON.stringify(client.events), /hidden/);
  const { authorization, headers, server_url } = servers.last.definition;
  assert.deepEqual([authorization, headers, server_url], ['hidden', { 'x-key': 'hidden' }, `${url}?key=hidden`]);

  await use({ type: 'mcp', server_label: 'docs' });
  assert.equal(servers.opened.length, 1);
  assert.equal(servers.last.imports, 1, 'nothing has changed: it is not imported again');
  await respond();
  assert.deepEqual(offered(), ['docs_search', 'docs_remove']);

  await use({ type: 'mcp', server_label: 'docs', allowed_tools: ['remove'] });
  await respond();
  assert.deepEqual(offered(), ['docs_remove']);
  assert.equal(servers.opened.length, 1);

  await use({ type: 'mcp', server_label: 'house' });
  assert.equal(servers.last.definition.server_label, 'house', 'a server of the configuration needs no address');
});

test('allowed_tools restricts the list and the model, by names or by a filter', async () => {
  verifies('R2.29');
  const allowing = async (allowed_tools: unknown) => {
    const { client, use, respond, offered } = newMcpSession();
    await client.say(update({ tools: [{ ...docs, allowed_tools }] }));
    const { item } = client.last('conversation.item.done');
    assert.ok(item.type === 'mcp_list_tools');
    await use({ ...docs, allowed_tools });
    await respond();
    const names = item.tools.map(({ name }) => name);
    assert.deepEqual(
      offered(),
      names.map((name) => `docs_${name}`),
    );
    return names;
  };
  assert.deepEqual(await allowing(['remove', 'unknown']), ['remove']);
  assert.deepEqual(await allowing({ read_only: true }), ['search']);
  assert.deepEqual(await allowing({ read_only: false }), ['remove']);
  assert.deepEqual(await allowing({ read_only: true, tool_names: ['remove'] }), []);
  assert.deepEqual(await allowing(null), ['search', 'remove']);
  assert.deepEqual(await allowing({}), ['search', 'remove']);
});

test('wrong definitions are refused before anything is imported', async () => {
  verifies('R2.27', 'R2.28', 'R5.85', 'R5.86', 'R5.87', 'R5.88', 'R5.89', 'R5.91', 'R5.96');
  const { client, servers } = newMcpSession({ settings: { limits: { mcpServers: 2 } } });
  const refused = async (tools: object[], code: string, param: string, message: RegExp) => {
    await client.say(update({ tools }));
    const error = client.lastError();
    assert.deepEqual([error.code, error.param], [code, param]);
    assert.match(error.message, message);
    client.forget();
  };
  const { server_url, ...unnamed } = docs;
  const connector = { ...unnamed, connector_id: 'connector_gmail' };
  const place = 'session.tools[0]';
  await refused([docs, docs], 'invalid_value', 'session.tools[1].server_label', /Duplicate server_label.*'docs'/);
  const exclusive = 'mutually_exclusive_parameters';
  await refused([{ ...connector, server_url }], exclusive, place, /'server_url' and 'connector_id'/);
  const twice = { ...docs, authorization: 'a', headers: { authorization: 'b' } };
  await refused([twice], exclusive, place, /'authorization' and 'headers.Authorization'/);
  await refused(
    [{ ...connector, headers: { Authorization: 'b' } }],
    'invalid_value',
    `${place}.headers`,
    /a connector/,
  );
  await refused([unnamed], 'missing_mutually_exclusive_parameters', place, /No MCP server with the label 'docs'/);
  await refused([connector], 'invalid_value', `${place}.connector_id`, /'connector_gmail' is not in the configuration/);
  const unknown = { ...unnamed, connector_id: 'connector_x' };
  await refused([unknown], 'invalid_value', `${place}.connector_id`, /'connector_dropbox'/);
  await refused([{ ...docs, server_url: 'ftp://x' }], 'invalid_value', `${place}.server_url`, /http or https address/);
  await refused(
    [{ ...docs, server_url: 'https://u:p@x' }],
    'invalid_value',
    `${place}.server_url`,
    /without a user name/,
  );
  const broken = { ...docs, headers: { 'x-a': 'b\nc' } };
  await refused([broken], 'invalid_value', `${place}.headers.x-a`, /does not match pattern/);
  for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'connection', 'upgrade', 'keep-alive']) {
    const reserved = { ...docs, headers: { [name]: 'internal.example' } };
    await refused([reserved], 'invalid_value', `${place}.headers.${name}`, /this server sets this header itself/);
  }
  const three = ['a', 'b', 'c'].map((server_label) => ({ ...docs, server_label }));
  await refused(three, 'array_above_max_length', 'session.tools', /at most 2 MCP servers/);
  assert.equal(servers.opened.length, 0);
});

test('lists that exceed a limit fail, unless allowed_tools selects from them', async () => {
  const servers = new FakeServers();
  const many = Array.from({ length: 1000 }, (_, index) => ({ ...search, name: `tool_${index}` }));
  servers.lists = async () => many;
  const { client } = newMcpSession({ servers, settings: { limits: { toolBytes: 100_000, itemCharacters: 200_000 } } });
  const reason = async (more: object = {}) => {
    client.forget();
    await client.say(update({ tools: [{ ...docs, ...more }] }));
    return client
      .all('error')
      .at(-1)
      ?.error.message.replace(/^.*imported\. /, '');
  };
  assert.equal(await reason(), "It offers 1000 tools; at most 256 can be used. Select some with 'allowed_tools'.");
  assert.equal(servers.last.forgotten, 1, 'the next import asks the server again');
  assert.equal(await reason({ allowed_tools: ['tool_7'] }), undefined);
  servers.lists = async () => [{ ...search, description: 'x'.repeat(100_001) }];
  const elsewhere = { server_url: `${url}/2` };
  assert.match((await reason(elsewhere)) ?? '', /more than 100000 bytes/);
});

test('changed tools are imported again, at most every five seconds', async () => {
  verifies('R3.81');
  const { client, clock, servers, use, respond, offered } = newMcpSession();
  await use(docs);
  servers.lists = async () => [search];
  const server = servers.last;
  for (let count = 0; count < 50; count += 1) server.changed();
  await settle();
  assert.deepEqual(client.types(), []);
  await clock.advance(5000);
  assert.deepEqual(client.types(), imported);
  await respond();
  assert.deepEqual(offered(), ['docs_search']);
});

test('a response waits for the last of several imports, also when an earlier one fails', async () => {
  verifies('R3.77');
  const servers = new FakeServers();
  const [first, second] = [gate(), gate()];
  servers.lists = async () => {
    servers.lists = async () => {
      await second.opened;
      return [search];
    };
    await first.opened;
    throw new ImportError('It is down.');
  };
  const { client, use, respond, offered } = newMcpSession({ servers });
  await use(docs);
  const some = { ...docs, allowed_tools: ['search'] };
  await client.say(update({ tools: [some] }));
  first.open();
  await settle();
  assert.equal(client.all('mcp_list_tools.failed').length, 1);
  await respond({ tools: [some] });
  assert.equal(offered(), undefined);
  second.open();
  await settle();
  assert.deepEqual(offered(), ['docs_search']);
  assert.equal(servers.last.imports, 2);
});

test('deleting the item of a running import ends its events; the tools can be used', async () => {
  verifies('R3.76');
  const servers = new FakeServers();
  const listing = gate();
  servers.lists = async () => {
    await listing.opened;
    return [search];
  };
  const { client, use, respond, offered } = newMcpSession({ servers });
  await client.say(update({ tools: [docs] }));
  const { item } = client.last('conversation.item.added');
  await client.say({ type: 'conversation.item.delete', item_id: item.id });
  client.forget();
  listing.open();
  await settle();
  assert.deepEqual(client.types(), []);
  await use({ type: 'mcp', server_label: 'docs' });
  await respond();
  assert.deepEqual(offered(), ['docs_search']);
});

test('a client secret’s servers are imported when its session begins, and closed at its end', async () => {
  const tools = [{ ...docs, type: 'mcp' as const, require_approval: 'never' as const, authorization: 'hidden' }];
  const { client, session, servers } = newMcpSession({
    grant: { initial: { type: 'realtime', tools }, locked: ['tools'] },
  });
  await settle();
  assert.deepEqual(client.types(), ['session.created', ...imported]);
  assert.doesNotMatch(JSON.stringify(client.events), /hidden/);
  await client.say(update({ tools: [{ type: 'mcp', server_label: 'docs' }] }));
  assert.equal(client.all('error').length, 0, 'a reference to a locked definition changes nothing');
  await client.say(update({ tools: [{ type: 'mcp', server_label: 'docs', server_url: 'https://evil.example' }] }));
  assert.equal(client.lastError().code, 'parameter_locked');
  session.close({ code: 1000, reason: '' });
  assert.deepEqual(
    servers.opened.map(({ closed }) => closed),
    [true],
  );
});

test('connections of earlier definitions are closed when there are too many', async () => {
  const { client, servers } = newMcpSession({ settings: { limits: { mcpServers: 2 } } });
  for (const token of ['a', 'b', 'c', 'd']) await client.say(update({ tools: [{ ...docs, authorization: token }] }));
  assert.deepEqual(
    servers.opened.map(({ closed }) => closed),
    [true, true, false, false],
  );
});

test('the definitions that were used least recently are forgotten, except those of the configuration', async () => {
  verifies('R2.28', 'R5.88');
  const { client, respond, engines } = newMcpSession({ settings: { limits: { mcpServers: 2 } } });
  engines.languageModel.script = () => say('Fine.');
  const refersTo = async (server_label: string) => {
    client.forget();
    await client.say(update({ tools: [{ type: 'mcp', server_label }] }));
    return client.all('error')[0]?.error.code;
  };
  await client.say(update({ output_modalities: ['text'], tools: [docs] }));
  for (const server_label of ['a', 'b', 'c']) await respond({ tools: [{ ...docs, server_label, authorization: 'x' }] });
  assert.equal(await refersTo('b'), 'missing_mutually_exclusive_parameters');
  assert.equal(await refersTo('docs'), undefined);
  assert.equal(await refersTo('c'), undefined);
});

test('the servers of a response stay open, and count together with those of the session', async () => {
  verifies('R3.77', 'R5.91');
  const { client, servers, respond, offered, engines } = newMcpSession({ settings: { limits: { mcpServers: 2 } } });
  engines.languageModel.script = () => say('Fine.');
  await client.say(update({ output_modalities: ['text'], tools: [docs] }));
  const wiki = { ...docs, server_label: 'wiki' };
  await respond({ tools: [{ ...docs, server_label: 'old' }] });
  await respond({ tools: [wiki] });
  assert.deepEqual(offered(), ['wiki_search', 'wiki_remove']);
  assert.deepEqual(
    servers.opened.map(({ definition, closed }) => [definition.server_label, closed]),
    [
      ['docs', false],
      ['old', true],
      ['wiki', false],
    ],
  );
  await client.say(update({ tools: [docs, wiki] }));
  await respond({ tools: [{ ...docs, server_label: 'third' }] });
  assert.deepEqual([client.lastError().code, client.lastError().param], ['array_above_max_length', 'response.tools']);
  assert.equal(servers.opened.length, 3);
});
