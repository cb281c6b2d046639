/** Tool calls in the context of later responses: a truncated call did not run, and each output follows its call. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { type Conversation, newConversation, update, updateTools, userText } from '../../support/conversation.ts';
import { hang, say, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const textResponse = { type: 'response.create', response: { output_modalities: ['text'] } };

async function withTool(): Promise<Conversation> {
  const conversation = newConversation();
  await conversation.client.say(updateTools('pay'));
  await conversation.client.say(userText('Pay.'));
  return conversation;
}

const half: ModelEvent[] = [
  { type: 'call', name: 'pay', callId: 'p' },
  { type: 'call_arguments', delta: '{"amount":1' },
];

/** The cause of the truncation of a call. */
const cuts: Readonly<Record<string, (conversation: Conversation) => Promise<void>>> = {
  'a cancel': async ({ client, engines }) => {
    engines.languageModel.script = ({ signal }) => hang(signal, ...half);
    await client.say(textResponse);
    await client.say({ type: 'response.cancel' });
  },
  'an interruption': async ({ client, engines }) => {
    engines.languageModel.script = ({ signal }) => hang(signal, ...half);
    await client.say(textResponse);
    engines.transcriber.hear = () => '';
    await client.speak(tone(320, 24_000));
    await client.speak(silence(700, 24_000));
  },
  "the model's limit": async ({ client, engines }) => {
    engines.languageModel.script = () => [...half, { type: 'finish', reason: 'length' }];
    await client.say(textResponse);
  },
  max_output_tokens: async ({ client, engines }) => {
    engines.languageModel.script = () => [
      ...half,
      { type: 'call_arguments', delta: ', "to": "somebody with a long name"}' },
      { type: 'call_end' },
      { type: 'finish', reason: 'stop' },
    ];
    await client.say({ type: 'response.create', response: { ...textResponse.response, max_output_tokens: 8 } });
  },
  'a failure': async ({ client, engines }) => {
    engines.languageModel.script = async function* () {
      yield* half;
      throw new Error('connection reset');
    };
    await client.say(textResponse);
  },
};

for (const [cause, cut] of Object.entries(cuts)) {
  test(`a call cut off by ${cause} is marked in the context as not executed`, async () => {
    verifies('R3.13');
    const conversation = await withTool();
    const { client, engines } = conversation;
    await cut(conversation);
    assert.deepEqual(client.all('response.function_call_arguments.done'), []);
    assert.equal(client.last('response.done').response.output.at(-1)?.status, 'incomplete');
    engines.languageModel.script = () => say('Fine.');
    await client.say(userText('Did you?'));
    await client.say(textResponse);
    const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
    assert.deepEqual(
      items.filter(({ type }) => type !== 'message'),
      [],
      'neither a call nor a result',
    );
    const outputs = items.flatMap((item) =>
      item.type === 'message' && item.role === 'system'
        ? item.content.map((part) => part.type === 'text' && part.text)
        : [],
    );
    assert.deepEqual(outputs, [
      "The assistant began to call the function 'pay' and was cut off before the call was complete. The function was not run.",
    ]);
  });
}

test('an output in the input of a response requires its call there, inline or by reference, before or after it', async () => {
  verifies('R8.2');
  const { client, engines } = await withTool();
  engines.languageModel.script = () => [
    ...half,
    { type: 'call_arguments', delta: '}' },
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(textResponse);
  const [made] = client.last('response.done').response.output;
  assert.ok(made?.type === 'function_call' && made.call_id !== undefined);
  engines.languageModel.script = () => say('Paid.');
  const output = { type: 'function_call_output', call_id: made.call_id, output: 'done' };
  const reference = { type: 'item_reference', id: made.id };
  const given = { type: 'function_call', call_id: 'mine', name: 'pay', arguments: '{}' };
  const asks = (input: object[]) =>
    client.say({ type: 'response.create', event_id: 'mine', response: { ...textResponse.response, input } });

  const requests = engines.languageModel.requests.length;
  for (const [input, at] of [
    [[output], 0],
    [[given, output], 1],
    [[{ ...output, call_id: 'call_of_nobody' }], 0],
  ] as const) {
    await asks([...input]);
    const { error } = client.last('error');
    assert.deepEqual(
      [error.code, error.param, error.event_id],
      ['invalid_tool_call_id', `response.input[${at}].call_id`, 'mine'],
    );
    assert.match(error.message, /^Tool call ID '\w+' not found in 'response\.input'.*item_reference/);
  }
  assert.equal(engines.languageModel.requests.length, requests);
  client.forget();
  for (const input of [
    [reference, output],
    [output, reference],
    [given, { ...output, call_id: 'mine' }],
  ]) {
    await asks(input);
    assert.equal(client.last('response.done').response.status, 'completed');
    const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
    assert.deepEqual(items.map(({ type }) => type).sort(), ['call', 'call_output']);
  }
  assert.deepEqual(client.all('error'), []);
});

test('complete calls in parallel with an incomplete one stay calls', async () => {
  const { client, engines } = await withTool();
  engines.languageModel.script = () => [
    ...half,
    { type: 'call_arguments', delta: '}' },
    { type: 'call_end' },
    ...half,
    { type: 'finish', reason: 'length' },
  ];
  await client.say(update({ output_modalities: ['text'] }));
  await client.say({ type: 'response.create' });
  assert.equal(client.all('response.function_call_arguments.done').length, 1);
  engines.languageModel.script = () => say('Fine.');
  await client.say({ type: 'response.create' });
  const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
  assert.deepEqual(
    items.map((item) => (item.type === 'message' ? item.role : item.type)),
    ['user', 'call', 'system'],
  );
});
