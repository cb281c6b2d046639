/** The engines without a session: transcriptions, speech, and the lists of models and voices. */

import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import OpenAI from 'openai';
import { durationMs } from '../../src/audio/pcm.ts';
import { readWav, writeWav } from '../../src/audio/wav.ts';
import type { EngineSet } from '../../src/engines/spec/registry.ts';
import { apiKey, type ParleyServer, type ServerOptions } from '../../src/server/server.ts';
import { plainWords, say } from '../engines/speech.ts';
import { borrowed, embeddedEngines } from '../support/embedded.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines, gate } from '../support/fake-engines.ts';
import { ask, bearer, errorIn, mint } from '../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';

let embedded: EngineSet;
before(async () => {
  embedded = await embeddedEngines();
});
after(() => embedded?.close());

function served(t: TestContext, options: ServerOptions = {}): Promise<ParleyServer> {
  return newServer(t, { engines: borrowed(embedded), ...options });
}

function clientOf({ url }: ParleyServer, apiKey = 'none'): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

async function spokenFile(text: string): Promise<File> {
  const { samples, sampleRateHz } = await say(embedded.engines.voice, text);
  const padded = new Int16Array(samples.length + 8000);
  padded.set(samples, 4000);
  return new File([writeWav({ samples: padded, sampleRateHz })], 'question.wav', { type: 'audio/wav' });
}

/** A form as a program sends it. */
function form(fields: Record<string, string | File>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

async function post(
  server: ParleyServer,
  fields: Record<string, string | File>,
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form(fields) });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, body: json ? JSON.parse(text) : text, headers: response.headers };
}

test('the official SDK transcribes a WAV file', async (t) => {
  const client = clientOf(await served(t));
  const file = await spokenFile('Please open the window.');
  const { text, usage } = await client.audio.transcriptions.create({ file, model: 'whisper-1', language: 'en' });
  assert.deepEqual(plainWords(text), ['please', 'open', 'the', 'window']);
  assert.equal(usage?.type, 'duration');
});

test('the official SDK streams a transcription', async (t) => {
  const client = clientOf(await served(t));
  const file = await spokenFile('Please open the window.');
  const stream = await client.audio.transcriptions.create({ file, model: 'gpt-4o-transcribe', stream: true });
  const events = await Array.fromAsync(stream);
  const last = events.at(-1);
  assert.ok(last?.type === 'transcript.text.done');
  const deltas = events.map((event) => (event.type === 'transcript.text.delta' ? event.delta : ''));
  assert.ok(deltas.filter((delta) => delta !== '').length > 1);
  assert.equal(deltas.join(''), last.text);
});

test('a transcription may be plain text', async (t) => {
  const file = await spokenFile('Please open the window.');
  const { status, body } = await post(await served(t), { file, model: 'whisper-1', response_format: 'text' });
  assert.equal(status, 200);
  assert.match(String(body), /^Please open the window\.?\n$/);
});

test('the official SDK generates speech as WAV and as PCM', async (t) => {
  const client = clientOf(await served(t));
  const request = { model: 'tts-1', input: 'Please open the window.', voice: 'marin' } as const;
  const wav = await client.audio.speech.create({ ...request, response_format: 'wav' });
  assert.equal(wav.headers.get('content-type'), 'audio/wav');
  const { samples, sampleRateHz } = readWav(new Uint8Array(await wav.arrayBuffer()));
  assert.equal(sampleRateHz, 24_000);
  assert.ok(durationMs(samples.length, sampleRateHz) > 800);
  const pcm = await client.audio.speech.create({ ...request, response_format: 'pcm' });
  assert.match(pcm.headers.get('content-type') ?? '', /^audio\/pcm/);
  assert.equal((await pcm.arrayBuffer()).byteLength, samples.length * 2);
});

