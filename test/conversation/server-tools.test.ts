/** Tools that the server runs: their items, events and failures. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { McpCallItem } from '../../src/protocol/index.ts';
import type { Observation } from '../../src/session/ports/observer.ts';
import type { ServerTool, ServerToolCall, ServerToolResult, ToolRunner } from '../../src/session/ports/tool-runner.ts';
import type { SessionLimits } from '../../src/session/settings.ts';
import { BetaClient, newConversation, update, userText } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { call, hang, say, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const search: ServerTool = {
  serverLabel: 'docs',
  name: 'search',
  description: 'Searches the docs.',
  parameters: { type: 'object' },
};
const query = { query: 'pacing' };

/** A runner whose results the test supplies. */
class ManualRunner implements ToolRunner {
  readonly calls: ServerToolCall[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #results: PromiseWithResolvers<ServerToolResult>[] = [];
  closed = false;

  tools(): ServerTool[] {
    return [search];
  }

  run(toolCall: ServerToolCall, signal: AbortSignal): Promise<ServerToolResult> {
    this.calls.push(toolCall);
    this.signals.push(signal);
    const result = Promise.withResolvers<ServerToolResult>();
    this.#results.push(result);
    return result.promise;
  }

  async answer(result: ServerToolResult, index = 0): Promise<void> {
    this.#results[index]?.resolve(result);
    await settle();
  }

  async break(error: Error): Promise<void> {
    this.#results[0]?.reject(error);
    await settle();
  }

  close(): void {
    this.closed = true;
  }
}

async function calling({ limits = {} }: { limits?: Partial<SessionLimits> } = {}) {
  const runner = new ManualRunner();
  const seen: Observation[] = [];
  const observers = [{ observe: (each: Observation) => seen.push(each) }];
  const conversation = newConversation({ limits }, { toolRunner: runner, observers });
  const { client, engines } = conversation;
  await client.say(update({ output_modalities: ['text'] }));
  await client.say(userText('How does pacing work?'));
  engines.languageModel.script = () => call('docs_search', query);
  client.forget();
  const done = () => seen.filter(({ type }) => type === 'tool_call_done');
  const callItem = async (): Promise<McpCallItem> => {
    const item = await client.retrieve(client.last('response.output_item.added').item.id);
    assert.equal(item.type, 'mcp_call');
    return item;
  };
  return { ...conversation, runner, done, callItem };
}

const ended = ['response.done', 'rate_limits.updated'];
const begun = [
  'response.created',
  'response.output_item.added',
  'conversation.item.added',
  'response.mcp_call_arguments.delta',
  'response.mcp_call_arguments.done',
  'response.mcp_call.in_progress',
  'response.output_item.done',
];

test('a call runs beside its response, and the model gets its result in the next one', async () => {
  verifies(
    'R3.64',
    'R3.65',
    'R4.17',
    'ga.server.response.mcp_call_arguments.delta',
    'ga.server.response.mcp_call_arguments.done',
    'ga.server.response.mcp_call.in_progress',
    'ga.server.response.mcp_call.completed',
  );
  const { client, engines, runner, callItem } = await calling();
  await client.say({ type: 'response.create' });
  assert.deepEqual(client.types(), [...begun, ...ended]);
  const { item, output_index, response_id } = client.last('response.output_item.added');
  const at = { item_id: item.id, output_index };
  assert.deepEqual(item, { ...named(item.id), arguments: '', output: null });
  const deltas = client.all('response.mcp_call_arguments.delta');
  const written = { ...named(item.id), arguments: JSON.stringify(query), output: null };
  assert.equal(deltas.map(({ delta }) => delta).join(''), written.arguments);
  assert.deepEqual(
    deltas.map(({ item_id, obfuscation }) => [item_id, obfuscation]),
    deltas.map(() => [item.id, '']),
  );
  const argumentsDone = client.last('response.mcp_call_arguments.done');
  assert.deepEqual(
    { ...argumentsDone, event_id: '' },
    { type: argumentsDone.type, event_id: '', response_id, ...at, arguments: written.arguments },
  );
  const progress = client.last('response.mcp_call.in_progress');
  assert.deepEqual({ ...progress, event_id: '' }, { type: progress.type, event_id: '', ...at });
  assert.deepEqual(client.last('response.output_item.done').item, written);
  assert.deepEqual(client.last('response.done').response.output, [written]);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(runner.calls, [{ serverLabel: 'docs', name: 'search', arguments: written.arguments }]);
  assert.deepEqual(await callItem(), written);

  client.forget();
  await runner.answer({ output: 'Three seconds ahead.' });
  assert.deepEqual(client.types(), ['conversation.item.done', 'response.mcp_call.completed']);
  assert.deepEqual(client.last('conversation.item.done').item, { ...written, output: 'Three seconds ahead.' });
  const completed = client.last('response.mcp_call.completed');
  assert.deepEqual({ ...completed, event_id: '' }, { type: completed.type, event_id: '', ...at });

  engines.languageModel.script = () => say('It is three seconds ahead.');
  await client.say({ type: 'response.create' });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.items.slice(1), [
    { type: 'call', callId: item.id, name: 'docs_search', arguments: written.arguments },
    { type: 'call_output', callId: item.id, output: 'Three seconds ahead.' },
  ]);
  assert.deepEqual(engines.languageModel.requests.at(-1)?.tools, [
    { name: 'docs_search', description: search.description, parameters: search.parameters },
  ]);
});

