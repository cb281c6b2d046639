/** Turns and responses in the beta dialect (docs/protocol.md §6). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { call, hang, say, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { create, newBetaConversation, respond, update, userText } from './support.ts';

const question = concatSamples([silence(400, 24000), tone(1200, 24000), silence(700, 24000)]);

const inText = respond({ modalities: ['text'] });

// ---- Turns ----

test('a text turn: one event per new item, and the short names', async () => {
  verifies('R6.10', 'R6.11', 'R6.12', 'R6.13', 'R6.18', 'beta.client.conversation.item.create');
  verifies(
    'beta.client.response.create',
    'beta.server.conversation.item.created',
    'beta.server.response.created',
    'beta.server.response.output_item.added',
    'beta.server.response.content_part.added',
    'beta.server.response.text.delta',
    'beta.server.response.text.done',
    'beta.server.response.content_part.done',
    'beta.server.response.output_item.done',
    'beta.server.response.done',
    'beta.server.rate_limits.updated',
  );
  const { beta } = newBetaConversation();
  beta.forget();
  await beta.say(userText('How are you?'));
  await beta.say(inText);
  assert.deepEqual(beta.types(), [
    'conversation.item.created',
    'response.created',
    'response.output_item.added',
    'conversation.item.created',
    'response.content_part.added',
    'response.text.delta',
    'response.text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const text = 'Fine, thank you. And you?';
  const [mine, theirs] = beta.all('conversation.item.created');
  assert.equal(mine?.previous_item_id, null);
  assert.deepEqual(mine?.item, {
    id: 'mine',
    object: 'realtime.item',
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_text', text: 'How are you?' }],
  });
  assert.equal(theirs?.previous_item_id, 'mine');
  const { response: created } = beta.last('response.created');
  assert.deepEqual([created.status, created.output, created.usage], ['in_progress', [], null]);
  const at = { response_id: created.id, item_id: theirs?.item.id, output_index: 0, content_index: 0 };
  const rest = ({ event_id: _own, type: _known, ...fields }: { event_id: string; type: string }) => fields;
  assert.deepEqual(rest(beta.last('response.content_part.added')), { ...at, part: { type: 'text', text: '' } });
  assert.deepEqual(rest(beta.last('response.content_part.done')), { ...at, part: { type: 'text', text } });
  assert.deepEqual(rest(beta.last('response.text.done')), { ...at, text });
  const deltas = beta.all('response.text.delta');
  for (const delta of deltas) assert.deepEqual(rest(delta), { ...at, delta: delta.delta });
  assert.equal(deltas.map(({ delta }) => delta).join(''), text);
  const added = beta.last('response.output_item.added');
  assert.deepEqual([added.response_id, added.output_index, added.item.status], [created.id, 0, 'in_progress']);
  const done = beta.last('response.output_item.done');
  assert.deepEqual([done.response_id, done.output_index], [created.id, 0]);
  assert.deepEqual(done.item.content, [{ type: 'text', text }]);
  const { response } = beta.last('response.done');
  assert.equal(response.id, created.id);
  assert.deepEqual(response.output, [done.item]);
  assert.deepEqual(
    [response.modalities, response.voice, response.output_audio_format, response.temperature],
    [['text'], 'alloy', 'pcm16', 0.8],
  );
  assert.ok(response.usage);
  assert.doesNotMatch(JSON.stringify(response.usage), /image/);
  assert.ok(Array.isArray(beta.last('rate_limits.updated').rate_limits));
});

test('a voice turn with transcription, in beta names', async () => {
  verifies(
    'R6.11',
    'R6.13',
    'beta.client.input_audio_buffer.append',
    'beta.server.input_audio_buffer.speech_started',
    'beta.server.input_audio_buffer.speech_stopped',
    'beta.server.input_audio_buffer.committed',
    'beta.server.conversation.item.input_audio_transcription.delta',
    'beta.server.conversation.item.input_audio_transcription.completed',
    'beta.server.response.audio.delta',
    'beta.server.response.audio.done',
    'beta.server.response.audio_transcript.delta',
    'beta.server.response.audio_transcript.done',
  );
  const { beta, clock } = newBetaConversation();
  await beta.say(update({ input_audio_transcription: { model: 'whisper-1' } }));
  beta.forget();
  await beta.speak(question);
  await clock.advance(10_000);
  const floating = 'conversation.item.input_audio_transcription.';
  assert.deepEqual(
    beta.types().filter((type) => !type.startsWith(floating)),
    [
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.created',
      'response.created',
      'response.output_item.added',
      'conversation.item.created',
      'response.content_part.added',
      'response.audio_transcript.delta',
      'response.audio.delta',
      'response.audio_transcript.delta',
      'response.audio.delta',
      'response.audio.done',
      'response.audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ],
  );
  const [user, assistant] = beta.all('conversation.item.created');
  const item_id = user?.item.id;
  const started = beta.last('input_audio_buffer.speech_started');
  assert.deepEqual([started.audio_start_ms, started.item_id], [384 - 300, item_id]);
  const stopped = beta.last('input_audio_buffer.speech_stopped');
  assert.deepEqual([stopped.audio_end_ms, stopped.item_id], [1600 + 500, item_id]);
  const committed = beta.last('input_audio_buffer.committed');
  assert.deepEqual([committed.previous_item_id, committed.item_id], [null, item_id]);
  const heard = beta.last('conversation.item.input_audio_transcription.completed');
  assert.deepEqual([heard.item_id, heard.content_index, heard.transcript], [item_id, 0, 'hello there']);
  const heardDeltas = beta.all('conversation.item.input_audio_transcription.delta');
  assert.equal(heardDeltas.map(({ delta }) => delta).join(''), heard.transcript);
  for (const delta of heardDeltas) assert.deepEqual([delta.item_id, delta.content_index], [item_id, 0]);

  const { response } = beta.last('response.done');
  assert.deepEqual([response.modalities, response.output_audio_format], [['text', 'audio'], 'pcm16']);
  const text = 'Fine, thank you. And you?';
  assert.deepEqual(response.output?.[0]?.content, [{ type: 'audio', transcript: text }]);
  const at = [response.id, assistant?.item.id, 0, 0];
  for (const type of [
    'response.audio_transcript.delta',
    'response.audio.delta',
    'response.audio.done',
    'response.audio_transcript.done',
  ] as const) {
    for (const event of beta.all(type)) {
      assert.deepEqual([event.response_id, event.item_id, event.output_index, event.content_index], at);
    }
  }
  assert.equal(beta.last('response.audio_transcript.done').transcript, text);
  const words = beta.all('response.audio_transcript.delta').map(({ delta }) => delta);
  assert.equal(words.join(''), text);
  const bytes = beta.all('response.audio.delta').map(({ delta }) => Buffer.from(delta, 'base64').length);
  assert.equal(
    bytes.reduce((sum, count) => sum + count, 0),
    5 * 250 * 48,
  );
});

test('a function call, whose done event does not repeat the name', async () => {
  verifies(
    'R6.14',
    'beta.server.response.function_call_arguments.delta',
    'beta.server.response.function_call_arguments.done',
  );
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = () => call('look_up', { city: 'Paris' });
  await beta.say({ type: 'session.update', session: { tools: [{ type: 'function', name: 'look_up' }] } });
  beta.forget();
  await beta.say(inText);
  assert.deepEqual(beta.types(), [
    'response.created',
    'response.output_item.added',
    'conversation.item.created',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { item } = beta.last('response.output_item.added');
  assert.deepEqual(
    [item.type, item.status, item.name, item.arguments],
    ['function_call', 'in_progress', 'look_up', ''],
  );
  const { response_id } = beta.last('response.output_item.added');
  const at = { response_id, item_id: item.id, output_index: 0, call_id: item.call_id };
  const { event_id: _own, type: _known, ...done } = beta.last('response.function_call_arguments.done');
  assert.deepEqual(done, { ...at, arguments: '{"city":"Paris"}' });
  const deltas = beta.all('response.function_call_arguments.delta');
  for (const { event_id: _id, type: _type, delta, ...rest } of deltas) assert.deepEqual(rest, at);
  assert.equal(deltas.map(({ delta }) => delta).join(''), '{"city":"Paris"}');

  engines.languageModel.script = () => say('It is sunny.');
  await beta.say(create({ type: 'function_call_output', call_id: item.call_id, output: 'sunny' }));
  await beta.say(inText);
  assert.equal(beta.last('response.text.done').text, 'It is sunny.');
});

test('overrides of a response, in beta names', async () => {
  verifies('R6.3', 'R6.4', 'R6.5', 'R6.7', 'R6.8', 'R6.13', 'beta.client.response.create');
  const { beta, clock, engines } = newBetaConversation();
  const own = { modalities: ['text', 'audio'], voice: 'marin', output_audio_format: 'g711_ulaw', temperature: 1.1 };
  for (const tokens of [{ max_output_tokens: 77 }, { max_response_output_tokens: 77 }]) {
    await beta.say(respond({ ...own, ...tokens, instructions: 'Be brief.', metadata: { a: 'b' } }));
    await clock.advance(10_000);
    const request = engines.languageModel.requests.at(-1);
    assert.deepEqual([request?.temperature, request?.maxOutputTokens, request?.spoken], [1.1, 77, true]);
    for (const type of ['response.created', 'response.done'] as const) {
      const { response } = beta.last(type);
      assert.deepEqual(
        [response.modalities, response.voice, response.output_audio_format, response.temperature, response.metadata],
        [['text', 'audio'], 'marin', 'g711_ulaw', 1.1, { a: 'b' }],
      );
    }
  }
  assert.equal(engines.voice.spoken.at(-1)?.voice, 'marin');
});

test('a cancelled response ends with its output so far', async () => {
  verifies('beta.client.response.cancel', 'beta.server.response.done');
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well,' });
  await beta.say(inText);
  beta.forget();
  await beta.say({ type: 'response.cancel' });
  assert.deepEqual(beta.types(), [
    'response.text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { response } = beta.last('response.done');
  assert.deepEqual([response.status, response.status_details?.reason], ['cancelled', 'client_cancelled']);
  assert.ok(response.usage);
  assert.deepEqual(response.output?.[0]?.content, [{ type: 'text', text: 'Well,' }]);
});
