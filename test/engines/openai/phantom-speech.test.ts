/** `verbose_json` and `no_speech_prob`: hallucinated words. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HttpTranscriber, type TranscriberOptions } from '../../../src/engines/openai/http-transcriber.ts';
import type { TranscriptEvent } from '../../../src/session/ports/transcriber.ts';
import { verifies } from '../../support/verifies.ts';
import { type Handler, modelServer, sendEvents, sendJson } from './servers/model-server.ts';
import { clipOf, transcriptionForm } from './servers/speech-servers.ts';

type Segment = { text: string; no_speech_prob?: number; avg_logprob?: number };

const verbose = (...segments: Segment[]) => ({
  task: 'transcribe',
  language: 'english',
  duration: 1,
  text: segments.map(({ text }) => text).join(''),
  segments: segments.map((segment, id) => ({ id, start: id, end: id + 1, ...segment })),
});
const silent = { no_speech_prob: 0.92, avg_logprob: -0.4 };
const sure = { no_speech_prob: 0.02, avg_logprob: -0.2 };

async function transcriberOf(
  t: TestContext,
  handle: Handler,
  options: Partial<TranscriberOptions> = {},
): Promise<HttpTranscriber> {
  const { url } = await modelServer(t, handle);
  const transcriber = new HttpTranscriber({ url, model: 'whisper-1', attempts: 1, ...options });
  t.after(() => transcriber.close());
  return transcriber;
}

function events(transcriber: HttpTranscriber, options: { logprobs?: boolean } = {}): Promise<TranscriptEvent[]> {
  return Array.fromAsync(transcriber.transcribe(clipOf(0), { ...options, signal: new AbortController().signal }));
}

const cases: { name: string; answer: object; expected: string }[] = [
  { name: 'Thank you, into silence', answer: verbose({ text: ' Thank you.', ...silent }), expected: '' },
  { name: 'Thank you, said', answer: verbose({ text: ' Thank you.', ...sure }), expected: 'Thank you.' },
  { name: 'twice', answer: verbose({ text: ' Thank you.', ...silent }, { text: ' Bye.', ...silent }), expected: '' },
  {
    name: 'after words',
    answer: verbose({ text: ' That is all.', ...sure }, { text: ' Thank you.', ...silent }),
    expected: 'That is all. Thank you.',
  },
  {
    name: 'other words that are probable',
    answer: verbose({ text: ' Open the window.', ...silent }),
    expected: 'Open the window.',
  },
  {
    name: 'other words that are improbable',
    answer: verbose({ text: ' Open the window.', ...silent, avg_logprob: -1.4 }),
    expected: '',
  },
  { name: 'without the figure', answer: verbose({ text: ' Thank you.' }), expected: 'Thank you.' },
  { name: 'without segments', answer: { text: 'Thank you.' }, expected: 'Thank you.' },
  { name: 'segments that are none', answer: { text: 'Thank you.', segments: [null, 7] }, expected: 'Thank you.' },
  { name: 'another script', answer: verbose({ text: 'ご視聴ありがとうございました', ...silent }), expected: '' },
];

for (const { name, answer, expected } of cases) {
  test(`words and no_speech_prob: ${name}`, async (t) => {
    verifies('R8.7');
    const transcriber = await transcriberOf(t, (_, response) => sendJson(response, answer));
    const delta: TranscriptEvent[] = expected === '' ? [] : [{ type: 'delta', text: expected }];
    assert.deepEqual(await events(transcriber), [...delta, { type: 'done', text: expected }]);
  });
}

test('hallucinated pieces of a stream are dropped unless words follow', async (t) => {
  const pieces = [verbose({ text: ' Thank you.', ...silent }), verbose({ text: ' Hello.', ...sure })];
  const spoken = await transcriberOf(t, (_, response) => sendEvents(response, pieces));
  assert.deepEqual(await events(spoken), [
    { type: 'delta', text: 'Thank you. Hello.' },
    { type: 'done', text: 'Thank you. Hello.' },
  ]);
  const blank = await transcriberOf(t, (_, response) => sendEvents(response, pieces.slice(0, 1)));
  assert.deepEqual(await events(blank), [{ type: 'done', text: '' }]);
});

for (const message of [
  "response_format 'verbose_json' is not compatible with model 'x'. Use 'json' or 'text' instead.",
  "verbose_json format doesn't support streaming case",
  'Currently only support response_format `text` or `json`',
  "Input should be 'json' or 'text' (body.response_format)",
]) {
  test(`a server that refuses verbose_json gets json from then on: ${message}`, async (t) => {
    const formats: string[] = [];
    const transcriber = await transcriberOf(t, async (request, response) => {
      const { fields } = await transcriptionForm(request);
      formats.push(fields.response_format ?? '');
      assert.equal(fields.stream, 'true');
      if (fields.response_format !== 'json') return sendJson(response, { error: { message } }, 400);
      sendJson(response, { text: 'Hi.' });
    });
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual((await events(transcriber)).at(-1), { type: 'done', text: 'Hi.' });
    }
    assert.deepEqual(formats, ['verbose_json', 'json', 'json']);
  });
}

test('verbose_json is not requested if it is not available', async (t) => {
  const formats: string[] = [];
  const handle: Handler = async (request, response) => {
    formats.push((await transcriptionForm(request)).fields.response_format ?? '');
    sendJson(response, { text: 'Hi.' });
  };
  await events(await transcriberOf(t, handle), { logprobs: true });
  await events(await transcriberOf(t, handle, { model: 'gpt-4o-mini-transcribe' }));
  assert.deepEqual(formats, ['json', 'json']);
});
