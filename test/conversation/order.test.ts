/** The order of events: docs/protocol.md §3 (a)–(f), by the official document's event names. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { newConversation, update, updateTools, userText } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { call, gate, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const question = concatSamples([silence(400, 24000), tone(1200, 24000), silence(700, 24000)]);

test('a text turn', async () => {
  verifies(
    'R3.1',
    'R3.2',
    'R4.2',
    'ga.client.session.update',
    'ga.client.conversation.item.create',
    'ga.client.response.create',
    'ga.server.conversation.item.added',
    'ga.server.conversation.item.done',
    'ga.server.response.created',
    'ga.server.response.output_item.added',
    'ga.server.response.content_part.added',
    'ga.server.response.output_text.delta',
    'ga.server.response.output_text.done',
    'ga.server.response.content_part.done',
    'ga.server.response.output_item.done',
    'ga.server.response.done',
    'ga.server.rate_limits.updated',
  );
  const { client } = newConversation();
  await client.say(update({ output_modalities: ['text'] }));
  client.forget();
  await client.say(userText('How are you?'));
  await client.say({ type: 'response.create' });

  assert.deepEqual(client.types(), [
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { response: created } = client.last('response.created');
  assert.equal(created.status, 'in_progress');
  assert.deepEqual([created.output, created.usage, created.metadata], [[], null, null]);
  const added = client.last('response.output_item.added').item;
  assert.equal(added.status, 'in_progress');
  assert.deepEqual(added.type === 'message' && added.content, []);
  assert.deepEqual(client.last('response.content_part.added').part, { type: 'text', text: '' });
  const text = 'Fine, thank you. And you?';
  assert.equal(
    client
      .all('response.output_text.delta')
      .map((event) => event.delta)
      .join(''),
    text,
  );
  assert.equal(client.last('response.output_text.done').text, text);
  const { response } = client.last('response.done');
  assert.equal(response.status, 'completed');
  assert.equal(response.id, created.id);
  assert.deepEqual(response.output[0]?.type === 'message' && response.output[0].content, [
    { type: 'output_text', text },
  ]);
  assert.equal(
    response.usage?.total_tokens,
    response.usage && response.usage.input_tokens + response.usage.output_tokens,
  );
});

test('a voice turn with server_vad', async () => {
  verifies(
    'R3.4',
    'R3.5',
    'R3.6',
    'R3.7',
    'R4.5',
    'R4.7',
    'ga.client.input_audio_buffer.append',
    'ga.server.input_audio_buffer.speech_started',
    'ga.server.input_audio_buffer.speech_stopped',
    'ga.server.input_audio_buffer.committed',
    'ga.server.response.output_audio_transcript.delta',
    'ga.server.response.output_audio_transcript.done',
    'ga.server.response.output_audio.delta',
    'ga.server.response.output_audio.done',
  );
  const { client, clock } = newConversation();
  await client.speak(question);
  await clock.advance(5000);

  assert.deepEqual(client.types().slice(1), [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    'response.output_audio_transcript.delta',
    'response.output_audio.delta',
    'response.output_audio_transcript.delta',
    'response.output_audio.delta',
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const started = client.last('input_audio_buffer.speech_started');
  const stopped = client.last('input_audio_buffer.speech_stopped');
  // Speech lasts from 400 to 1600 ms: frames of 32 ms, 300 ms of padding before and 500 ms of silence after it.
  assert.equal(started.audio_start_ms, 384 - 300);
  assert.equal(stopped.audio_end_ms, 1600 + 500);
  const committed = client.last('input_audio_buffer.committed');
  assert.deepEqual([started.item_id, stopped.item_id], [committed.item_id, committed.item_id]);
  assert.equal(committed.previous_item_id, null);
  const [user, assistant] = client.all('conversation.item.added');
  assert.deepEqual(user?.item.type === 'message' && user.item.content, [{ type: 'input_audio', transcript: null }]);
  assert.equal(assistant?.previous_item_id, committed.item_id);
});

test('transcription events are sent if configured, and their deltas add up', async () => {
  verifies(
    'R3.9',
    'ga.server.conversation.item.input_audio_transcription.delta',
    'ga.server.conversation.item.input_audio_transcription.completed',
  );
  const { client, engines } = newConversation();
  engines.transcriber.hear = () => 'What is the time?';
  await client.say(update({ audio: { input: { transcription: { model: 'whisper-1' } } } }));
  await client.speak(question);

  const completed = client.last('conversation.item.input_audio_transcription.completed');
  assert.equal(completed.transcript, 'What is the time?');
  assert.equal(completed.item_id, client.last('input_audio_buffer.committed').item_id);
  const deltas = client.all('conversation.item.input_audio_transcription.delta');
  assert.ok(deltas.length > 1);
  assert.equal(deltas.map((event) => event.delta).join(''), completed.transcript);
  assert.equal(completed.usage.type, 'duration');
});

test('a function call', async () => {
  verifies(
    'R3.10',
    'R3.11',
    'R4.9',
    'ga.server.response.function_call_arguments.delta',
    'ga.server.response.function_call_arguments.done',
  );
  const { client, engines } = newConversation();
  engines.languageModel.script = () => call('get_weather', { city: 'Paris' });
  await client.say(updateTools('get_weather'));
  await client.say(userText('The weather in Paris?'));
  client.forget();
  await client.say({ type: 'response.create' });

  assert.deepEqual(client.types(), [
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { item } = client.last('response.output_item.added');
  assert.ok(item.type === 'function_call');
  assert.deepEqual([item.status, item.arguments, item.name], ['in_progress', '', 'get_weather']);
  const done = client.last('response.function_call_arguments.done');
  assert.deepEqual([done.call_id, done.name, done.arguments], [item.call_id, 'get_weather', '{"city":"Paris"}']);
  assert.equal(client.last('response.output_item.done').item.status, 'completed');

  engines.languageModel.script = () => say('It is sunny.');
  await client.say({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id: item.call_id, output: 'sunny' },
  });
  await client.say({ type: 'response.create' });
  const request = engines.languageModel.requests.at(-1);
  assert.deepEqual(
    request?.items.map((each) => each.type),
    ['message', 'call', 'call_output'],
  );
});

test('a message before a function call has its own output index', async () => {
  verifies('R3.12');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => [...say('One moment.').slice(0, -1), ...call('look_up', {})];
  await client.say(updateTools('look_up'));
  await client.say(update({ output_modalities: ['text'] }));
  await client.say({ type: 'response.create' });
  assert.deepEqual(
    client.all('response.output_item.done').map((event) => [event.output_index, event.item.type]),
    [
      [0, 'message'],
      [1, 'function_call'],
    ],
  );
  assert.equal(client.last('response.function_call_arguments.done').arguments, '{}');
});

test('a cancelled response: every open part gets its done event, the item is incomplete, usage is present', async () => {
  verifies('R3.17', 'R4.12', 'ga.client.response.cancel');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say('One two three four five six seven eight. '.repeat(5));
  await client.say({ type: 'response.create' });
  client.forget();
  await client.say({ type: 'response.cancel', event_id: 'c1' });

  assert.deepEqual(client.types(), [
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, { type: 'cancelled', reason: 'client_cancelled' });
  assert.equal(client.last('response.output_item.done').item.status, 'incomplete');
  assert.ok(response.usage && response.usage.output_token_details.audio_tokens > 0);
  await clock.advance(60_000);
  assert.equal(client.events.at(-1)?.type, 'rate_limits.updated', 'nothing of it is sent afterwards');
});

test('a cancel inside a call: no arguments.done', async () => {
  verifies('R3.13');
  const { client, engines } = newConversation();
  const { opened } = gate();
  engines.languageModel.script = async function* () {
    yield { type: 'call', name: 'pay' };
    yield { type: 'call_arguments', delta: '{"amount":' };
    await opened;
  };
  await client.say(updateTools('pay'));
  await client.say({ type: 'response.create' });
  await client.say({ type: 'response.cancel' });
  assert.deepEqual(client.all('response.function_call_arguments.done'), []);
  assert.equal(client.last('response.output_item.done').item.status, 'incomplete');
  assert.equal(client.last('response.done').response.status, 'cancelled');
});

test('barge-in: the response is cancelled, and the client can truncate during the response or after it', async () => {
  verifies(
    'R3.19',
    'R3.20',
    'R3.21',
    'ga.client.conversation.item.truncate',
    'ga.client.conversation.item.retrieve',
    'ga.server.conversation.item.truncated',
    'ga.server.conversation.item.retrieved',
  );
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say('One two three four five six seven eight. '.repeat(5));
  await client.speak(question);
  await clock.advance(1000);
  const { item_id } = client.last('response.output_audio.delta');
  assert.equal(client.all('response.done').length, 0, 'audio is paced: the answer still runs');
  client.forget();
  await client.speak(tone(200, 24000));

  assert.deepEqual(client.types().slice(0, 2), ['input_audio_buffer.speech_started', 'response.output_audio.done']);
  assert.deepEqual(client.last('response.done').response.status_details, {
    type: 'cancelled',
    reason: 'turn_detected',
  });
  await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 900 });
  assert.deepEqual(client.all('error'), []);
  assert.equal(client.last('conversation.item.truncated').audio_end_ms, 900);
  await client.say({ type: 'conversation.item.retrieve', item_id });
  const { item } = client.last('conversation.item.retrieved');
  assert.ok(item.type === 'message' && item.content[0]?.type === 'output_audio');
  // 250 ms per word: the fourth word was being spoken at 900 ms.
  assert.equal(item.content[0].transcript, 'One two three four');
  assert.equal(Buffer.from(item.content[0].audio ?? '', 'base64').length, 900 * 24 * 2);
});

test('the context has the text of spoken turns, and only the played part of a response', async () => {
  verifies('R3.21', 'R3.45');
  const { client, clock, engines } = newConversation();
  engines.transcriber.hear = () => 'count for me';
  engines.languageModel.script = () => say('One two three four five six seven eight.');
  await client.speak(question);
  await settle();
  const { item_id } = client.last('response.output_audio.delta');
  await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 300 });
  await clock.advance(10_000);
  await client.say({ type: 'response.create' });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.items, [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'count for me' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'One two' }] },
  ]);
});
