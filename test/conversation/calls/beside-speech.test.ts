/** Calls behind spoken words: announced when the model has made them, while the words are spoken; and the response that follows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { BetaClient, type Conversation, newConversation, update, updateTools } from '../../support/conversation.ts';
import { call, countTo, gate, hang, say, sayAloud, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const create = { type: 'response.create' };
const sentences = (count: number): ModelEvent[] => say(countTo(count)).slice(0, -1);

/** Half a second for each of 40 sentences, and then a call. */
async function speakingAndCalling(
  events: ModelEvent[] = [...sentences(40), ...call('look_up', {})],
): Promise<Conversation> {
  const conversation = newConversation({ outputLeadMs: 1000 });
  await conversation.client.say(updateTools('look_up'));
  conversation.engines.languageModel.script = () => events;
  conversation.client.forget();
  await conversation.client.say({ ...create, event_id: 'first' });
  return conversation;
}

const output = (call_id: string) => ({
  type: 'conversation.item.create',
  item: { type: 'function_call_output', call_id, output: 'found' },
});

test('a call is announced beside the open message, before the words are spoken', async () => {
  verifies('R3.12');
  const { client, clock } = await speakingAndCalling();
  const done = client.last('response.function_call_arguments.done');
  assert.equal(done.output_index, 1);
  assert.deepEqual(client.all('response.output_audio.done'), [], 'the words are still spoken');
  assert.deepEqual(
    client.all('response.output_item.added').map(({ output_index, item }) => [output_index, item.type]),
    [
      [0, 'message'],
      [1, 'function_call'],
    ],
  );
  await clock.advance(30_000);
  assert.deepEqual(
    client.all('response.output_item.done').map(({ output_index }) => output_index),
    [1, 0],
  );
  const { response } = client.last('response.done');
  assert.deepEqual(
    [response.status, response.output.map(({ type }) => type)],
    ['completed', ['message', 'function_call']],
  );
  assert.equal(client.last('response.output_audio_transcript.done').transcript, countTo(40));
});

test('the same in the beta dialect', async () => {
  const { client, session, engines } = newConversation({ outputLeadMs: 1000 });
  await client.say(updateTools('look_up'));
  const beta = new BetaClient(session);
  engines.languageModel.script = () => [...sentences(40), ...call('look_up', {})];
  await beta.say(create);
  assert.equal(beta.all('response.function_call_arguments.done').length, 1);
  assert.deepEqual(beta.all('response.audio.done'), []);
});

test('so are calls of a model that speaks itself, several of them, and calls between words', async () => {
  const conversation = newConversation({ outputLeadMs: 1000 });
  const { client, clock, engines } = conversation;
  engines.languageModel.speaks = true;
  await client.say(updateTools('look_up'));
  engines.languageModel.script = () => [
    ...sayAloud(countTo(10)).slice(0, -1),
    ...call('look_up', { a: 1 }).slice(0, -1),
    ...call('look_up', { a: 2 }).slice(0, -1),
    ...sayAloud('And more.').slice(0, -1),
    ...call('look_up', { a: 3 }),
  ];
  await client.say(create);
  assert.equal(client.all('response.function_call_arguments.done').length, 3);
  assert.deepEqual(client.all('response.output_audio.done'), []);
  await clock.advance(30_000);
  const { output } = client.last('response.done').response;
  assert.deepEqual(
    output.map(({ type }) => type),
    ['message', 'function_call', 'function_call', 'function_call', 'message'],
  );
});

test('an interruption cuts the words; a call that was announced stays whole', async () => {
  const { client } = await speakingAndCalling();
  await client.speak(tone(320, 24_000));
  const { response } = client.last('response.done');
  assert.equal(response.status, 'cancelled');
  assert.deepEqual(
    response.output.map(({ type, status }) => [type, status]),
    [
      ['message', 'incomplete'],
      ['function_call', 'completed'],
    ],
  );
});