const named = (id: string) => ({ id, type: 'mcp_call', server_label: 'docs', name: 'search' });

test('beta clients get the same events and items', async () => {
  verifies(
    'beta.server.response.mcp_call_arguments.delta',
    'beta.server.response.mcp_call_arguments.done',
    'beta.server.response.mcp_call.in_progress',
    'beta.server.response.mcp_call.completed',
    'beta.server.response.mcp_call.failed',
  );
  const { client, session, runner } = await calling();
  const beta = new BetaClient(session);
  await client.say({ type: 'response.create' });
  await runner.answer({ output: 'Found.' });
  assert.deepEqual(beta.types().slice(1), [
    ...begun.map((type) => (type === 'conversation.item.added' ? 'conversation.item.created' : type)),
    ...ended,
    'response.mcp_call.completed',
  ]);
  const { id } = client.last('conversation.item.done').item;
  const mcpEvents = beta.events.filter(({ type }) => type.startsWith('response.mcp_call'));
  const [delta] = mcpEvents.filter(({ type }) => type.endsWith('arguments.delta'));
  assert.equal(Reflect.get(Object(delta), 'obfuscation'), '');
  for (const event of mcpEvents) assert.equal(Reflect.get(event, 'item_id'), id, event.type);
  assert.equal(
    Reflect.get(mcpEvents.find(({ type }) => type.endsWith('arguments.done')) ?? {}, 'arguments'),
    JSON.stringify(query),
  );
  beta.forget();
  await client.say({ type: 'response.create' });
  await runner.answer({ error: { type: 'tool_execution_error', message: 'Nothing found.' } }, 1);
  const failed = beta.events.at(-1);
  assert.equal(failed?.type, 'response.mcp_call.failed');
  assert.equal(Reflect.get(failed, 'item_id'), client.last('conversation.item.done').item.id);
});

test('the result of a tool that ends before its response waits for response.done', async () => {
  verifies('R3.65');
  const { client, engines, runner } = await calling();
  engines.languageModel.script = async function* (request) {
    yield* call('docs_search', query).slice(0, -1);
    yield* hang(request.signal);
  };
  await client.say({ type: 'response.create' });
  await runner.answer({ output: 'Early.' });
  assert.deepEqual(client.types(), begun);
  client.forget();
  await client.say({ type: 'response.cancel' });
  assert.deepEqual(client.types(), [...ended, 'conversation.item.done', 'response.mcp_call.completed']);
  assert.equal(client.last('response.done').response.status, 'cancelled');
});

