import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../../../src/engines/engine-error.ts';
import { HttpTranscriber, type TranscriberOptions } from '../../../src/engines/openai/http-transcriber.ts';
import type { TranscriptEvent } from '../../../src/session/ports/transcriber.ts';
import { transcript } from '../contract/transcriber.ts';
import { type Handler, type ModelServer, modelServer, sendEvents, sendJson } from './servers/model-server.ts';
import { clipOf, transcriptionForm, transcriptionServer, transcriptionStyles } from './servers/speech-servers.ts';

async function serverAndTranscriber(
  t: TestContext,
  handle: Handler,
  options: Partial<TranscriberOptions> = {},
): Promise<{ server: ModelServer; transcriber: HttpTranscriber }> {
  const server = await modelServer(t, handle);
  const transcriber = new HttpTranscriber({ url: server.url, model: 'whisper-small', attempts: 1, ...options });
  t.after(() => transcriber.close());
  return { server, transcriber };
}

const hosted = transcriptionServer(transcriptionStyles['the hosted API']);
const text =
  (words: string): Handler =>
  (_, response) =>
    sendJson(response, { text: words });

function events(
  transcriber: HttpTranscriber,
  options: { language?: string; prompt?: string; logprobs?: boolean } = {},
): Promise<TranscriptEvent[]> {
  return Array.fromAsync(transcriber.transcribe(clipOf(0), { ...options, signal: new AbortController().signal }));
}

test('audio is sent as a 16 kHz WAV file, with the model, the language and the prompt', async (t) => {
  const { server, transcriber } = await serverAndTranscriber(t, hosted, { key: 'sk-stt' });
  await events(transcriber, { language: 'en', prompt: 'Parley' });
  const request = await server.request(1);
  const { file, fields, samples, sampleRateHz } = await transcriptionForm(request);
  assert.deepEqual([file.name, file.type, sampleRateHz], ['speech.wav', 'audio/wav', 16_000]);
  assert.deepEqual(samples, clipOf(0).samples);
  assert.deepEqual(fields, {
    model: 'whisper-small',
    language: 'en',
    prompt: 'Parley',
    response_format: 'verbose_json',
    stream: 'true',
  });
  assert.equal(request.headers.authorization, 'Bearer sk-stt');
  // Not every server accepts chunked bodies.
  assert.ok(Number(request.headers['content-length']) > file.size);
});

test('logprobs are returned on request, and are those of the model', async (t) => {
  const { transcriber } = await serverAndTranscriber(t, hosted);
  const [first, ...rest] = await events(transcriber, { logprobs: true });
  assert.deepEqual(first, {
    type: 'delta',
    text: 'What',
    logprobs: [{ token: 'What', logprob: -0.125, bytes: [...Buffer.from('What')] }],
  });
  const done = rest.at(-1);
  assert.ok(done?.type === 'done');
  assert.equal(done.logprobs?.map(({ token }) => token).join(''), 'What is the weather like today?');
  assert.ok(Math.abs((done.confidence ?? 0) - Math.exp(-0.125)) < 1e-9);
  const plain = (await events(transcriber)).at(-1);
  assert.ok(plain?.type === 'done' && plain.logprobs === undefined);
});

test('usage is that of the server, in tokens or in seconds', async (t) => {
  const { transcriber } = await serverAndTranscriber(t, hosted);
  const { usage } = await transcript(transcriber, clipOf(0));
  assert.deepEqual(usage, {
    type: 'tokens',
    input_tokens: 14,
    output_tokens: 6,
    total_tokens: 20,
    input_token_details: { text_tokens: 4, audio_tokens: 10 },
  });
  const seconds = await serverAndTranscriber(t, (_, response) =>
    sendJson(response, { text: 'Hi.', usage: { type: 'duration', seconds: 3 } }),
  );
  assert.deepEqual((await transcript(seconds.transcriber, clipOf(0))).usage, { type: 'duration', seconds: 3 });
});

test('a diarizing model is asked for speaker labels', async (t) => {
  const part = { type: 'transcript.text.segment', id: 'seg_1', start: 0.5, end: 1.25, text: ' Hi.', speaker: 'A' };
  const { server, transcriber } = await serverAndTranscriber(
    t,
    (_, response) => sendEvents(response, [part, { type: 'transcript.text.done', text: 'Hi.' }]),
    { model: 'gpt-4o-transcribe-diarize' },
  );
  assert.deepEqual((await events(transcriber))[0], {
    type: 'segment',
    text: ' Hi.',
    speaker: 'A',
    start: 0.5,
    end: 1.25,
  });
  const { fields } = await transcriptionForm(await server.request(1));
  assert.deepEqual([fields.response_format, fields.chunking_strategy], ['diarized_json', 'auto']);
});