test('the lists have the models for sessions, and the voices with their languages', async (t) => {
  const server = await served(t, { config: { models: ['gpt-realtime', 'mini'], voices: { nova: 'slt' } } });
  const client = clientOf(server);
  const { data } = await client.models.list();
  assert.deepEqual(
    data.map(({ id }) => id),
    ['gpt-realtime', 'mini', 'moonshine', 'flite'],
  );
  assert.ok(data.every(({ owned_by: owner }) => owner === 'parley'));
  assert.equal((await client.models.retrieve('mini')).id, 'mini');
  await assert.rejects(client.models.retrieve('gpt-9'), { status: 404, code: 'model_not_found' });
  const { body } = await ask(server, 'GET /v1/audio/voices');
  const { voices } = body as { voices: { id: string; name: string; languages: string[] }[] };
  assert.ok(['nova', 'alloy', 'marin'].every((name) => voices.some(({ id }) => id === name)));
  assert.ok(voices.every(({ languages }) => languages.includes('en')));
});

const speech = { model: 'tts-1', input: 'Hi.', voice: 'alloy' };
for (const response_format of ['wav', 'pcm']) {
  test(`speech without audio is refused with a message, as ${response_format}`, async (t) => {
    const server = await served(t);
    const inputs: [input: string, message: RegExp][] = [
      ['Доброе утро.', /voice produced no audio.*language/],
      ['早上好。', /voice produced no audio/],
      ['صباح الخير', /voice produced no audio/],
      ['', /nothing to speak/],
      ['👍 …', /nothing to speak/],
      ['```js\nrun();\n```', /nothing to speak/],
    ];
    for (const [input, message] of inputs) {
      const answer = await ask(server, 'POST /v1/audio/speech', { body: { ...speech, input, response_format } });
      assert.equal(answer.status, 400, input);
      const error = errorIn(answer);
      assert.deepEqual([error.code, error.param], ['invalid_value', 'input']);
      assert.match(error.message, message);
    }
  });
}

test('speech is prepared as in a session, unless the voice does that', async (t) => {
  const engines = fakeEngines();
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const spoken = async () => {
    const input = '**Hello** `there`, see [the page](https://example.com/a). 👍';
    const { status } = await ask(server, 'POST /v1/audio/speech', { body: { ...speech, input } });
    assert.equal(status, 200);
    return engines.voice.spoken.at(-1)?.text;
  };
  assert.equal((await spoken())?.trim(), 'Hello there, see the page.');
  Object.assign(engines.voice, { preparesText: true });
  assert.match((await spoken()) ?? '', /^\*\*Hello\*\*.*👍$/);
});