test('each kind of failure is reported in the item and to the model', async () => {
  verifies('R3.65', 'ga.server.response.mcp_call.failed');
  const errors = [
    { type: 'protocol_error', code: -32602, message: 'Unknown tool.' },
    { type: 'http_error', code: 503, message: 'Unavailable.' },
    { type: 'tool_execution_error', message: 'No such page.' },
  ] as const;
  for (const error of errors) {
    const { client, engines, runner, done } = await calling();
    await client.say({ type: 'response.create' });
    client.forget();
    await runner.answer({ error });
    assert.deepEqual(client.types(), ['conversation.item.done', 'response.mcp_call.failed']);
    const { item } = client.last('conversation.item.done');
    assert.deepEqual(item, { ...named(item.id), arguments: JSON.stringify(query), output: null, error });
    const { item_id, output_index } = client.last('response.mcp_call.failed');
    assert.deepEqual([item_id, output_index], [item.id, 0]);
    assert.deepEqual(
      done().map((each) => each.type === 'tool_call_done' && each.error),
      [error.type],
    );
    await client.say({ type: 'response.create' });
    const output = engines.languageModel.requests.at(-1)?.items.at(-1);
    assert.deepEqual(output?.type === 'call_output' && output.output, `The tool failed: ${error.message}`);
  }
});

test('the error of a runner that throws is logged and not sent to clients', async () => {
  const { client, runner, log } = await calling();
  await client.say({ type: 'response.create' });
  await runner.break(new Error('secret path'));
  const { item } = client.last('conversation.item.done');
  assert.ok(item.type === 'mcp_call');
  assert.deepEqual(item.error, {
    type: 'tool_execution_error',
    message: 'The server had an error while running the tool.',
  });
  assert.match(JSON.stringify(log.warnings), /"event":"tool_failed".*"tool":"search".*"fault":"secret path"/);
  assert.deepEqual(log.faults, []);
});

test('a tool that times out is aborted, and its late result is ignored', async () => {
  verifies('R3.66');
  const { client, clock, runner, callItem } = await calling({ limits: { toolCallMs: 5000 } });
  await client.say({ type: 'response.create' });
  await clock.advance(4999);
  assert.equal(client.all('response.mcp_call.failed').length, 0);
  await clock.advance(1);
  assert.equal(client.all('response.mcp_call.failed').length, 1);
  assert.equal(runner.signals[0]?.aborted, true);
  await runner.answer({ output: 'Too late.' });
  const { output, error } = await callItem();
  assert.deepEqual([output, error?.message], [null, 'The tool did not finish within 5 s.']);
});

test('a call continues through barge-in, and the next response has its result', async () => {
  verifies('R3.66');
  const { client, engines, runner } = await calling();
  engines.languageModel.script = async function* (request) {
    yield* call('docs_search', query).slice(0, -1);
    yield* hang(request.signal);
  };
  await client.say({ type: 'response.create' });
  await client.speak(tone(400, 24000));
  assert.deepEqual(client.last('response.done').response.status_details, {
    type: 'cancelled',
    reason: 'turn_detected',
  });
  assert.equal(runner.signals[0]?.aborted, false);
  await runner.answer({ output: 'Kept.' });
  assert.equal(client.all('response.mcp_call.completed').length, 1);
});

test('a truncated call is not run, and fails', async () => {
  verifies('R3.66');
  const { client, engines, runner } = await calling();
  engines.languageModel.script = async function* (request) {
    yield* call('docs_search', query).slice(0, 2);
    yield* hang(request.signal);
  };
  await client.say({ type: 'response.create' });
  client.forget();
  await client.say({ type: 'response.cancel' });
  assert.deepEqual(runner.calls, []);
  assert.deepEqual(client.types(), [
    'response.output_item.done',
    ...ended,
    'conversation.item.done',
    'response.mcp_call.failed',
  ]);
  const { item } = client.last('conversation.item.done');
  assert.match(JSON.stringify(item), /the tool was not run/);
});