test('streaming or logprobs that a server refuses are not requested again', async (t) => {
  const notices: string[] = [];
  const { server, transcriber } = await serverAndTranscriber(
    t,
    async (request, response) => {
      const { fields } = await transcriptionForm(request);
      const refused = ['stream', 'include[]'].find((field) => field in fields);
      if (refused) return sendJson(response, { error: { message: `${refused} is not supported by this model` } }, 400);
      sendJson(response, { text: 'Hi.' });
    },
    { onNotice: (notice) => notices.push(notice) },
  );
  for (let time = 0; time < 2; time += 1) {
    assert.deepEqual((await events(transcriber, { logprobs: true })).at(-1), { type: 'done', text: 'Hi.' });
  }
  assert.equal(server.requests.length, 4);
  assert.equal(notices.length, 2);
});

test('clips that are too short for the API are padded, and long ones are split', async (t) => {
  const lengths: number[] = [];
  const { transcriber } = await serverAndTranscriber(t, async (request, response) => {
    const { samples } = await transcriptionForm(request);
    lengths.push(samples.length);
    sendJson(response, { text: `Part ${lengths.length}.` });
  });
  await transcript(transcriber, { samples: new Int16Array(160), sampleRateHz: 16_000 });
  assert.deepEqual(lengths.splice(0), [3200]);
  const minutes = 13 * 60 * 16_000;
  const { text: heard } = await transcript(transcriber, { samples: new Int16Array(minutes), sampleRateHz: 16_000 });
  assert.equal(heard, 'Part 1. Part 2.');
  assert.equal(
    lengths.reduce((sum, each) => sum + each),
    minutes,
  );
  assert.ok(lengths.every((each) => each * 2 < 25_000_000));
});

test("words are joined with the server's spaces", async (t) => {
  const delta = (words: string) => ({ type: 'transcript.text.delta', delta: words });
  for (const pieces of [
    [' Good', ' day', ' to you. '],
    ['Good ', 'day ', '', ' ', 'to you.'],
    ['\n', 'Good day', ' ', 'to you.\n'],
  ]) {
    const { transcriber } = await serverAndTranscriber(t, (_, response) =>
      sendEvents(response, [...pieces.map(delta), { type: 'transcript.text.done', text: pieces.join('') }]),
    );
    const { text: heard } = await transcript(transcriber, clipOf(0));
    assert.equal(heard.replaceAll(/\s+/g, ' '), 'Good day to you.');
  }
});

test('a final text that differs from the deltas completes or replaces them', async (t) => {
  const said =
    (text: string): Handler =>
    (_, response) =>
      sendEvents(response, [
        { type: 'transcript.text.delta', delta: 'Good' },
        { type: 'transcript.text.done', text },
      ]);
  const more = await serverAndTranscriber(t, said('Good day.'));
  assert.equal((await transcript(more.transcriber, clipOf(0))).text, 'Good day.');
  const other = await serverAndTranscriber(t, said('Wood.'));
  assert.equal((await transcript(other.transcriber, clipOf(0))).text, 'Good');
});

test('an empty transcript is accepted', async (t) => {
  const { transcriber } = await serverAndTranscriber(t, text(' \n'));
  assert.deepEqual(await events(transcriber), [{ type: 'done', text: '' }]);
});

const faults: { name: string; handle: Handler; expected: RegExp }[] = [
  {
    name: 'no model',
    handle: (_, response) => sendJson(response, { detail: 'Model not found' }, 404),
    expected: /HTTP 404: Model not found/,
  },
  {
    name: 'JSON without a transcript',
    handle: (_, response) => sendJson(response, { ok: true }),
    expected: /not a transcript: "\{"ok":true\}"/,
  },
  {
    name: 'an error that claims success',
    handle: (_, response) => sendJson(response, { error: 'CUDA' }),
    expected: /an error: CUDA/,
  },
  {
    name: 'a stream that ends in the middle',
    handle: (_, response) => sendEvents(response, [{ type: 'transcript.text.delta', delta: 'Good' }]),
    expected: /its transcript is incomplete/,
  },
  {
    name: 'an error in the stream',
    handle: (_, response) => sendEvents(response, [{ type: 'error', error: { message: 'decoder lost' } }]),
    expected: /decoder lost/,
  },
  {
    name: 'a web page',
    handle: (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    expected: /web page/,
  },
  { name: '20 MB of words', handle: text('word '.repeat(4_000_000)), expected: /longer than 4194304 bytes/ },
];
for (const { name, handle, expected } of faults) {
  test(`the error is readable: ${name}`, async (t) => {
    const { transcriber } = await serverAndTranscriber(t, handle);
    await assert.rejects(
      transcript(transcriber, clipOf(0)),
      (error) => error instanceof EngineError && expected.test(error.message),
    );
  });
}