test('a call cut off while words are spoken is incomplete', async () => {
  const conversation = newConversation({ outputLeadMs: 1000 });
  const { client, engines } = conversation;
  await client.say(updateTools('look_up'));
  engines.languageModel.script = ({ signal }) =>
    hang<ModelEvent>(
      signal,
      ...sentences(10),
      { type: 'call', name: 'look_up' },
      { type: 'call_arguments', delta: '{"a":1' },
    );
  await client.say(create);
  await client.say({ type: 'response.cancel' });
  assert.deepEqual(client.all('response.function_call_arguments.done'), []);
  assert.ok(client.last('response.done').response.output.every(({ status }) => status === 'incomplete'));
});

// ---- The response that follows ----

test('one response waits while nothing but audio is left; a second one is refused', async () => {
  verifies('R8.11');
  const { client, clock, engines } = await speakingAndCalling();
  await client.say(output(client.last('response.function_call_arguments.done').call_id));
  engines.languageModel.script = () => say('Found it.');
  await client.say(create);
  assert.deepEqual(client.all('error'), []);
  assert.equal(client.all('response.created').length, 1);
  await client.say({ ...create, event_id: 'second' });
  const { error } = client.last('error');
  assert.deepEqual([error.code, error.event_id], ['conversation_already_has_active_response', 'second']);
  await clock.advance(30_000);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.status),
    ['completed', 'completed'],
  );
  const { items = [] } = engines.languageModel.requests.at(-1) ?? {};
  assert.deepEqual(
    items.map(({ type }) => type),
    ['message', 'call', 'call_output'],
  );
});

test('while the model has not ended, another response is refused', async () => {
  const { client, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = ({ signal }) => hang(signal, ...sentences(10));
  await client.say(create);
  await client.say(create);
  assert.equal(client.lastError().code, 'conversation_already_has_active_response');
});

test('what is wrong with the response that waits is told when it starts, to the one who asked', async () => {
  const { client, clock } = await speakingAndCalling();
  const tool_choice = { type: 'function', name: 'unknown' };
  await client.say({ ...create, event_id: 'wrong', response: { tool_choice } });
  await clock.advance(30_000);
  assert.equal(client.lastError().event_id, 'wrong');
  assert.equal(client.all('response.done').length, 1);
});

for (const [what, stop, reason] of [
  ['an interruption', (client: Conversation['client']) => client.speak(tone(320, 24_000)), 'turn_detected'],
  ['a cancel', (client: Conversation['client']) => client.say({ type: 'response.cancel' }), 'client_cancelled'],
] as const) {
  test(`${what} ends the response that waits, too, and both are announced and done`, async () => {
    const { client, clock, engines } = await speakingAndCalling();
    await client.say(create);
    const asked = engines.languageModel.requests.length;
    await stop(client);
    await clock.advance(1000);
    assert.equal(client.all('response.created').length, 2);
    const details = client.all('response.done').map(({ response }) => response.status_details);
    assert.deepEqual(details, [
      { type: 'cancelled', reason },
      { type: 'cancelled', reason },
    ]);
    assert.equal(engines.languageModel.requests.length, asked);
  });
}

test('a cancel by id ends the active response, and the one that waits follows', async () => {
  const { client, clock } = await speakingAndCalling();
  await client.say(create);
  await client.say({ type: 'response.cancel', response_id: client.last('response.created').response.id });
  await clock.advance(60_000);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.status),
    ['cancelled', 'completed'],
  );
});

test('a turn that ends meanwhile is answered with the response that waits, once', async () => {
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  await client.say(updateTools('look_up'));
  await client.say(update({ audio: { input: { turn_detection: { type: 'server_vad', interrupt_response: false } } } }));
  engines.languageModel.script = () => [...sentences(40), ...call('look_up', {})];
  await client.say(create);
  engines.languageModel.script = () => say('Yes.');
  await client.say(create);
  await client.speak(tone(320, 24_000));
  await client.speak(silence(700, 24_000));
  await clock.advance(60_000);
  assert.equal(client.all('response.done').length, 2);
});

test('a session that closes forgets the response that waits', async () => {
  const { client, session, clock } = await speakingAndCalling();
  await client.say(create);
  const { opened, open } = gate();
  void session.ended.then(open);
  session.close({ code: 1000, reason: '' });
  await opened;
  await clock.advance(60_000);
  assert.equal(client.all('response.created').length, 1);
});
