/** Transcription sessions (docs/protocol.md §2, §6): they transcribe turns and create no responses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { newConversation, update } from '../support/conversation.ts';
import { gate, silence, tone } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const turn = concatSamples([silence(400, 24000), tone(800, 24000), silence(700, 24000)]);

test('session.created has the fields of a transcription session, and so has session.updated', async () => {
  verifies('R2.16', 'ga.server.session.created', 'ga.server.session.updated');
  const { client } = newConversation({}, { type: 'transcription' });
  const { session } = client.last('session.created');
  assert.ok(session.type === 'transcription');
  assert.deepEqual(Object.keys(session).sort(), ['audio', 'expires_at', 'id', 'include', 'object', 'type']);
  assert.equal(session.object, 'realtime.transcription_session');
  assert.deepEqual(session.audio.input.turn_detection, {
    type: 'server_vad',
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 500,
  });
  const transcription = { model: 'gpt-4o-transcribe', language: 'en' };
  await client.say({ type: 'session.update', session: { type: 'transcription', audio: { input: { transcription } } } });
  const { session: updated } = client.last('session.updated');
  assert.deepEqual(updated.audio.input.transcription, { ...transcription, prompt: null });
  assert.deepEqual(updated.audio.input.format, { type: 'audio/pcm', rate: 24000 });
});

test('models without turn detection refuse it: it is null, and the client commits', async () => {
  verifies('R2.16', 'R5.47');
  const { client } = newConversation({}, { type: 'transcription' });
  const say = async (input: object) => {
    client.forget();
    await client.say({ type: 'session.update', event_id: 'u', session: { type: 'transcription', audio: { input } } });
  };
  for (const model of ['gpt-live-transcribe', 'gpt-realtime-whisper', 'gpt-realtime-whisper-2026-05-01']) {
    await say({ transcription: { model } });
    assert.equal(client.last('session.updated').session.audio.input.turn_detection, null);
    await say({ turn_detection: { type: 'server_vad' } });
    assert.deepEqual(client.types(), ['error']);
    assert.deepEqual(client.lastError(), {
      type: 'invalid_request_error',
      code: 'invalid_value',
      message: 'Turn detection is not supported for this transcription model.',
      param: 'session.audio.input.turn_detection',
      event_id: 'u',
    });
    await say({ turn_detection: null });
    assert.deepEqual(client.types(), ['session.updated']);
  }
  await client.speak(tone(300, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
  client.last('conversation.item.input_audio_transcription.completed');
  await say({ transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad' } });
  assert.equal(client.last('session.updated').session.audio.input.turn_detection?.type, 'server_vad');
});

test('a realtime session takes turn detection with a streaming transcription model', async () => {
  verifies('R2.16');
  const { client } = newConversation();
  const input = { transcription: { model: 'gpt-realtime-whisper' }, turn_detection: { type: 'server_vad' } };
  await client.say(update({ audio: { input } }));
  assert.equal(client.last('session.updated').session.audio.input.turn_detection?.type, 'server_vad');
});

test('every turn is transcribed in order, and none is answered', async () => {
  verifies('R2.16', 'R3.9');
  const { client, clock, engines } = newConversation({}, { type: 'transcription' });
  const first = gate();
  const heard = ['one two', 'three four'];
  engines.transcriber.hear = async () => {
    if (heard.length === 2) await first.opened;
    return heard.shift() ?? '';
  };
  await client.speak(concatSamples([turn, turn]));
  first.open();
  await clock.advance(10_000);
  const completed = client.all('conversation.item.input_audio_transcription.completed');
  assert.deepEqual(
    completed.map((event) => event.transcript),
    ['one two', 'three four'],
  );
  assert.deepEqual(
    completed.map((event) => event.item_id),
    client.all('input_audio_buffer.committed').map((event) => event.item_id),
  );
  assert.ok(client.all('conversation.item.input_audio_transcription.delta').length >= 2);
  assert.deepEqual(client.all('response.created'), []);
  assert.deepEqual(client.all('rate_limits.updated'), []);
});

test('a failed transcription is reported, and the next one succeeds', async () => {
  const { client, engines } = newConversation({}, { type: 'transcription' });
  engines.transcriber.hear = () => {
    throw new Error('no model');
  };
  await client.speak(turn);
  const { error } = client.last('conversation.item.input_audio_transcription.failed');
  assert.deepEqual([error.type, error.code], ['transcription_error', 'audio_unintelligible']);
  engines.transcriber.hear = () => 'better';
  await client.speak(turn);
  assert.equal(client.last('conversation.item.input_audio_transcription.completed').transcript, 'better');
});

test('a transcriber with speaker labels yields segments', async () => {
  verifies('R3.46', 'ga.server.conversation.item.input_audio_transcription.segment');
  const { client, engines } = newConversation({}, { type: 'transcription' });
  engines.transcriber.transcribe = async function* () {
    yield { type: 'segment', text: 'Hello.', speaker: 'A', start: 0.1, end: 0.5 };
    yield { type: 'segment', text: 'Hi.', speaker: 'B', start: 0.6, end: 0.9 };
    yield { type: 'done', text: 'Hello. Hi.' };
  };
  await client.speak(turn);
  const segments = client.all('conversation.item.input_audio_transcription.segment');
  assert.deepEqual(
    segments.map(({ text, speaker, start, end, content_index }) => ({ text, speaker, start, end, content_index })),
    [
      { text: 'Hello.', speaker: 'A', start: 0.1, end: 0.5, content_index: 0 },
      { text: 'Hi.', speaker: 'B', start: 0.6, end: 0.9, content_index: 0 },
    ],
  );
  assert.equal(new Set(segments.map(({ id }) => id)).size, 2);
});

test('events that a transcription session does not support are refused', async () => {
  verifies('R2.16', 'R5.31');
  const { client } = newConversation({}, { type: 'transcription' });
  await client.say({ type: 'response.create' });
  assert.deepEqual([client.lastError().code, client.lastError().param], ['invalid_value', 'type']);
  await client.say({ type: 'session.update', session: { type: 'realtime', instructions: 'Hi' } });
  assert.equal(
    client.lastError().message,
    'Passing a realtime session update event to a transcription session is not allowed.',
  );
  await client.say({ type: 'session.update', session: { type: 'transcription', instructions: 'Hi' } });
  assert.equal(client.lastError().code, 'unknown_parameter');
});

test('intent=transcription opens a transcription session, and does not accept a model', async (t) => {
  verifies('R1.14', 'R5.32');
  const { wsUrl } = await newServer(t);
  const client = new WireClient(`${wsUrl}?intent=transcription`);
  assert.equal((await client.until('session.created')).session.type, 'transcription');
  const refused = new WireClient(`${wsUrl}?intent=transcription&model=gpt-realtime`);
  const { error } = await refused.until('error');
  assert.deepEqual(
    [error.code, error.param, error.message],
    ['invalid_parameter', 'model', 'You must not provide a model parameter for transcription sessions.'],
  );
  assert.equal((await refused.closed).code, 4000);
});

test('the beta dialect has separate events for transcription sessions', async (t) => {
  verifies(
    'R6.2',
    'beta.client.transcription_session.update',
    'beta.server.transcription_session.created',
    'beta.server.transcription_session.updated',
  );
  const { wsUrl } = await newServer(t);
  const client = new WireClient(`${wsUrl}?intent=transcription`, { headers: { 'OpenAI-Beta': 'realtime=v1' } });
  const created: { type: string; session?: object } = await client.next();
  assert.equal(created.type, 'transcription_session.created');
  client.send({
    type: 'transcription_session.update',
    session: {
      input_audio_format: 'g711_ulaw',
      input_audio_transcription: { model: 'whisper-1' },
      turn_detection: { type: 'server_vad', silence_duration_ms: 300 },
    },
  });
  const updated: { type: string; session?: object } = await client.next();
  assert.equal(updated.type, 'transcription_session.updated');
  const { input_audio_format, input_audio_transcription, turn_detection } = Object(updated.session);
  assert.deepEqual(
    [input_audio_format, input_audio_transcription, turn_detection.silence_duration_ms],
    ['g711_ulaw', { model: 'whisper-1', language: null, prompt: null }, 300],
  );
});
