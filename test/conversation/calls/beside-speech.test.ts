/**
 * Calls after speech are announced when the model has made them, while the speech is still sent; and the next response.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { BetaClient, type Conversation, newConversation, update, updateTools } from '../../support/conversation.ts';
import { call, countTo, gate, hang, say, sayAloud, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const create = { type: 'response.create' };
const sentences = (count: number): ModelEvent[] => say(countTo(count)).slice(0, -1);

/** 40 sentences of half a second each, and then a call. */
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

test('a call is announced while the message before it is still spoken', async () => {
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

test('a call is announced early in the beta dialect too', async () => {
  const { client, session, engines } = newConversation({ outputLeadMs: 1000 });
  await client.say(updateTools('look_up'));
  const beta = new BetaClient(session);
  engines.languageModel.script = () => [...sentences(40), ...call('look_up', {})];
  await beta.say(create);
  assert.equal(beta.all('response.function_call_arguments.done').length, 1);
  assert.deepEqual(beta.all('response.audio.done'), []);
});

test('several calls of a speech-to-speech model, and calls between words, are announced early', async () => {
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

test('an interruption truncates the speech; an announced call stays complete', async () => {
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

test('a call that is cut off during speech is incomplete', async () => {
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

// ---- The next response ----

test('one response is queued while only audio remains; a second one is refused', async () => {
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

test('another response is refused until the model has finished', async () => {
  const { client, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = ({ signal }) => hang(signal, ...sentences(10));
  await client.say(create);
  await client.say(create);
  assert.equal(client.lastError().code, 'conversation_already_has_active_response');
});

test('an error of the queued response is sent to its client when it starts', async () => {
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
  test(`${what} also ends the queued response, and both get response.created and response.done`, async () => {
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

test('a cancel by id ends the active response, and the queued one starts', async () => {
  const { client, clock } = await speakingAndCalling();
  await client.say(create);
  await client.say({ type: 'response.cancel', response_id: client.last('response.created').response.id });
  await clock.advance(60_000);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.status),
    ['cancelled', 'completed'],
  );
});

test('a turn that ends meanwhile is answered once, by the queued response', async () => {
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

test('a session that closes drops the queued response', async () => {
  const { client, session, clock } = await speakingAndCalling();
  await client.say(create);
  const { opened, open } = gate();
  void session.ended.then(open);
  session.close({ code: 1000, reason: '' });
  await opened;
  await clock.advance(60_000);
  assert.equal(client.all('response.created').length, 1);
});
