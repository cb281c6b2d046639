/** Conversations with remote engines: behaviour that clients see on success and on failure. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { samplesToBytes } from '../../src/audio/pcm.ts';
import { createEngineSets, type EngineSetsOptions } from '../../src/engines/spec/engine-sets.ts';
import type { EngineSetsSpec } from '../../src/engines/spec/engine-spec.ts';
import { apiKey, type EngineStatus, type ParleyServer, startServer } from '../../src/server/server.ts';
import { chatServer, vllm } from '../engines/openai/servers/chat-servers.ts';
import {
  type Handler,
  type ModelServer,
  modelServer,
  sendEvents,
  sendJson,
} from '../engines/openai/servers/model-server.ts';
import {
  clipOf,
  speechBody,
  speechServer,
  speechStyles,
  transcriptionServer,
  transcriptionStyles,
} from '../engines/openai/servers/speech-servers.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { loudnessDetector } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer, silentLog } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const chat = chatServer(vllm);
const stt = transcriptionServer(transcriptionStyles.speaches);
const tts = speechServer(speechStyles['a voice of 11.025 kHz'] ?? assert.fail());

interface Servers {
  chat?: Handler;
  stt?: Handler;
  tts?: Handler;
  aliases?: EngineSetsSpec['aliases'];
  log?: KeptLog;
  options?: Partial<EngineSetsOptions>;
}

interface Setting {
  server: ParleyServer;
  model: ModelServer;
  voice: ModelServer;
}

async function setting(t: TestContext, { aliases = {}, log, options, ...handlers }: Servers = {}): Promise<Setting> {
  const model = await modelServer(t, handlers.chat ?? chat);
  const transcriber = await modelServer(t, handlers.stt ?? stt);
  const voice = await modelServer(t, handlers.tts ?? tts);
  const spec: EngineSetsSpec = {
    default: {
      languageModel: { url: model.url, model: 'qwen3' },
      transcriber: { url: transcriber.url, model: 'whisper' },
      voice: { url: voice.url, model: 'kokoro' },
      voices: { '*': 'af_heart' },
    },
    sets: {},
    aliases,
  };
  const given = { voiceActivity: { name: 'loudness', engine: loudnessDetector } };
  const engines = createEngineSets(spec, { clock: new FakeClock(), given, attempts: 1, ...options });
  const config = { outputLeadMs: Number.POSITIVE_INFINITY };
  const server = await newServer(t, { engines, config, ...(log && { log }) });
  return { server, model, voice };
}

/** Sends a clip as one turn, without turn detection. */
function say(client: WireClient, index: number): void {
  const { samples } = clipOf(index);
  client.send({
    type: 'session.update',
    session: {
      type: 'realtime',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          turn_detection: null,
          transcription: { model: 'whisper-1' },
        },
      },
    },
  });
  client.send({ type: 'input_audio_buffer.append', audio: Buffer.from(samplesToBytes(samples)).toString('base64') });
  client.send({ type: 'input_audio_buffer.commit' });
}

test('a spoken turn passes through three remote engines', async (t) => {
  const { server, voice } = await setting(t);
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  say(client, 0);
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  assert.equal(transcript, 'What is the weather like today?');
  client.send({ type: 'response.create' });
  const { delta } = await client.until('response.output_audio.delta');
  assert.ok(Buffer.from(delta, 'base64').length > 0);
  const { response } = await client.until('response.done');
  assert.equal(response.status, 'completed');
  assert.equal(response.usage?.input_token_details?.cached_tokens, 4, 'the figures are the server’s');
  assert.equal(speechBody(await voice.request(2)).voice, 'af_heart');
});

