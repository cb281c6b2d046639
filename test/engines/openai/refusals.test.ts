/**
 * Servers that refuse a form of request: the reason is reported, the request is adapted, and the adaptation is
 * remembered.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HttpTranscriber } from '../../../src/engines/openai/http-transcriber.ts';
import { HttpVoice } from '../../../src/engines/openai/http-voice.ts';
import type { ContextItem } from '../../../src/session/ports/language-model.ts';
import { answer, textOf, userSays } from '../contract/language-model.ts';
import { speech } from '../contract/voice.ts';
import { failureMessage, question, serverAndModel } from './faults/support.ts';
import { type ChatBody, chatBody, chatServer, ollama } from './servers/chat-servers.ts';
import { modelServer, sendJson } from './servers/model-server.ts';
import { speechBody, speechServer, speechStyles } from './servers/speech-servers.ts';

const say = chatServer(ollama);
const kokoro = speechServer(speechStyles['Kokoro-FastAPI'] ?? assert.fail());

type Body = object | string;
type Refuse = (body: ChatBody) => readonly [status: number, body: Body] | undefined;

/** A server that answers what `refuse` accepts; returns the bodies of all requests. */
async function refusing(t: TestContext, refuse: Refuse) {
  const bodies: ChatBody[] = [];
  const notices: string[] = [];
  const made = await serverAndModel(
    t,
    async (request, response) => {
      const body = chatBody(request);
      bodies.push(body);
      const refusal = refuse(body);
      if (!refusal) return say(request, response);
      const [status, sent] = refusal;
      if (typeof sent !== 'string') return sendJson(response, sent, status);
      const type = sent.startsWith('<') ? 'text/html' : 'text/plain';
      response.writeHead(status, { 'content-type': type }).end(sent);
    },
    { attempts: 1, adaptationMs: 1000, onNotice: (notice) => notices.push(notice) },
  );
  return { ...made, bodies, notices };
}

// ---- Error bodies ----

