/** The parameters of one `response.create`, and responses outside the conversation. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { audioOf, newConversation, update } from '../../support/conversation.ts';
import { hang, say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { create, inText, message, respond } from './support.ts';

test('overrides apply to one response, reach the engines, and leave the session unchanged', async () => {
  verifies(
    'R3.30',
    'R3.43',
    'R4.4',
    'ga.client.response.create',
    'ga.server.response.created',
    'ga.server.response.done',
  );
  const { client, clock, engines } = newConversation();
  const tools = [{ type: 'function', name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }];
  await client.say(update({ instructions: 'Be long.' }));
  await client.say(
    respond({
      instructions: 'Be brief.',
      tools,
      tool_choice: { type: 'function', name: 'look_up' },
      parallel_tool_calls: false,
      max_output_tokens: 99,
      output_modalities: ['audio'],
      audio: { output: { format: { type: 'audio/pcmu' }, voice: 'marin' } },
      metadata: { purpose: 'test' },
      reasoning: { effort: 'low' },
    }),
  );
  await clock.advance(10_000);
  const [request] = engines.languageModel.requests;
  assert.ok(request);
  assert.deepEqual(
    [request.instructions, request.toolChoice, request.parallelToolCalls, request.maxOutputTokens],
    ['Be brief.', { name: 'look_up' }, false, 99],
  );
  assert.deepEqual(request.tools, [{ name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }]);
  assert.deepEqual([request.reasoningEffort, request.spoken], ['low', true]);
  assert.equal(engines.voice.spoken[0]?.voice, 'marin');
  for (const type of ['response.created', 'response.done'] as const) {
    const { response } = client.last(type);
    assert.deepEqual(response.metadata, { purpose: 'test' });
    assert.deepEqual(response.audio.output, { format: { type: 'audio/pcmu' }, voice: 'marin' });
    assert.deepEqual([response.max_output_tokens, response.output_modalities], [99, ['audio']]);
    assert.ok(response.conversation_id);
  }
  const answer = client.last('response.done').response.output[0];
  const sent = Buffer.concat(
    client.all('response.output_audio.delta').map((event) => Buffer.from(event.delta, 'base64')),
  );
  assert.equal(sent.length, 5 * 250 * 8);
  assert.deepEqual(audioOf(await client.retrieve(answer?.id ?? '')), sent, 'retrieved in the format it was sent in');

  await client.say(inText());
  const second = engines.languageModel.requests[1];
  assert.deepEqual(
    [second?.instructions, second?.tools, second?.toolChoice, second?.spoken],
    ['Be long.', [], 'auto', false],
  );
  assert.equal(client.last('response.created').response.metadata, null);
});

for (const [finish, reason] of [
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
] as const) {
  test(`a model that stops for ${reason}: the response is incomplete`, async () => {
    verifies('R3.33', 'R3.41');
    const { client, engines } = newConversation();
    engines.languageModel.script = () => [
      { type: 'text', text: 'Once upon' },
      { type: 'finish', reason: finish, usage: { inputTokens: 7, outputTokens: 3, cachedInputTokens: 2 } },
    ];
    await client.say(inText({ max_output_tokens: 3 }));
    const { response } = client.last('response.done');
    assert.equal(response.status, 'incomplete');
    assert.deepEqual(response.status_details, { type: 'incomplete', reason });
    assert.equal(response.output[0]?.status, 'incomplete');
    const { usage } = response;
    assert.ok(usage);
    assert.deepEqual(
      [usage.input_tokens, usage.output_tokens, usage.total_tokens],
      [7, 3, 10],
      "the model's own figures",
    );
    assert.equal(usage.input_token_details.cached_tokens, 2);
  });
}

test('usage of a voice turn: one token per 100 ms of user audio or 50 ms of assistant audio', async () => {
  verifies('R3.33');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say('One two three four.');
  await client.say(update({ audio: { input: { turn_detection: null } } }));
  await client.speak(tone(2000, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say(respond());
  await clock.advance(5000);
  const first = client.last('response.done').response.usage;
  assert.deepEqual(
    [first?.input_token_details.audio_tokens, first?.output_token_details.audio_tokens],
    [2000 / 100, 1000 / 50],
  );
  await client.say(inText());
  assert.equal(client.last('response.done').response.usage?.input_token_details.audio_tokens, 2000 / 100 + 1000 / 50);
});

// ---- Out of band ----

test('an out-of-band response: no conversation events, no conversation id, and the specified context', async () => {
  verifies('R3.14', 'R3.16', 'R4.4');
  const { client, engines } = newConversation();
  await client.say(create('First.', 'a'));
  await client.say(create('Second.', 'b'));
  client.forget();
  const input = [message('Raw.'), { type: 'item_reference', id: 'a' }];
  await client.say(inText({ conversation: 'none', input, metadata: { topic: 'x' } }));
  await client.say(inText({ conversation: 'none', input: [] }));
  await client.say(inText({ conversation: 'none' }));
  assert.deepEqual(
    client.types().filter((type) => type.startsWith('conversation.')),
    [],
  );
  for (const { response } of client.all('response.created')) assert.equal(response.conversation_id, null);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.metadata),
    [{ topic: 'x' }, null, null],
  );
  const texts = engines.languageModel.requests.map(({ items }) =>
    items.map((item) => item.type === 'message' && item.content[0]?.type === 'text' && item.content[0].text),
  );
  assert.deepEqual(texts, [['Raw.', 'First.'], [], ['First.', 'Second.']]);
  const made = client.last('response.output_item.done').item;
  await client.say({ type: 'conversation.item.retrieve', item_id: made.id });
  assert.equal(client.lastError().code, 'item_retrieve_invalid_item_id');
});

test('audio in the input of a response is transcribed for it, without events', async () => {
  verifies('R3.16');
  const { client, engines } = newConversation();
  await client.say(update({ audio: { input: { transcription: {} } } }));
  client.forget();
  const audio = Buffer.from(tone(500, 24000).buffer).toString('base64');
  await client.say(
    inText({
      conversation: 'none',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] }],
    }),
  );
  assert.deepEqual(engines.languageModel.requests[0]?.items, [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'hello there' }] },
  ]);
  assert.ok(client.events.every((event) => event.type.startsWith('response.') || event.type === 'rate_limits.updated'));
});

test('several out-of-band responses run beside the active one, each cancelled by its id; their number is bounded', async () => {
  verifies('R3.15', 'R3.18', 'R5.56');
  const { client, engines } = newConversation({ limits: { outOfBandResponses: 2 } });
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well ' });
  await client.say(inText());
  await client.say(inText({ conversation: 'none' }));
  await client.say(inText({ conversation: 'none' }));
  const [inside, first, second] = client.all('response.created').map(({ response }) => response.id);
  assert.equal(client.all('response.output_text.delta').length, 3);
  await client.say(inText({ conversation: 'none' }));
  assert.equal(client.lastError().code, 'too_many_active_responses');
  await client.say({ type: 'response.cancel', response_id: second });
  await client.say({ type: 'response.cancel' });
  const done = client.all('response.done').map(({ response }) => [response.id, response.status]);
  assert.deepEqual(done, [
    [second, 'cancelled'],
    [inside, 'cancelled'],
  ]);
  await client.say({ type: 'response.cancel' });
  assert.equal(
    client.lastError().code,
    'response_cancel_not_active',
    'without an id: only the one in the conversation',
  );
  await client.say({ type: 'response.cancel', response_id: first });
  assert.equal(client.last('response.done').response.id, first);
});

test('speech interrupts the response in the conversation, but not out-of-band responses', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.say(respond({ conversation: 'none' }));
  await client.say(respond());
  await client.speak(tone(320, 24000));
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.id),
    [client.last('response.created').response.id],
  );
});

test('a response with tool_choice for an undeclared function is refused', async () => {
  const { client, engines } = newConversation();
  const tool_choice = { type: 'function', name: 'pay' };
  await client.say({ type: 'response.create', response: { tool_choice } });
  assert.deepEqual(
    [client.lastError().code, client.lastError().param, client.lastError().message],
    ['invalid_value', 'response.tool_choice', "Tool choice 'pay' not found in 'tools' parameter."],
  );
  assert.deepEqual(client.all('response.created'), []);
  await client.say({ type: 'response.create', response: { tool_choice, tools: [{ type: 'function', name: 'pay' }] } });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.toolChoice, { name: 'pay' });
});