test('a transcriber failure is reported for its item, and the session continues', async (t) => {
  let fails = true;
  const { server } = await setting(t, {
    stt: (request, response) =>
      fails ? sendJson(response, { error: 'CUDA out of memory' }, 500) : stt(request, response),
  });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  say(client, 1);
  const { error } = await client.until('conversation.item.input_audio_transcription.failed');
  assert.match(error.message ?? '', /^The transcriber failed: whisper: it failed \(HTTP 500: CUDA out of memory/);
  fails = false;
  say(client, 1);
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  assert.equal(transcript, 'Please open the window.');
});

const faults: { name: string; chat: Handler; message: RegExp }[] = [
  {
    name: 'refuses its key',
    chat: (_, response) => sendJson(response, { error: { message: 'bad key' } }, 401),
    message: /^The language model failed: qwen3: it requires a key \(HTTP 401: bad key\)\. Set PARLEY_LLM_KEY\.$/,
  },
  {
    name: 'answers with a web page',
    chat: (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    message: /it answered with a web page\. Check that the URL is that of the API/,
  },
  {
    name: 'breaks off in the middle',
    chat: (_, response) =>
      sendEvents(response, [
        { choices: [{ index: 0, delta: { content: 'Well, ' } }] },
        { error: { message: 'KV cache full' } },
      ]),
    message: /it reported an error: KV cache full/,
  },
];
for (const { name, chat: fault, message } of faults) {
  test(`a language model that ${name} fails the response with its stage, and the session continues`, async (t) => {
    let fails = true;
    const { server } = await setting(t, {
      chat: (request, response) => (fails ? fault(request, response) : chat(request, response)),
    });
    const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
    t.after(() => client.socket.terminate());
    const failed = await client.ask('Say: hello');
    assert.equal(failed.response.status, 'failed');
    assert.ok(failed.response.status_details?.type === 'failed');
    assert.equal(failed.response.status_details.error?.code, 'language_model_failed');
    assert.match(String(Reflect.get(failed.response.status_details.error ?? {}, 'message')), message);
    fails = false;
    assert.equal((await client.ask('Say: hello')).response.status, 'completed');
  });
}

test('errors do not reveal the address of a remote engine; the log does', async (t) => {
  const log = new KeptLog();
  const fails: Handler = (_, response) => sendJson(response, { error: { message: 'out of memory' } }, 500);
  const { server } = await setting(t, { chat: fails, stt: fails, tts: fails, log });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  const { response } = await client.ask('Say: hello');
  say(client, 0);
  const { error } = await client.until('conversation.item.input_audio_transcription.failed');
  const speech = await fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'tts-1', input: 'Hello.', voice: 'alloy', response_format: 'pcm' }),
  });
  const texts = [JSON.stringify(response.status_details), error.message ?? '', await speech.text()];
  for (const text of texts) {
    assert.match(text, /HTTP 500: out of memory/);
    assert.doesNotMatch(text, /http:|127\.0\.0\.1/);
  }
  const models = await (await fetch(`${server.url}/v1/models`)).text();
  assert.match(models, /"whisper".*"kokoro"/);
  assert.doesNotMatch(models, /http:|127\.0\.0\.1/);
  for (const event of ['response_failed', 'transcription_failed', 'audio_request_failed']) {
    const { details } = await log.entry(event);
    assert.match(JSON.stringify(Reflect.get(details, 'error')), /at http:\/\/127\.0\.0\.1:/);
  }
});

test('a voice that sends MP3 fails the response with its stage', async (t) => {
  const { server } = await setting(t, {
    tts: (_, response) => void response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('ID3 and some more bytes'),
  });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  client.send({ type: 'response.create' });
  const { response } = await client.until('response.done');
  assert.ok(response.status_details?.type === 'failed');
  assert.match(JSON.stringify(response.status_details), /voice_failed.*kokoro: it sent MP3/);
});

test('a barge-in aborts the request to the language model immediately', async (t) => {
  const { server, model } = await setting(t, {
    chat: async (request, response) => {
      if (request.method === 'GET') return sendJson(response, { data: [] });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(
        `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Once upon a time. There ' } }] })}\n\n`,
      );
      await request.closed;
    },
  });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  client.send({ type: 'response.create' });
  await client.until('response.output_audio.delta');
  client.send({ type: 'response.cancel' });
  assert.equal((await client.until('response.done')).response.status, 'cancelled');
  const request = model.requests.findLast(({ method }) => method === 'POST') ?? assert.fail();
  await request.closed;
});

test('addresses of engines are shown at the start of the server, and not to clients', async (t) => {
  const engines = await setting(t);
  const { engines: own } = (await (await fetch(`${engines.server.url}/readyz`)).json()) as {
    engines: { name: string }[];
  };
  assert.ok(own.some(({ name }) => name === `qwen3 at ${engines.model.url}`));
  const set = {
    ...fakeEngineSet(),
    describe: (): EngineStatus[] => [
      {
        part: 'languageModel',
        name: `qwen3 at ${engines.model.url}`,
        state: 'ready',
        hint: 'secret',
      },
      { part: 'transcriber', name: 'moonshine:/home/me/model', state: 'failed', error: '/home/me is missing' },
    ],
  };
  const exposed = await newServer(t, { engines: set, config: { apiKeys: [apiKey('one', 'sk-1')] } });
  const { engines: texts } = (await (await fetch(`${exposed.url}/readyz`)).json()) as { engines: object[] };
  assert.deepEqual(texts, [
    { part: 'languageModel', name: 'qwen3', state: 'ready' },
    { part: 'transcriber', name: 'moonshine', state: 'failed' },
  ]);
});

test('a server is not ready while its language model is being loaded', async (t) => {
  const loaded = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const { server, model } = await setting(t, {
    chat: async (request, response) => {
      if (request.method === 'GET') return sendJson(response, { data: [{ id: 'qwen3' }] });
      await loaded.promise;
      await chat(request, response);
    },
    options: {
      onUnreachable: () => {},
      onLoading: ({ loading }) => {
        if (!loading) ended.resolve();
      },
    },
  });
  const ready = async () => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, ((await response.json()) as { status: string }).status];
  };
  await model.request(3);
  assert.deepEqual(await ready(), [503, 'loading']);
  loaded.resolve();
  await ended.promise;
  assert.deepEqual(await ready(), [200, 'ready']);
});

test('a configuration with invalid engines prevents the start', async () => {
  const config = { port: 0, languageModel: { url: 'http://127.0.0.1:9/v1', keyEnv: 'NOT_THERE_AT_ALL' } };
  await assert.rejects(startServer({ config, log: silentLog }), {
    name: 'ConfigError',
    message: 'llm: the environment variable NOT_THERE_AT_ALL is not set.',
  });
});
