/** A stopping server finishes what clients are waiting for: turns, responses and requests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines, silence, tone } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { FakeUpstream, responseOf } from '../upstream/support/fake-upstream.ts';
import { relayTo } from '../upstream/support/relay.ts';

const turn = Buffer.from(Int16Array.of(...tone(400, 24_000), ...silence(700, 24_000)).buffer).toString('base64');
const speech = { model: 'tts-1', input: 'Hello.', voice: 'alloy', response_format: 'pcm' };
const asJson = { method: 'POST', headers: { 'Content-Type': 'application/json' } };

/** Engines whose transcriber answers when the test lets it. */
function slowTranscriber() {
  const engines = fakeEngines();
  const { promise: text, resolve: finish } = Promise.withResolvers<string>();
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>();
  engines.transcriber.hear = () => {
    noteAsked();
    return text;
  };
  return { engines, finish, asked };
}

test('a turn committed before the stop is transcribed and answered; a later one is not answered', async (t) => {
  const { engines, finish, asked } = slowTranscriber();
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const client = await WireClient.open(`${server.wsUrl}?model=m`);
  const transcription = { model: 'whisper-1' };
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { transcription } } } });
  client.send({ type: 'input_audio_buffer.append', audio: turn });
  await client.until('input_audio_buffer.committed');
  await asked;
  const drained = server.drain();
  client.send({ type: 'response.create', event_id: 'late' });
  assert.equal((await client.until('error')).error.code, 'server_shutting_down');
  finish('What time is it?');
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  assert.equal(transcript, 'What time is it?');
  assert.equal((await client.until('response.done')).response.status, 'completed');
  await drained;
  client.send({ type: 'input_audio_buffer.append', audio: turn });
  await client.until('conversation.item.input_audio_transcription.completed');
  await server.close();
  assert.equal((await client.closed).code, 1001);
  assert.equal(engines.languageModel.requests.length, 1);
});

test('an audio request in progress is answered, and new ones are refused', async (t) => {
  const engines = fakeEngines();
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>();
  engines.voice.speak = async function* () {
    yield { samples: tone(100, 24_000), sampleRateHz: 24_000 };
    await more;
    yield { samples: tone(100, 24_000), sampleRateHz: 24_000 };
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const url = `${server.url}/v1/audio/speech`;
  const answer = await fetch(url, { ...asJson, body: JSON.stringify(speech) });
  let drained = false;
  const draining = server.drain().then(() => {
    drained = true;
  });
  const refused = await fetch(url, { ...asJson, body: JSON.stringify(speech) });
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /shutting down/);
  assert.equal(drained, false);
  goOn();
  assert.ok((await answer.bytes()).length > 100 * 48);
  await draining;
});

test('a missing transcript delays the stop until the deadline', async (t) => {
  const { engines, asked } = slowTranscriber();
  const clock = new FakeClock();
  const server = await newServer(t, { engines: fakeEngineSet(engines), clock });
  const client = await WireClient.open(`${server.wsUrl}?model=m`);
  client.send({ type: 'input_audio_buffer.append', audio: turn });
  await asked;
  const drained = server.drain(10);
  await clock.advance(10_000);
  await drained;
});

test('a relayed session waits for the transcripts and responses of its upstream', async (t) => {
  const upstream = await FakeUpstream.start(t);
  const relay = await relayTo(t, upstream.url);
  const opened = WireClient.open(`${relay.wsUrl}?model=m`);
  const side = await upstream.connection();
  side.create();
  const client = await opened;
  side.send(
    { type: 'input_audio_buffer.speech_started', audio_start_ms: 0, item_id: 'item_1' },
    { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 400, item_id: 'item_1' },
  );
  await client.until('input_audio_buffer.speech_stopped');
  let drained = false;
  const draining = relay.drain().then(() => {
    drained = true;
  });
  side.send({ type: 'response.created', response: responseOf('in_progress') });
  await client.until('response.created');
  assert.equal(drained, false);
  side.send({ type: 'response.done', response: responseOf('completed') });
  assert.equal((await client.until('response.done')).response.status, 'completed');
  await draining;
  assert.ok(!side.received.some(({ type }) => type === 'response.cancel'));
});
