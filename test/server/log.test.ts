/** Log entries of a session: each has its id, and none has keys or words (SECURITY.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { apiKey } from '../../src/server/server.ts';
import { fakeEngines, say, silence, tone } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

test('keys and spoken words are not logged', async (t) => {
  const log = new KeptLog();
  const engines = fakeEngines();
  engines.transcriber.hear = () => 'marmalade';
  engines.languageModel.script = () => say('rhubarb');
  const key = 'right-key-swordfish-1234';
  const { wsUrl } = await newServer(t, {
    log,
    engines: fakeEngineSet(engines),
    config: { apiKeys: [apiKey('tester', key)] },
  });
  const wrong = new WireClient(`${wsUrl}?model=m`, { headers: { authorization: 'Bearer wrong-key-halibut-5678' } });
  assert.equal((await wrong.closed).code, 3000);

  const client = await WireClient.open(`${wsUrl}?model=m&api-key=${key}`);
  const samples = concatSamples([silence(200, 24000), tone(600, 24000), silence(700, 24000)]);
  const audio = Buffer.from(samples.buffer).toString('base64');
  client.send({ type: 'input_audio_buffer.append', audio });
  const { response } = await client.until('response.done');
  assert.match(JSON.stringify(response), /rhubarb/);

  const entries = JSON.stringify(log.entries);
  assert.match(entries, /"transcribed".*"response_done"/, 'the turn is in the log');
  assert.match(entries, /tester/, 'a key is known by its name');
  for (const secret of ['swordfish', 'halibut', 'marmalade', 'rhubarb', audio.slice(20_000, 20_040)]) {
    assert.ok(!entries.includes(secret), secret);
  }
});

test('every log entry of a session has its id, whichever part of the session writes it', async (t) => {
  const log = new KeptLog();
  const engines = fakeEngines();
  engines.transcriber.hear = () => {
    throw new Error('the transcriber is on fire');
  };
  // A voice that yields no sound.
  engines.voice.speak = async function* () {};
  const config = { lenient: true, contextTokens: [{ tokens: 1000 }] };
  const { wsUrl } = await newServer(t, { log, engines: fakeEngineSet(engines), config });
  /** Triggers a failing transcriber, a silent voice, a full context, an unknown field and a failing model. */
  const converse = async () => {
    const client = new WireClient(`${wsUrl}?model=m`);
    const { session } = await client.until('session.created');
    const input = {
      noise_reduction: { type: 'near_field' },
      transcription: { model: 'whisper-1' },
      turn_detection: null,
    };
    client.send({ type: 'session.update', x_trace: 1, session: { type: 'realtime', audio: { input } } });
    const audio = Buffer.from(tone(600, 24000).buffer).toString('base64');
    client.send({ type: 'input_audio_buffer.append', audio });
    client.send({ type: 'input_audio_buffer.commit' });
    await client.until('conversation.item.input_audio_transcription.failed');
    for (let count = 0; count < 3; count += 1) {
      const content = [{ type: 'input_text', text: 'word '.repeat(600) }];
      client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    }
    engines.languageModel.script = () => say('Fine, thank you.');
    client.send({ type: 'response.create' });
    await client.until('response.done');
    engines.languageModel.script = () => {
      throw new Error('the model is on fire');
    };
    client.send({ type: 'response.create' });
    await client.until('response.done');
    const content = [{ type: 'input_image', image_url: 'http://127.0.0.1:9/private.png' }];
    const message = { type: 'message', role: 'user', content };
    client.send({ type: 'response.create', response: { conversation: 'none', input: [message] } });
    await client.until('response.done');
    client.socket.close();
    await client.closed;
    return session.id;
  };
  const ids = [await converse(), await converse()];
  await log.entry('session_closed');

  const ofServer = new Set(['server_listening', 'server_ready', 'config_warning']);
  const entries = log.entries.filter(({ event }) => !ofServer.has(event));
  const events = new Set(entries.map(({ event }) => event));
  for (const event of [
    'session_opened',
    'noise_reduction_unavailable',
    'unknown_fields_dropped',
    'transcription_failed',
    'context_truncated',
    'voice_silent',
    'response_failed',
    'response_done',
    'image_not_fetched',
    'session_closed',
  ]) {
    assert.ok(events.has(event), `${event} is among ${[...events].join(', ')}`);
  }
  for (const { event, details } of entries) {
    assert.ok(ids.includes(Reflect.get(details, 'session')), `${event} names its session`);
  }
  for (const id of ids) {
    const failures = entries.filter(
      ({ event, details }) => event === 'response_failed' && Reflect.get(details, 'session') === id,
    );
    // The silent voice, the failing model, and the image.
    assert.equal(failures.length, 3, 'each session has its own failures');
  }
});
