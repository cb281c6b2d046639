/**
 * Arguments of tool calls: whatever a model sends, a complete call has one JSON object that equals the sum of its
 * deltas.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { newConversation, updateTools } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';

const textResponse = { type: 'response.create', response: { output_modalities: ['text'] } };

const piecesOf = (text: string, length: number) => text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];

function calling(name: string, pieces: readonly string[]): ModelEvent[] {
  return [
    { type: 'call', name },
    ...pieces.map((delta): ModelEvent => ({ type: 'call_arguments', delta })),
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
}

/** Makes the model call `f` with these arguments, and returns the client's view of it. */
async function callWith(pieces: readonly string[]) {
  const { client, engines } = newConversation();
  await client.say(updateTools('f'));
  engines.languageModel.script = () => calling('f', pieces);
  await client.say(textResponse);
  return {
    deltas: client.all('response.function_call_arguments.delta').map(({ delta }) => delta),
    completed: client.all('response.function_call_arguments.done').map((event) => event.arguments),
    response: client.last('response.done').response,
  };
}

const recovered: readonly (readonly [sent: string, meant: object])[] = [
  ['{"city":"Oslo"}', { city: 'Oslo' }],
  ['', {}],
  [' \n', {}],
  ['null', {}],
  ['[]', {}],
  ['{}{"city":"Oslo"}', { city: 'Oslo' }],
  ['{"city":"Oslo"}{}', { city: 'Oslo' }],
  ['{"city":"Oslo"}{"city":"Oslo"}', { city: 'Oslo' }],
  ['{"city":"Oslo"}\n{"city": "Oslo"}', { city: 'Oslo' }],
  ['{"a":1}{"a":1,"b":2}', { a: 1, b: 2 }],
  ["{'city': 'Oslo'}", { city: 'Oslo' }],
  ["{'city': 'L\\'Aquila'}", { city: "L'Aquila" }],
  ['{“city”: “Oslo”}', { city: 'Oslo' }],
  ['{city: "Oslo"}', { city: 'Oslo' }],
  ['{"on": True, "at": None}', { on: true, at: null }],
  ['{"a":1,}', { a: 1 }],
  ['{"a":[1,2,],}', { a: [1, 2] }],
  ['{"a":1 "b":2}', { a: 1, b: 2 }],
  ['```json\n{"a":1}\n```', { a: 1 }],
  ['<tool_call>{"a":1}</tool_call>', { a: 1 }],
  ['{"a":1}<|im_end|>', { a: 1 }],
  ['"{\\"a\\":1}"', { a: 1 }],
  ['[{"a":1}]', { a: 1 }],
  ['{"a":1}}', { a: 1 }],
  ['{"a":{"b":"c"}', { a: { b: 'c' } }],
  ['{"a":["b"', { a: ['b'] }],
  ['{"text":"two\nlines\tand a tab"}', { text: 'two\nlines\tand a tab' }],
  ['{"path":"C:\\Users\\me"}', { path: 'C:\\Users\\me' }],
  ['{"a":"He said "hi" to me"}', { a: 'He said "hi" to me' }],
];

for (const [sent, meant] of recovered) {
  test(`unambiguous arguments are repaired, however they are chunked: ${JSON.stringify(sent)}`, async () => {
    for (const length of [1, 4, 1000]) {
      const { deltas, completed, response } = await callWith(piecesOf(sent, length));
      assert.equal(response.status, 'completed');
      assert.equal(completed.length, 1);
      assert.deepEqual(JSON.parse(completed[0] ?? ''), meant);
      assert.equal(deltas.join(''), completed[0] === '{}' && deltas.length === 0 ? '' : completed[0]);
    }
  });
}

const unclear = [
  '{"city":"Os',
  '{"n":12',
  '{"a":[1,2',
  '{"a":',
  '{"a"',
  '{"city":"Oslo"}{"city":"Rome"}',
  'hello',
  '12',
  '"Oslo"',
  '[1]',
  '[{"a":1},{"a":2}]',
  '{"a":1} and more',
  `${'{"a":'.repeat(20_000)}`,
  `{"a":'${'x'.repeat(70_000)}'}`,
];

for (const sent of unclear) {
  test(`ambiguous arguments fail the response with a reason: ${JSON.stringify(sent.slice(0, 40))}`, async () => {
    const { completed, response } = await callWith(piecesOf(sent, 7));
    assert.deepEqual(completed, []);
    assert.equal(response.status, 'failed');
    assert.ok(response.status_details?.type === 'failed');
    assert.equal(response.status_details.error.code, 'language_model_failed');
    assert.match(
      response.status_details.error.message,
      /^The language model failed: it called the tool 'f' with arguments/,
    );
    assert.ok(response.status_details.error.message.length < 400);
    assert.equal(response.output[0]?.status, 'incomplete');
  });
}

test('valid arguments are forwarded as they arrive', async () => {
  const { deltas } = await callWith(['{"city":"Os', 'lo","days', '":[1,', '2]}']);
  assert.deepEqual(deltas, ['{"city":"Os', 'lo","days', '":[1', ',2]', '}']);
});

const mistakes: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `{}${text}`,
  (text) => text + text,
  (text) => `${text}}`,
  (text) => text.slice(0, -1),
  (text) => text.slice(0, Math.ceil(text.length / 2)),
  (text) => text.replaceAll('"', "'"),
  (text) => text.replaceAll(':', ' '),
  (text) => text.replaceAll('true', 'True'),
  (text) => text.replace(/}$/, ',}'),
  (text) => `\`\`\`json\n${text}\n\`\`\``,
  (text) => JSON.stringify(text),
];

test('property: a complete call is one JSON object that equals the sum of its well-formed deltas; otherwise the response fails', async () => {
  verifies('R3.11', 'R3.13');
  const objects = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  const sent = fc.oneof(
    fc.tuple(objects, fc.constantFrom(...mistakes)).map(([object, spoil]) => spoil(JSON.stringify(object))),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(fc.constantFrom('{', '}', '[', ']', '"', "'", ',', ':', '\\', '1', 'true', 'a', ' ', '\n'))
      .map((all) => all.join('')),
  );
  await fc.assert(
    fc.asyncProperty(sent, fc.integer({ min: 1, max: 9 }), async (text, length) => {
      const { deltas, completed, response } = await callWith(piecesOf(text, length));
      const [call] = response.output;
      assert.ok(call?.type === 'function_call');
      assert.equal(deltas.join('') || '{}', call.arguments || '{}');
      assert.ok(deltas.every((delta) => delta.isWellFormed()));
      if (response.status === 'failed') return assert.deepEqual(completed, []);
      assert.equal(response.status, 'completed');
      assert.deepEqual(completed, [call.arguments]);
      const value: unknown = JSON.parse(call.arguments);
      assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
    }),
    { numRuns: 400 },
  );
});

test('property: a valid object reaches the client unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 4 }),
      fc.integer({ min: 1, max: 9 }),
      async (object, length) => {
        const text = JSON.stringify(object, null, length % 3);
        const { completed } = await callWith(piecesOf(text, length));
        assert.deepEqual(completed, [text]);
      },
    ),
    { numRuns: 200 },
  );
});
