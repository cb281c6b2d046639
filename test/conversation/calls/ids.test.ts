/** Ids of tool calls: the session assigns unique ones, and results belong to the right calls. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ContextItem, ModelEvent } from '../../../src/session/ports/language-model.ts';
import { type Conversation, newConversation, updateTools, userText } from '../../support/conversation.ts';
import { say } from '../../support/fake-engines.ts';

const create = (item: object) => ({ type: 'conversation.item.create', item });
const outputOf = (call_id: string, output: string) => create({ type: 'function_call_output', call_id, output });
const textResponse = { type: 'response.create', response: { output_modalities: ['text'] } };

const calling = (...callIds: (string | undefined)[]): ModelEvent[] => [
  ...callIds.flatMap((callId): ModelEvent[] => [
    { type: 'call', name: 'f', ...(callId !== undefined && { callId }), engine: 'm' },
    { type: 'call_arguments', delta: '{"a":1}' },
    { type: 'call_end' },
  ]),
  { type: 'finish', reason: 'stop' },
];

async function withTool(): Promise<Conversation> {
  const conversation = newConversation();
  await conversation.client.say(updateTools('f'));
  return conversation;
}

/** The outputs that the model got, in the order of their calls. */
function resultsIn(items: readonly ContextItem[]): string[][] {
  const calls = items.flatMap((item) => (item.type === 'call' ? [item.callId] : []));
  assert.equal(new Set(calls).size, calls.length, 'no id stands twice');
  return calls.map((callId) =>
    items.flatMap((item) => (item.type === 'call_output' && item.callId === callId ? [item.output] : [])),
  );
}

test('property: whatever ids the model uses, those of the session are unique and short, and match their results', async () => {
  const id = fc.oneof(
    fc.constantFrom('call_0', '', undefined, ' ', '__proto__', 'c'.repeat(65), 'é'.repeat(900)),
    fc.string({ maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(id, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      async (turns) => {
        const { client, engines } = await withTool();
        const expected: string[][] = [];
        for (const callIds of turns) {
          engines.languageModel.script = () => calling(...callIds);
          await client.say(textResponse);
          for (const item of client.last('response.done').response.output) {
            assert.ok(item.type === 'function_call' && item.call_id !== undefined);
            assert.match(item.call_id, /^[\w-]{1,32}$/);
            expected.push([`result ${expected.length}`]);
            await client.say(outputOf(item.call_id, expected.at(-1)?.[0] ?? ''));
          }
        }
        const ids = client.all('response.function_call_arguments.done').map(({ call_id }) => call_id);
        assert.equal(new Set(ids).size, expected.length);
        assert.deepEqual(client.all('error'), []);
        engines.languageModel.script = () => say('Fine.');
        await client.say(textResponse);
        const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
        assert.deepEqual(resultsIn(items), expected);
        const own = items.flatMap((item) => (item.type === 'call' ? [item.engineCall?.id] : []));
        assert.deepEqual(own, turns.flat(), 'the engine gets its own ids back');
      },
    ),
    { numRuns: 60 },
  );
});

test('calls that a client created with the same id have one result each, in order', async () => {
  const { client, engines } = await withTool();
  const made = create({ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' });
  for (const event of [made, outputOf('c', 'one'), made, outputOf('c', 'two'), outputOf('c', 'two, corrected'), made]) {
    await client.say(event);
  }
  engines.languageModel.script = () => say('Fine.');
  await client.say(textResponse);
  assert.deepEqual(resultsIn(engines.languageModel.requests[0]?.items ?? []), [['one'], ['two', 'two, corrected'], []]);
});

test('parallel calls of a client with the same id get their results in order', async () => {
  const { client, engines } = await withTool();
  const made = create({ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' });
  for (const event of [made, made, outputOf('c', 'one'), outputOf('c', 'two')]) await client.say(event);
  engines.languageModel.script = () => say('Fine.');
  await client.say(textResponse);
  assert.deepEqual(resultsIn(engines.languageModel.requests[0]?.items ?? []), [['one'], ['two']]);
});

test("an out-of-band call keeps the engine's id when the client sends it back", async () => {
  const { client, engines } = await withTool();
  engines.languageModel.script = () => calling('own');
  await client.say({ ...textResponse, response: { ...textResponse.response, conversation: 'none', input: [] } });
  const [made] = client.last('response.done').response.output;
  assert.ok(made?.type === 'function_call' && made.call_id !== undefined);
  const { call_id, name, arguments: given } = made;
  await client.say(create({ type: 'function_call', call_id, name, arguments: given }));
  engines.languageModel.script = () => say('Fine.');
  await client.say(textResponse);
  const [call] = engines.languageModel.requests.at(-1)?.items ?? [];
  assert.ok(call?.type === 'call');
  assert.deepEqual(call.engineCall, { id: 'own', engine: 'm' });
});

test("ids of engines are bounded: calls with a dropped one use the session's id", async () => {
  const { client, engines } = newConversation({ limits: { engineCallCharacters: 1000 } });
  await client.say(updateTools('f'));
  for (const id of ['a', 'b', 'c']) {
    engines.languageModel.script = () => calling(id.repeat(400));
    await client.say(textResponse);
  }
  engines.languageModel.script = () => say('Fine.');
  await client.say(textResponse);
  const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
  const own = items.flatMap((item) => (item.type === 'call' ? [item.engineCall?.id.charAt(0)] : []));
  assert.deepEqual(own, [undefined, 'b', 'c']);
});

test("a new call never has the id of a call in the client's history", async () => {
  const conversation = newConversation();
  const { client, engines } = conversation;
  await client.say(updateTools('f'));
  engines.languageModel.script = () => calling('x');
  await client.say(textResponse);
  const { call_id } = client.last('response.function_call_arguments.done');
  await client.say(userText('Again.'));
  await client.say(textResponse);
  assert.notEqual(client.last('response.function_call_arguments.done').call_id, call_id);
});
