/** Input audio, transcription and items in the beta dialect (docs/protocol.md §6). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { create, newBetaConversation, respond, update } from './support.ts';

test('manual audio: cleared, committed, transcribed, and a failed transcription', async () => {
  verifies(
    'beta.server.conversation.item.input_audio_transcription.delta',
    'beta.server.conversation.item.input_audio_transcription.completed',
    'beta.client.input_audio_buffer.clear',
    'beta.client.input_audio_buffer.commit',
    'beta.server.input_audio_buffer.cleared',
    'beta.server.input_audio_buffer.committed',
    'beta.server.conversation.item.input_audio_transcription.failed',
  );
  const { beta, engines } = newBetaConversation();
  await beta.say(update({ turn_detection: null, input_audio_transcription: { model: 'whisper-1' } }));
  beta.forget();
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(beta.types(), [
    'input_audio_buffer.committed',
    'conversation.item.created',
    'conversation.item.input_audio_transcription.delta',
    'conversation.item.input_audio_transcription.completed',
  ]);
  const first = beta.last('input_audio_buffer.committed');
  assert.equal(first.previous_item_id, null);
  engines.transcriber.hear = () => {
    throw new Error('out of memory');
  };
  beta.forget();
  await beta.speak(tone(200, 24000));
  await beta.say({ type: 'input_audio_buffer.clear' });
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(beta.types(), [
    'input_audio_buffer.cleared',
    'input_audio_buffer.committed',
    'conversation.item.created',
    'conversation.item.input_audio_transcription.failed',
  ]);
  const { item_id, previous_item_id } = beta.last('input_audio_buffer.committed');
  assert.equal(previous_item_id, first.item_id);
  assert.equal(beta.last('conversation.item.created').item.id, item_id);
  const failed = beta.last('conversation.item.input_audio_transcription.failed');
  assert.deepEqual([failed.item_id, failed.content_index, failed.error.code], [item_id, 0, 'audio_unintelligible']);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  const [part] = beta.last('conversation.item.retrieved').item.content ?? [];
  assert.equal(Buffer.from(part?.audio ?? '', 'base64').length, 300 * 48, 'what was cleared is not in it');
});

test('segments of a transcriber with speaker labels', async () => {
  verifies('beta.server.conversation.item.input_audio_transcription.segment');
  const { beta, engines } = newBetaConversation();
  const said = { text: 'Hello.', speaker: 'A', start: 0.1, end: 0.5 };
  engines.transcriber.transcribe = async function* () {
    yield { type: 'segment', ...said };
    yield { type: 'done', text: 'Hello.' };
  };
  await beta.say(update({ turn_detection: null, input_audio_transcription: { model: 'gpt-4o-transcribe-diarize' } }));
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.match(beta.types().at(-1) ?? '', /\.completed$/);
  const frame: object | undefined = beta.events.find(({ type }) => (type as string).endsWith('.segment'));
  const { event_id: _own, id, ...segment } = Object(frame);
  assert.deepEqual(segment, {
    type: 'conversation.item.input_audio_transcription.segment',
    item_id: beta.last('input_audio_buffer.committed').item_id,
    content_index: 0,
    ...said,
  });
  assert.equal(typeof id, 'string');
});

test('items: assistant content in beta form, truncated, retrieved and deleted', async () => {
  verifies(
    'R6.12',
    'beta.client.conversation.item.truncate',
    'beta.client.conversation.item.retrieve',
    'beta.client.conversation.item.delete',
    'beta.server.conversation.item.truncated',
    'beta.server.conversation.item.retrieved',
    'beta.server.conversation.item.deleted',
  );
  const { beta, clock, client, engines } = newBetaConversation();
  const text = [{ type: 'text', text: 'I wrote.' }];
  const audio = [{ type: 'audio', transcript: 'I said.' }];
  await beta.say(create({ id: 'text', type: 'message', role: 'assistant', content: text }));
  assert.deepEqual(beta.last('conversation.item.created').item.content, text);
  await beta.say(create({ id: 'audio', type: 'message', role: 'assistant', content: audio }));
  assert.deepEqual(beta.last('conversation.item.created').item.content, audio);
  const types = client
    .all('conversation.item.added')
    .map(({ item }) => item.type === 'message' && item.content[0]?.type);
  assert.deepEqual(types, ['output_text', 'output_audio'], 'a GA peer has the same items in its own words');

  await beta.say(respond());
  await clock.advance(10_000);
  assert.deepEqual(engines.languageModel.requests[0]?.items, [
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I wrote.' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I said.' }] },
  ]);
  const { item_id } = beta.last('response.audio.done');
  const fields = { item_id, content_index: 0, audio_end_ms: 500 };
  await beta.say({ type: 'conversation.item.truncate', ...fields });
  const { event_id: _own, type: _known, ...truncated } = beta.last('conversation.item.truncated');
  assert.deepEqual(truncated, fields);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  const { item } = beta.last('conversation.item.retrieved');
  const [part] = item.content ?? [];
  assert.deepEqual([item.id, part?.type, part?.transcript], [item_id, 'audio', 'Fine, thank']);
  assert.equal(Buffer.from(part?.audio ?? '', 'base64').length, 500 * 48);

  await beta.say({ type: 'conversation.item.delete', item_id });
  assert.equal(beta.last('conversation.item.deleted').item_id, item_id);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  assert.equal(beta.last('error').error.code, 'item_retrieve_invalid_item_id');
});
