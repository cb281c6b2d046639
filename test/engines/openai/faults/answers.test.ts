/** HTTP error statuses and invalid response bodies. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatModel } from '../../../../src/engines/openai/chat-model.ts';
import { answer } from '../../contract/language-model.ts';
import { type Handler, modelServer, sendEvents, sendJson } from '../servers/model-server.ts';
import { failureMessage, one, question, serverAndModel, words } from './support.ts';

const statuses: { status: number; body: unknown; headers?: Record<string, string>; expected: RegExp; key?: string }[] =
  [
    {
      status: 401,
      body: { error: { message: 'Unauthorized' } },
      expected: /it requires a key \(HTTP 401: Unauthorized\)\. Set PARLEY_LLM_KEY\.$/,
    },
    {
      status: 401,
      body: { error: { message: 'Incorrect API key provided: sk-secret-1' } },
      key: 'sk-secret-1',
      expected: /refused the key \(HTTP 401: Incorrect API key provided: \*\*\*\)/,
    },
    {
      status: 404,
      body: { error: { message: 'model "m" not found, try pulling it first' } },
      expected: /does not know the model or the path \(HTTP 404: model "m" not found/,
    },
    { status: 404, body: { detail: 'Not Found' }, expected: /HTTP 404: Not Found.*\/v1/ },
    {
      status: 400,
      body: { error: 'the prompt is too long' },
      expected: /refused the request \(HTTP 400: the prompt is too long\)/,
    },
    { status: 422, body: { detail: [{ loc: ['body', 'x'], msg: 'bad' }] }, expected: /HTTP 422: x: bad/ },
    {
      status: 429,
      body: { error: { message: 'You exceeded your current quota' } },
      headers: { 'retry-after': '30' },
      expected: /HTTP 429: You exceeded your current quota; it asks to come back in 30 s/,
    },
    {
      status: 500,
      body: { error: { message: 'CUDA out of memory' } },
      expected: /it failed \(HTTP 500: CUDA out of memory\)/,
    },
    {
      status: 301,
      body: {},
      headers: { location: 'https://example.com/v1?token=x' },
      expected: /HTTP 301, to https:\/\/example\.com\/v1\)\. Correct the URL/,
    },
  ];

for (const { status, body, headers = {}, expected, key } of statuses) {
  test(`HTTP ${status} with ${JSON.stringify(body)}${key ? ' to a key' : ''}`, async (t) => {
    const { model } = await serverAndModel(t, (_, response) => sendJson(response, body, status, headers), {
      ...one,
      keyHint: 'PARLEY_LLM_KEY',
      ...(key !== undefined && { key }),
    });
    const message = await failureMessage(answer(model, question));
    assert.match(message, expected);
    assert.doesNotMatch(message, /sk-secret|token=x|\n/);
  });
}

test('errors do not contain the credentials of a URL', async (t) => {
  const { url } = await modelServer(t, (_, response) => sendJson(response, { error: { message: 'no: hunter2' } }, 403));
  const model = new ChatModel({ url: `${url.replace('//', '//me:hunter2@')}?api-key=hunter2`, model: 'm', ...one });
  assert.doesNotMatch(await failureMessage(answer(model, question)), /hunter2/);
});

// ---- Invalid responses ----

const oddities: { name: string; handle: Handler; expected: RegExp }[] = [
  {
    name: 'a web page',
    handle: (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Hi'),
    expected: /answered with a web page.*\/v1/,
  },
  {
    name: 'a web page as an error',
    handle: (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
    expected: /it failed \(HTTP 502/,
  },
  {
    name: 'garbage',
    handle: (_, response) => sendEvents(response, ['\u0001\u0002 no events here\n', 'nor here']),
    expected: /not an event stream: "no events here"/,
  },
  {
    name: 'events that are not JSON',
    handle: (_, response) => sendEvents(response, ['data: <oops>\n\n']),
    expected: /not JSON: "<oops>"/,
  },
  { name: 'nothing', handle: (_, response) => sendEvents(response, []), expected: /its answer was empty/ },
  {
    name: '[DONE] alone',
    handle: (_, response) => sendEvents(response, ['data: [DONE]\n\n']),
    expected: /its answer was empty/,
  },
  {
    name: 'an answer without an end',
    handle: (_, response) => sendEvents(response, [words('Well,')]),
    expected: /its answer is incomplete/,
  },
  {
    name: 'an event of 10 MB',
    handle: (_, response) => sendEvents(response, [words('x'.repeat(10_000_000))]),
    expected: /an event of more than 4194304 characters/,
  },
  {
    name: 'an answer without bounds',
    handle: (_, response) =>
      sendEvents(
        response,
        Array.from({ length: 6 }, () => words('x'.repeat(1_000_000))),
      ),
    expected: /more than 4194304 characters/,
  },
  {
    name: 'a call of 2 MB',
    handle: (_, response) => {
      const call = { index: 0, function: { name: 'f', arguments: 'y'.repeat(700_000) } };
      const piece = { choices: [{ index: 0, delta: { tool_calls: [call] } }] };
      return sendEvents(response, [piece, piece, piece]);
    },
    expected: /more than 1048576 characters of arguments/,
  },
  {
    name: 'a call without a name',
    handle: (_, response) => {
      const delta = { tool_calls: [{ index: 0, function: { arguments: '{}' } }] };
      return sendEvents(response, [{ choices: [{ index: 0, delta, finish_reason: 'tool_calls' }] }]);
    },
    expected: /a function without a name/,
  },
  {
    name: 'an error in the middle of the stream',
    handle: (_, response) => sendEvents(response, [words('Well,'), { error: { message: 'KV cache full', code: 400 } }]),
    expected: /reported an error: KV cache full/,
  },
  {
    name: "an error in llama.cpp's form",
    handle: (_, response) => sendEvents(response, [words('Well,'), 'error: {"message":"slot lost","code":500}\n\n']),
    expected: /reported an error: slot lost/,
  },
  {
    name: "an error in Ollama's form",
    handle: (_, response) => sendEvents(response, [words('Well,'), '{"error":"unexpected EOF"}\n']),
    expected: /reported an error: unexpected EOF/,
  },
  {
    name: 'a reason that is an error',
    handle: (_, response) =>
      sendEvents(response, [words('Well,'), { choices: [{ index: 0, delta: {}, finish_reason: 'error' }] }]),
    expected: /reported an error/,
  },
];

for (const { name, handle, expected } of oddities) {
  test(`a response that is ${name}`, async (t) => {
    const { model } = await serverAndModel(t, handle, one);
    assert.match(await failureMessage(answer(model, question)), expected);
  });
}

test('a connection that breaks during the response', async (t) => {
  const { model } = await serverAndModel(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`, () => response.socket?.destroy());
    },
    one,
  );
  assert.match(
    await failureMessage(answer(model, question)),
    /the connection broke in the middle of its answer, after \d+ bytes/,
  );
});
