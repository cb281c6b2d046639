/** SECURITY.md, "occupies an embedded engine": the work of a busy session does not delay that of others. */

import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { concatSamples, durationMs } from '../../src/audio/pcm.ts';
import { readWav, writeWav } from '../../src/audio/wav.ts';
import type { EngineSet } from '../../src/engines/spec/registry.ts';
import type { ParleyServer } from '../../src/server/server.ts';
import { borrowed, embeddedEngines, spokenQuestion, words } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const query = '?model=gpt-realtime';
const digits = `https://${'7'.repeat(137)}`;

let embedded: EngineSet;
let question: Int16Array;
before(async () => {
  embedded = await embeddedEngines();
  question = await spokenQuestion(embedded, 'Please open the window.');
});
after(() => embedded.close());

function served(t: TestContext): Promise<ParleyServer> {
  return newServer(t, { engines: borrowed(embedded), config: { outputLeadMs: Number.POSITIVE_INFINITY } });
}

/** A spoken question and its spoken answer, on a separate connection. */
async function bystanderTurn({ wsUrl }: ParleyServer, onTranscript = () => {}): Promise<void> {
  const client = await WireClient.open(wsUrl + query);
  const transcription = { model: 'whisper-1' };
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { transcription } } } });
  client.send({ type: 'input_audio_buffer.append', audio: Buffer.from(question.buffer).toString('base64') });
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  onTranscript();
  assert.equal(words(transcript), 'please open the window');
  const { response } = await client.until('response.done');
  assert.equal(response.status, 'completed');
  client.socket.terminate();
}

function speech({ url }: ParleyServer, input: string, speed: number, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'tts-1', voice: 'alloy', input, speed }),
    ...(signal && { signal }),
  });
}

test('nine slow responses of one session do not delay the voice of another', async (t) => {
  const server = await served(t);
  const attacker = await WireClient.open(server.wsUrl + query);
  attacker.send({
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions: `Say exactly: ${Array(40).fill(digits).join(' ')}`,
      audio: { output: { speed: 0.25 } },
    },
  });
  for (let i = 0; i < 8; i++) attacker.send({ type: 'response.create', response: { conversation: 'none' } });
  attacker.send({ type: 'response.create' });
  let done = 0;
  attacker.socket.on('message', (data) => {
    if (data.toString().startsWith('{"type":"response.done"')) done += 1;
  });
  await attacker.until('response.output_audio.delta');
  await bystanderTurn(server);
  await bystanderTurn(server);
  attacker.socket.terminate();
  assert.equal(done, 0, 'the attack was under way all the time');
});

test('a word of four kilobytes at the slowest speed is spoken in pieces, and others speak between them', async (t) => {
  const server = await served(t);
  const left = new AbortController();
  const response = await speech(server, `https://${'7'.repeat(4088)}`, 0.25, left.signal);
  assert.equal(response.status, 200);
  await bystanderTurn(server);
  left.abort();
  await bystanderTurn(server);
});

test('sixteen uploads do not delay the transcript of a conversation', async (t) => {
  const server = await served(t);
  const samples = concatSamples(Array.from({ length: 4 }, () => question));
  const file = new File([writeWav({ samples, sampleRateHz: 24_000 })], 'upload.wav');
  let answered = 0;
  const uploads = Array.from({ length: 16 }, async () => {
    const form = new FormData();
    form.append('model', 'whisper-1');
    form.append('file', file);
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
    answered += 1;
    assert.equal(response.status, 200);
  });
  // By then all the others are queued.
  await Promise.race(uploads);
  const before = answered;
  let during = 0;
  await bystanderTurn(server, () => {
    during = answered - before;
  });
  assert.ok(during <= 8, `${during} uploads went before the transcript`);
  await Promise.all(uploads);
});

test('stand-in responses for a schema of 8,000 properties do not delay another session', async (t) => {
  const server = await served(t);
  const attacker = await WireClient.open(server.wsUrl + query);
  const required = Array.from({ length: 200 }, (_, index) => `p${index}`);
  const groups = Array.from({ length: 40 }, (_, index) => `g${index}`);
  const properties = Object.fromEntries(groups.map((name) => [name, { type: 'object', required }]));
  const tools = [{ type: 'function', name: 'set', parameters: { type: 'object', required: groups, properties } }];
  const session = { type: 'realtime', output_modalities: ['text'], tools, tool_choice: 'required' };
  attacker.send({ type: 'session.update', session });
  const text = `set ${Array.from({ length: 398 }, (_, index) => `w${index.toString(36)}`).join(' ')}`;
  const content = [{ type: 'input_text', text }];
  attacker.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  await attacker.until('conversation.item.done');
  const bystander = await WireClient.open(server.wsUrl + query);

  for (let i = 0; i < 8; i++) attacker.send({ type: 'response.create', response: { conversation: 'none' } });
  let done = 0;
  const allDone = (async () => {
    for (; done < 8; done++) assert.equal((await attacker.until('response.done')).response.status, 'completed');
  })();
  const { response } = await bystander.ask('Say exactly: hello.');
  assert.equal(response.status, 'completed');
  assert.ok(done < 8, 'the attack was under way');
  await allDone;
});

test('4,096 characters of ordinary text are spoken completely at a speed of 0.25', async (t) => {
  const server = await served(t);
  const text = 'The quick brown fox jumps over the lazy dog, and nobody minds. '.repeat(70).slice(0, 4096);
  const response = await speech(server, text, 0.25);
  assert.equal(response.status, 200);
  const { samples, sampleRateHz } = readWav(new Uint8Array(await response.arrayBuffer()));
  const minutes = durationMs(samples.length, sampleRateHz) / 60_000;
  assert.ok(minutes > 12 && minutes < 30, `${minutes} minutes`);
});