const badSpeech: { given: object; code: string; message: RegExp }[] = [
  { given: { ...speech, voice: 'nobody' }, code: 'invalid_value', message: /'nobody'.*alloy/ },
  { given: { ...speech, response_format: 'mp3' }, code: 'invalid_value', message: /'wav'.*'pcm'/ },
  { given: { ...speech, speed: 9 }, code: 'decimal_above_max_value', message: /speed/ },
  { given: { ...speech, inputt: 'x' }, code: 'unknown_parameter', message: /inputt/ },
  { given: { model: 'tts-1', voice: 'alloy' }, code: 'missing_required_parameter', message: /input/ },
  { given: { ...speech, input: 'x'.repeat(4097) }, code: 'string_above_max_length', message: /input/ },
];
for (const { given, code, message } of badSpeech) {
  test(`invalid speech request: ${JSON.stringify(given).slice(0, 80)}`, async (t) => {
    const answer = await ask(await newServer(t, { engines: borrowed(embedded) }), 'POST /v1/audio/speech', {
      body: given,
    });
    assert.equal(answer.status, 400);
    const error = errorIn(answer);
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test('invalid transcription requests are refused with a message', async (t) => {
  const server = await served(t);
  const file = new File([new Uint8Array(100)], 'a.mp3');
  const wav = new File([writeWav({ samples: new Int16Array(100), sampleRateHz: 16_000 })], 'a.wav');
  const answers = [
    [
      await post(server, { file, model: 'whisper-1' }),
      400,
      /^The file cannot be read\. Not a WAV file.*Send a WAV file/,
    ],
    [await post(server, { model: 'whisper-1' }), 400, /'file'/],
    [await post(server, { file: wav }), 400, /'model'/],
    [await post(server, { file: wav, model: 'whisper-1', response_format: 'ass' }), 400, /'json'.*'text'/],
    [await ask(server, 'POST /v1/audio/transcriptions', { body: {} }), 415, /multipart\/form-data/],
  ] as const;
  for (const [answer, status, message] of answers) {
    assert.equal(answer.status, status);
    assert.match(errorIn(answer).message, message);
  }
});

test('uploads have a separate size limit', async (t) => {
  const server = await served(t, { config: { limits: { audioUploadBytes: 65_536 } } });
  const { status } = await post(server, { file: new File([new Uint8Array(70_000)], 'a.wav'), model: 'whisper-1' });
  assert.equal(status, 413);
});

test('an API key is required, and a client secret is refused', async (t) => {
  const key = 'sk-audio-0123456789';
  const server = await served(t, { config: { apiKeys: [apiKey('one', key)] } });
  const secret = await mint(server, key);
  for (const request of ['GET /v1/models', 'GET /v1/audio/voices', 'POST /v1/audio/speech']) {
    assert.equal((await ask(server, request)).status, 401);
    assert.equal((await ask(server, request, { key: secret })).status, 401);
  }
  assert.equal((await ask(server, 'GET /v1/models', { key })).status, 200);
  const refused = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    ...bearer('sk-wrong'),
    body: form({ model: 'x', file: new File([new Uint8Array(100_000)], 'a.wav') }),
  });
  assert.equal(refused.status, 401);
});

test('an engine failure is reported, and the next request succeeds', async (t) => {
  const engines = fakeEngines();
  let fails = true;
  engines.voice.speak = async function* () {
    if (fails) throw new Error('the vocoder is on fire');
    yield { samples: new Int16Array(100), sampleRateHz: 24_000 };
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const answer = await ask(server, 'POST /v1/audio/speech', { body: speech });
  assert.equal(answer.status, 500);
  assert.match(errorIn(answer).message, /^The voice failed: the vocoder is on fire/);
  fails = false;
  assert.equal((await ask(server, 'POST /v1/audio/speech', { body: speech })).status, 200);
});

test('excess requests are refused with the time to wait, and a client that disconnects makes room', async (t) => {
  const engines = fakeEngines();
  const [entered, left] = [gate(), gate()];
  engines.voice.speak = async function* (_, { signal }) {
    signal.addEventListener('abort', () => left.open());
    entered.open();
    await left.opened;
    signal.throwIfAborted();
    yield { samples: new Int16Array(100), sampleRateHz: 24_000 };
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines), config: { limits: { audioRequests: 1 } } });
  const leaving = new AbortController();
  const first = fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(speech),
    signal: leaving.signal,
  });
  await entered.opened;
  const refused = await ask(server, 'POST /v1/audio/speech', { body: speech });
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  leaving.abort();
  await assert.rejects(first);
  await left.opened;
  assert.equal((await ask(server, 'POST /v1/audio/speech', { body: speech })).status, 200);
});

const key = 'sk-audio-0123456789';

/** A server whose voice yields 250 ms of audio in two chunks, and whose transcriber answers immediately. */
async function meteredServer(t: TestContext, tokensPerMinute = 1000) {
  const engines = fakeEngines();
  engines.voice.speak = async function* () {
    for (const samples of [3000, 3000]) yield { samples: new Int16Array(samples), sampleRateHz: 24_000 };
  };
  const clock = new FakeClock();
  const log = new KeptLog();
  const prices = {
    currency: 'EUR',
    models: { 'tts-1': { 'speech-output': 12 }, 'whisper-1': { 'transcription-minute': 0.006 } },
  };
  const one = apiKey('one', key, { limits: { tokensPerMinute, sessions: 1, sessionsPerMinute: 1 } });
  const two = apiKey('two', 'sk-operator-0123456789', { operator: true });
  const config = { apiKeys: [one, two], prices };
  return { server: await newServer(t, { engines: fakeEngineSet(engines), clock, log, config }), engines, clock, log };
}

function transcribe({ url }: ParleyServer, seconds: number): Promise<Response> {
  const file = new File([writeWav({ samples: new Int16Array(seconds * 16_000), sampleRateHz: 16_000 })], 'a.wav');
  const body = form({ file, model: 'whisper-1' });
  return fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', ...bearer(key), body });
}

async function metricsOf(server: ParleyServer): Promise<string> {
  return String((await ask(server, 'GET /metrics', { key: 'sk-operator-0123456789' })).body);
}