const extra = { type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' };
const shapes: Readonly<Record<string, readonly [number, Body]>> = {
  OpenAI: [400, { error: { message: 'Unrecognized request argument supplied: stream_options', param: null } }],
  'OpenAI, the field in param': [400, { error: { message: 'Unknown parameter.', param: 'stream_options' } }],
  Azure: [400, { error: { code: 'BadRequest', message: 'Unknown field', innererror: {}, param: 'stream_options' } }],
  'Azure, older': [400, { statusCode: 400, message: 'Extra field stream_options' }],
  Mistral: [422, { object: 'error', message: { detail: [extra] }, type: 'invalid_request_error', code: null }],
  'Mistral, a list': [422, { object: 'Error', message: [extra], code: 3001 }],
  Gemini: [400, [{ error: { code: 400, message: 'Unknown name "stream_options": Cannot find field.' } }]],
  vLLM: [400, { object: 'error', message: 'stream_options is not supported', code: 400 }],
  FastAPI: [422, { detail: [extra] }],
  'FastAPI, text': [422, { detail: 'unknown field stream_options' }],
  Ollama: [400, { error: 'json: unknown field "stream_options"' }],
  'llama.cpp': [500, { error: { code: 500, message: 'Unsupported param: stream_options', type: 'server_error' } }],
  LiteLLM: [400, { error: { message: "litellm.BadRequestError: {'message': 'unknown stream_options'}", code: '400' } }],
  OpenRouter: [
    400,
    { error: { message: 'Provider returned error', metadata: { raw: 'unknown field: stream_options' } } },
  ],
  text: [400, 'unknown field stream_options\n'],
  HTML: [400, '<html><head><title>400: unknown field stream_options</title></head><body>…</body></html>'],
};

for (const [server, refusal] of Object.entries(shapes)) {
  test(`the reason in an error of ${server} is found, and the field is omitted from then on`, async (t) => {
    const { model, bodies, notices } = await refusing(t, (body) => (body.stream_options ? refusal : undefined));
    assert.equal(textOf(await answer(model, question)), 'hello');
    assert.equal(textOf(await answer(model, question)), 'hello');
    assert.deepEqual(
      bodies.map((body) => 'stream_options' in body),
      [true, false, false],
    );
    assert.equal(notices.length, 1);

    const always = await refusing(t, () => refusal);
    assert.match(await failureMessage(answer(always.model, question)), /stream_options|Unknown/);
  });
}

test('messages in nested, deep or unusual bodies are found or ignored', async (t) => {
  const bodies: readonly (readonly [Body, RegExp])[] = [
    [{ error: { details: [{ reason: 'No credit' }] } }, /\(HTTP 402: No credit\)/],
    [{ errors: ['One', { message: 'Two' }] }, /\(HTTP 402: One; Two\)/],
    [{ ok: false }, /\(HTTP 402: \{"ok":false\}\)/],
    [{}, /\(HTTP 402\)/],
    [[], /\(HTTP 402\)/],
    ['{"cut', /\(HTTP 402: \{"cut\)/],
    ['<p>Pay <b>first</b></p>', /\(HTTP 402: Pay first\)/],
    ['', /\(HTTP 402\)/],
    [JSON.parse(`${'{"error":'.repeat(50)}1${'}'.repeat(50)}`), /HTTP 402/],
  ];
  for (const [body, expected] of bodies) {
    const { model } = await refusing(t, () => [402, body]);
    assert.match(await failureMessage(answer(model, question)), expected);
  }
});

for (const body of [{ detail: [{ ...extra, loc: ['body', 'stream'] }] }, { message: { detail: 'unknown stream' } }]) {
  test(`a transcription request is sent again without a refused field: ${JSON.stringify(body)}`, async (t) => {
    const server = await modelServer(t, async (request, response) => {
      if (request.body.includes('name="stream"')) return sendJson(response, body, 422);
      sendJson(response, { text: 'hello' });
    });
    const transcriber = new HttpTranscriber({ url: server.url, model: 'w', attempts: 1 });
    t.after(() => transcriber.close());
    const clip = { samples: new Int16Array(16_000), sampleRateHz: 16_000 };
    for (const requests of [2, 3]) {
      const signal = new AbortController().signal;
      const events = await Array.fromAsync(transcriber.transcribe(clip, { signal }));
      assert.deepEqual(events.at(-1), { type: 'done', text: 'hello' });
      assert.equal(server.requests.length, requests);
    }
  });
}

for (const [field, refusal, accepted] of [
  ['speed', { detail: [{ ...extra, loc: ['body', 'speed'] }] }, ['wav', undefined]],
  ['response_format', { error: "Value error, response_format 'wav' must be one of: mp3, pcm" }, ['pcm', 1.5]],
  ['response_format', { message: 'Unknown field: response_format' }, [undefined, 1.5]],
] as const) {
  test(`a voice is asked again without a refused field: ${JSON.stringify(refusal)}`, async (t) => {
    const sent: (readonly unknown[])[] = [];
    const server = await modelServer(t, (request, response) => {
      const { response_format, speed } = speechBody(request);
      sent.push([response_format, speed]);
      const known = { response_format: accepted[0], speed: accepted[1] };
      if (speechBody(request)[field] !== known[field]) return sendJson(response, refusal, 422);
      return kokoro(request, response);
    });
    const notices: string[] = [];
    const onNotice = (notice: string) => notices.push(notice);
    const voice = new HttpVoice({ url: server.url, model: 'k', attempts: 1, onNotice });
    t.after(() => voice.close());
    for (const _ of [1, 2]) assert.ok((await speech(voice, 'Good day.', 1.5)).samples.length > 0);
    assert.deepEqual(sent, [['wav', 1.5], accepted, accepted]);
    assert.equal(notices.length, 'error' in refusal ? 0 : 1);
  });
}

test('a voice whose server refuses the text fails with the reason, after one request', async (t) => {
  const server = await modelServer(t, (_, response) => sendJson(response, { detail: 'the input is not allowed' }, 400));
  const voice = new HttpVoice({ url: server.url, model: 'k', attempts: 1 });
  t.after(() => voice.close());
  assert.match(await failureMessage(speech(voice, 'Good day.', 1.5)), /HTTP 400: the input is not allowed/);
  assert.equal(server.requests.length, 1);
});

// ---- Remembered adaptations ----

test('a refused value is omitted, and other values are still sent', async (t) => {
  const { model, bodies, notices } = await refusing(t, ({ temperature }) =>
    temperature === 0.7
      ? [
          400,
          {
            error: {
              message:
                "Unsupported value: 'temperature' does not support 0.7. Only the default (1) value is supported.",
            },
          },
        ]
      : undefined,
  );
  for (const temperature of [0.7, 0.7, 1]) await answer(model, question, { temperature });
  assert.deepEqual(
    bodies.map(({ temperature }) => temperature),
    [0.7, undefined, undefined, 1],
  );
  assert.deepEqual(notices, []);
});

test("an error that depends on a client's content is not remembered", async (t) => {
  const content = 'unknown temperature, and the roles of a conversation must alternate';
  const { model, bodies, notices } = await refusing(t, ({ messages }) =>
    JSON.stringify(messages).includes(content) ? [400, { error: { message: `Not allowed: ${content}` } }] : undefined,
  );
  assert.match(await failureMessage(answer(model, [userSays(content)], { temperature: 0.8 })), /Not allowed/);
  const before = bodies.length;
  await answer(model, question, { temperature: 0.8 });
  assert.deepEqual(notices, []);
  assert.deepEqual([bodies.length - before, bodies.at(-1)?.temperature], [1, 0.8]);
});

test('an adaptation expires, because servers change', async (t) => {
  let old = true;
  const { model, bodies, clock } = await refusing(t, ({ stream_options }) =>
    old && stream_options ? [400, 'unknown field stream_options'] : undefined,
  );
  await answer(model, question);
  old = false;
  await answer(model, question);
  await clock.advance(1000);
  await answer(model, question);
  assert.deepEqual(
    bodies.map((body) => 'stream_options' in body),
    [true, false, false, true],
  );
});

// ---- Roles ----

const roles = (body: ChatBody) => body.messages.map(({ role }) => role);
const withoutSystem = (body: ChatBody) => roles(body).filter((role) => role !== 'system');
/** Mistral's templates: calls and their outputs do not count. */
const spokenTurns = ({ messages }: ChatBody) =>
  messages.filter(({ role, tool_calls }) => role === 'user' || (role === 'assistant' && tool_calls === undefined));

const templates: Readonly<Record<string, Refuse>> = {
  'system first (Qwen 3.x, vLLM)': (body) =>
    roles(body).lastIndexOf('system') > 0
      ? [400, { object: 'error', message: 'System message must be at the beginning.' }]
      : undefined,
  'system first (llama.cpp)': (body) =>
    roles(body).lastIndexOf('system') > 0
      ? [500, { error: { code: 500, message: 'Jinja Exception: System message must be at the beginning.' } }]
      : undefined,
  'a user is there (Qwen 3.5)': (body) =>
    roles(body).includes('user') ? undefined : [400, { error: { message: 'No user query found in messages.' } }],
  'something but the system is there (Gemini)': (body) =>
    withoutSystem(body).length > 0
      ? undefined
      : [400, [{ error: { message: '* GenerateContentRequest.contents: contents is not specified' } }]],
  'a call behind the user (Gemini)': (body) =>
    withoutSystem(body)[0] === 'assistant'
      ? [
          400,
          [
            {
              error: {
                message:
                  'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
              },
            },
          ],
        ]
      : undefined,
  'roles alternate (Mistral)': (body) =>
    spokenTurns(body).some(({ role }, index) => (role === 'user') !== (index % 2 === 0))
      ? [400, 'Conversation roles must alternate user/assistant/user/assistant/...']
      : undefined,
  'no user behind a tool (Mistral)': (body) =>
    roles(body).some((role, index) => role === 'user' && roles(body)[index - 1] === 'tool')
      ? [
          400,
          {
            object: 'error',
            message: "Unexpected role 'user' after role 'tool'",
            type: 'invalid_request_message_order',
          },
        ]
      : undefined,
  'the user last (Perplexity)': (body) =>
    ['user', 'tool'].includes(roles(body).at(-1) ?? '')
      ? undefined
      : [400, { error: { message: 'Last message must have role `user`' } }],
  'no system (Gemma)': (body) =>
    roles(body).includes('system') ? [400, { error: { message: 'System role not supported' } }] : undefined,
  'a Go template (Ollama)': (body) =>
    withoutSystem(body)[0] === 'assistant'
      ? [500, { error: 'template: :21:14: executing "" at <index .Messages 1>: error calling index' }]
      : undefined,
  'user and assistant only': (body) =>
    roles(body).some((role) => role !== 'user' && role !== 'assistant')
      ? [400, 'Only user and assistant roles are supported!']
      : undefined,
};

const says = (role: 'system' | 'user' | 'assistant', text: string): ContextItem => ({
  type: 'message',
  role,
  content: [{ type: 'text', text }],
});
const call: ContextItem[] = [
  { type: 'call', callId: 'c', name: 'f', arguments: '{"a":1}' },
  { type: 'call_output', callId: 'c', output: 'forty-two' },
];

const conversations: Readonly<Record<string, readonly ContextItem[]>> = {
  'system text in the middle': [
    says('user', 'one'),
    says('assistant', 'two'),
    says('system', 'three'),
    says('user', 'four'),
  ],
  'a greeting': [],
  'a greeting with a call': call,
  'system text alone': [says('system', 'one')],
  'the assistant first': [says('assistant', 'one'), says('user', 'two')],
  'a call and an interruption': [says('user', 'one'), ...call, says('user', 'two')],
  'an output without its call': [says('user', 'one'), { type: 'call_output', callId: 'gone', output: 'two' }],
  'the assistant last': [says('user', 'one'), says('assistant', 'two')],
  'two calls in a row': [
    says('user', 'one'),
    ...call,
    says('assistant', 'two'),
    says('system', 'three'),
    ...call.map((item) => ({ ...item, callId: 'd' })),
    says('user', 'four'),
  ],
};

for (const [template, refuse] of Object.entries(templates)) {
  test(`a request is adapted to this template without loss: ${template}`, async (t) => {
    for (const [name, items] of Object.entries(conversations)) {
      const { model, bodies } = await refusing(t, refuse);
      for (const _ of [1, 2]) await answer(model, items, { instructions: 'You sell shoes.', tools: [{ name: 'f' }] });
      const last = bodies.at(-1);
      assert.ok(last);
      assert.equal(refuse(last), undefined, name);
      assert.ok(last.tools, 'tools stay');
      const sent = JSON.stringify(last.messages);
      for (const text of [
        'You sell shoes.',
        ...['one', 'two', 'three', 'four', 'forty-two'].filter((each) => JSON.stringify(items).includes(`"${each}"`)),
      ]) {
        assert.ok(sent.includes(text), `${name}: ${text} is in ${sent}`);
      }
      assert.ok(bodies.length <= 5, `${name}: asked ${bodies.length} times`);
    }
  });
}

test('a template error is adapted to once, also with status 500', async (t) => {
  const { model, server } = await serverAndModel(t, (_, response) =>
    sendJson(response, { error: { message: 'Jinja Exception: everything is wrong' } }, 500),
  );
  assert.match(await failureMessage(answer(model, question)), /everything is wrong\)\.$/);
  assert.ok(server.requests.length <= 3, 'each form once');
});