test('deleting the item of a running call aborts its tool, and no more events are sent', async () => {
  verifies('R3.67');
  const { client, runner, callItem } = await calling();
  await client.say({ type: 'response.create' });
  const { id } = await callItem();
  client.forget();
  await client.say({ type: 'conversation.item.delete', item_id: id });
  assert.equal(runner.signals[0]?.aborted, true);
  await runner.answer({ output: 'Nobody reads this.' });
  assert.deepEqual(client.types(), ['conversation.item.deleted']);
});

test('a response may be created before the tool has answered', async () => {
  const { client, engines } = await calling();
  await client.say({ type: 'response.create' });
  engines.languageModel.script = () => say('One moment.');
  await client.say({ type: 'response.create' });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(engines.languageModel.requests.at(-1)?.items.at(-1)?.type, 'call');
});

test('long outputs, too many calls and a full conversation are refused within their limits', async () => {
  const limits = { toolOutputCharacters: 100, toolCalls: 1, itemCharacters: 1000 };
  const message = async (act: (parts: Awaited<ReturnType<typeof calling>>) => Promise<void>) => {
    const parts = await calling({ limits });
    await parts.client.say({ type: 'response.create' });
    await act(parts);
    const { item } = parts.client.last('conversation.item.done');
    assert.ok(item.type === 'mcp_call');
    return item.error?.message;
  };
  const tooLong = await message(({ runner }) => runner.answer({ output: 'x'.repeat(101) }));
  assert.equal(tooLong, 'The output of the tool has 101 characters; at most 100 are allowed.');
  const tooMany = await message(({ client }) => client.say({ type: 'response.create' }));
  assert.equal(tooMany, 'The session is already running 1 tools.');
  const error = { type: 'tool_execution_error', message: 'x'.repeat(100) } as const;
  for (const result of [{ output: 'x'.repeat(100) }, { error }]) {
    const full = await message(async ({ client, runner }) => {
      await client.say(userText('x'.repeat(600)));
      await runner.answer(result);
    });
    assert.equal(full, 'The conversation has no room for the output of the tool.');
  }
});

test('a client’s function with the same name takes precedence', async () => {
  const { client, engines, runner } = await calling();
  await client.say(update({ tools: [{ type: 'function', name: 'docs_search' }] }));
  engines.languageModel.script = () => [...call('docs_search', {}).slice(0, -1), ...call('docs_search_2', {})];
  await client.say({ type: 'response.create' });
  assert.deepEqual(
    client.last('response.done').response.output.map((item) => [item.type, 'name' in item && item.name]),
    [
      ['function_call', 'docs_search'],
      ['mcp_call', 'search'],
    ],
  );
  assert.equal(runner.calls.length, 1);
});

test('an out-of-band response has no server tools', async () => {
  const { client, engines } = await calling();
  engines.languageModel.script = () => say('No tools.');
  await client.say({ type: 'response.create', response: { conversation: 'none' } });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.tools, []);
});

test('calls and their outputs count as text of the next input', async () => {
  const inputAfter = async (output: string) => {
    const { client, engines, runner } = await calling();
    await client.say({ type: 'response.create' });
    await runner.answer({ output });
    engines.languageModel.script = () => say('Fine.');
    await client.say({ type: 'response.create' });
    return client.last('response.done').response.usage?.input_tokens ?? 0;
  };
  assert.equal((await inputAfter('word '.repeat(80))) - (await inputAfter('')), 100);
});

test('draining waits for tools; the end of a session aborts them and closes the runner', async () => {
  const { client, session, runner } = await calling();
  await client.say({ type: 'response.create' });
  let drained = false;
  void session.drain().then(() => {
    drained = true;
  });
  await settle();
  assert.equal(drained, false);
  await runner.answer({ output: 'Done.' });
  assert.equal(drained, true);

  const other = await calling();
  await other.client.say({ type: 'response.create' });
  other.session.close({ code: 1000, reason: '' });
  assert.deepEqual([other.runner.signals[0]?.aborted, other.runner.closed], [true, true]);
  assert.deepEqual(other.done(), []);
});