test('speech and transcriptions are counted and priced for their key, and are not sessions', async (t) => {
  const { server, log } = await meteredServer(t);
  for (let count = 0; count < 2; count++) {
    assert.equal((await ask(server, 'POST /v1/audio/speech', { key, body: speech })).status, 200);
  }
  assert.equal((await transcribe(server, 30)).status, 200);
  const metrics = await metricsOf(server);
  const owner = (model: string) => `key="one",project="default",model="${model}"`;
  for (const sample of [
    `parley_tokens_total{kind="speech-output",${owner('tts-1')}} 10`,
    `parley_cost_total{currency="EUR",${owner('tts-1')}} 0.00012`,
    `parley_transcription_seconds_total{${owner('whisper-1')}} 30`,
    `parley_cost_total{currency="EUR",${owner('whisper-1')}} 0.003`,
    `parley_audio_requests_total{kind="speech",status="completed",${owner('tts-1')}} 2`,
    `parley_audio_requests_total{kind="transcription",status="completed",${owner('whisper-1')}} 1`,
  ]) {
    assert.ok(
      metrics.includes(`${sample}\n`),
      `${sample} in\n${metrics.match(/^parley_.*(one|cost).*$/gm)?.join('\n')}`,
    );
  }
  assert.doesNotMatch(metrics, /^parley_sessions_opened_total\{/m);
  const entries = log.entries.filter(({ event }) => event === 'audio_request_done').map(({ details }) => details);
  assert.deepEqual(entries.at(-1), {
    kind: 'transcription',
    model: 'whisper-1',
    key: 'one',
    project: 'default',
    status: 'completed',
    used: { 'transcription-ms': 30_000 },
    cost: 0.003,
    currency: 'EUR',
  });
});

test('a key that has used its tokens per minute is refused with the time to wait', async (t) => {
  const { server, clock } = await meteredServer(t, 305);
  // 30 s are 300 tokens, and 250 ms of speech are 5.
  assert.equal((await transcribe(server, 30)).status, 200);
  assert.equal((await ask(server, 'POST /v1/audio/speech', { key, body: speech })).status, 200);
  const refused = await ask(server, 'POST /v1/audio/speech', { key, body: speech });
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '60');
  assert.equal(errorIn(refused).code, 'rate_limit_exceeded');
  assert.match(errorIn(refused).message, /The key 'one' has used its tokens of this minute/);
  assert.equal((await transcribe(server, 1)).status, 429);
  assert.match(
    await metricsOf(server),
    /parley_audio_requests_total\{kind="speech",status="refused",key="one".*\} 1\n/,
  );
  await clock.advance(60_000);
  assert.equal((await ask(server, 'POST /v1/audio/speech', { key, body: speech })).status, 200);
});

test('a response that fails midway is logged, and its audio so far is counted', async (t) => {
  const { server, engines, log } = await meteredServer(t);
  engines.voice.speak = async function* () {
    yield { samples: new Int16Array(2400), sampleRateHz: 24_000 };
    throw new Error('the vocoder is on fire');
  };
  await assert.rejects(ask(server, 'POST /v1/audio/speech', { key, body: { ...speech, response_format: 'pcm' } }));
  const failed = await log.entry('audio_request_failed');
  assert.equal(failed.level, 'error');
  assert.match(inspect(Reflect.get(failed.details, 'error')), /The voice failed: the vocoder is on fire/);
  const { status, used } = (await log.entry('audio_request_done')).details as { status: string; used: object };
  assert.deepEqual({ status, used }, { status: 'failed', used: { 'speech-output': 2 } });
});

test('audio generated for a client that disconnects is counted', async (t) => {
  const { server, engines, log } = await meteredServer(t);
  engines.voice.speak = async function* (_, { signal }) {
    yield { samples: new Int16Array(2400), sampleRateHz: 24_000 };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
  const leaving = new AbortController();
  const response = await fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    ...bearer(key, { 'Content-Type': 'application/json' }),
    body: JSON.stringify({ ...speech, response_format: 'pcm' }),
    signal: leaving.signal,
  });
  assert.equal(response.status, 200);
  leaving.abort();
  const { status, used } = (await log.entry('audio_request_done')).details as { status: string; used: object };
  assert.deepEqual({ status, used }, { status: 'cancelled', used: { 'speech-output': 2 } });
  assert.ok(log.entries.every(({ event }) => event !== 'audio_request_failed'));
});
