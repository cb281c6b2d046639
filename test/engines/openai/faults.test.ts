/** Servers that refuse, hang, break, or answer something else: what the engine tells, and when it asks again. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../../../src/engines/engine-error.ts';
import { ChatModel, type ChatModelOptions } from '../../../src/engines/openai/chat-model.ts';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { answer, requestWith, textOf, userSays } from '../contract/language-model.ts';
import { chatServer, ollama } from './servers/chat-servers.ts';
import { type Handler, hangs, type ModelServer, modelServer, sendEvents, sendJson } from './servers/model-server.ts';
import { WatchedClock } from './servers/watched-clock.ts';

const question = [userSays('Say: hello')];
const answers = chatServer(ollama);
const words = (text: string) => ({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] });

async function serverAndModel(
  t: TestContext,
  handle: Handler,
  options: Partial<ChatModelOptions> = {},
): Promise<{ server: ModelServer; model: ChatModel; clock: WatchedClock }> {
  const server = await modelServer(t, handle);
  const clock = new WatchedClock();
  const model = new ChatModel({ url: server.url, model: 'm', clock, ...options });
  t.after(() => model.close());
  return { server, model, clock };
}

/** What a failing request is told as. */
async function told(asking: Promise<unknown>): Promise<string> {
  let message = '';
  await assert.rejects(asking, (error) => {
    assert.ok(error instanceof EngineError);
    message = error.message;
    return true;
  });
  return message;
}

const one = { attempts: 1 };

// ---- No connection ----

test('a port that nobody listens on', async () => {
  const model = new ChatModel({ url: 'http://127.0.0.1:9/v1', model: 'llama3.2', ...one });
  assert.equal(
    await told(answer(model, question)),
    'llama3.2 at http://127.0.0.1:9/v1: nothing listens there. Start the server, or correct the address (ECONNREFUSED).',
  );
});

test('clients are told which model failed and how, and no address: neither its own nor those that it tells', async (t) => {
  const refuses: Handler = (_, response) => {
    const message = `no upstream: http://10.0.0.5:8000/v1 (10.0.0.6:9000), asked as ${response.req.headers.host}`;
    sendJson(response, { error: { message } }, 400);
  };
  const { model } = await serverAndModel(t, refuses, one);
  await assert.rejects(answer(model, question), (error) => {
    assert.ok(error instanceof EngineError);
    assert.match(error.message, /^m at http:\/\/127\.0\.0\.1:.*10\.0\.0\.5/);
    assert.match(error.forClients, /^m: .*HTTP 400: no upstream: … \(…\), asked as …\)/);
    return true;
  });
});

test('a host that does not exist', async () => {
  const model = new ChatModel({ url: 'http://models.invalid/v1', model: 'm', ...one });
  assert.match(await told(answer(model, question)), /at http:\/\/models\.invalid\/v1: its host name/);
});

test('something that does not speak HTTP, and something that speaks TLS only or not at all', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-OpenSSH_9.9\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const plain = new ChatModel({ url: `http://127.0.0.1:${address.port}/v1`, model: 'm', ...one });
  assert.match(await told(answer(plain, question)), /does not speak HTTP/);
  const secure = new ChatModel({ url: `https://127.0.0.1:${address.port}/v1`, model: 'm', ...one });
  assert.match(await told(answer(secure, question)), /TLS failed/);
});

test('an answer with 101, after which HTTP is over', async (t) => {
  const { model } = await serverAndModel(
    t,
    async (_request, response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    },
    one,
  );
  assert.match(await told(answer(model, question)), /ended the connection without an answer/);
});

test('a host that takes the connection and never answers', async (t) => {
  const { model, server, clock } = await serverAndModel(t, hangs, { timeouts: { firstByteMs: 7000 } });
  const message = told(answer(model, question));
  const { closed } = await server.request(1);
  await clock.advance(7000);
  assert.match(await message, /gave no answer in 7 s\.$/);
  await closed;
  assert.equal(server.requests.length, 1, 'who waited that long is not asked again');
});

test('a server that begins an answer, and then gives nothing', async (t) => {
  const { model, clock } = await serverAndModel(
    t,
    async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      await request.closed;
    },
    { timeouts: { connectMs: 1, firstByteMs: 6000, idleMs: 3 } },
  );
  const message = told(answer(model, question));
  // Once for the headers, and once for what follows them.
  while (clock.delays.filter((ms) => ms === 6000).length < 3) await clock.advance(0);
  await clock.advance(6000);
  assert.match(await message, /began an answer and then gave nothing for 6 s/);
});

test('a server that stops in the middle of its answer', async (t) => {
  const { model, clock } = await serverAndModel(
    t,
    async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`);
      await request.closed;
    },
    { timeouts: { idleMs: 4000 } },
  );
  const heard: ModelEvent[] = [];
  const message = told(
    (async () => {
      for await (const event of model.generate(requestWith(question))) heard.push(event);
    })(),
  );
  await clock.set(4000);
  await clock.advance(4000);
  assert.match(await message, /stopped in the middle of its answer and gave nothing for 4 s/);
  assert.equal(textOf(heard), 'Well,');
});

// ---- Statuses ----

const statuses: { status: number; body: unknown; headers?: Record<string, string>; told: RegExp; key?: string }[] = [
  {
    status: 401,
    body: { error: { message: 'Unauthorized' } },
    told: /it wants a key \(HTTP 401: Unauthorized\)\. Set PARLEY_LLM_KEY\.$/,
  },
  {
    status: 401,
    body: { error: { message: 'Incorrect API key provided: sk-secret-1' } },
    key: 'sk-secret-1',
    told: /refused the key \(HTTP 401: Incorrect API key provided: \*\*\*\)/,
  },
  {
    status: 404,
    body: { error: { message: 'model "m" not found, try pulling it first' } },
    told: /knows no such model or no such path \(HTTP 404: model "m" not found/,
  },
  { status: 404, body: { detail: 'Not Found' }, told: /HTTP 404: Not Found.*\/v1/ },
  {
    status: 400,
    body: { error: 'the prompt is too long' },
    told: /refused the request \(HTTP 400: the prompt is too long\)/,
  },
  { status: 422, body: { detail: [{ loc: ['body', 'x'], msg: 'bad' }] }, told: /HTTP 422: .*"bad"/ },
  {
    status: 429,
    body: { error: { message: 'You exceeded your current quota' } },
    headers: { 'retry-after': '30' },
    told: /HTTP 429: You exceeded your current quota; it asks to come back in 30 s/,
  },
  {
    status: 500,
    body: { error: { message: 'CUDA out of memory' } },
    told: /it failed \(HTTP 500: CUDA out of memory\)/,
  },
  {
    status: 301,
    body: {},
    headers: { location: 'https://example.com/v1?token=x' },
    told: /HTTP 301, to https:\/\/example\.com\/v1\)\. Correct the URL/,
  },
];
for (const { status, body, headers = {}, told: expected, key } of statuses) {
  test(`HTTP ${status} with ${JSON.stringify(body)}${key ? ' to a key' : ''}`, async (t) => {
    const { model } = await serverAndModel(t, (_, response) => sendJson(response, body, status, headers), {
      ...one,
      keyHint: 'PARLEY_LLM_KEY',
      ...(key !== undefined && { key }),
    });
    const message = await told(answer(model, question));
    assert.match(message, expected);
    assert.doesNotMatch(message, /sk-secret|token=x|\n/);
  });
}

test('the credentials of a URL are in no message', async (t) => {
  const { url } = await modelServer(t, (_, response) => sendJson(response, { error: { message: 'no: hunter2' } }, 403));
  const model = new ChatModel({ url: `${url.replace('//', '//me:hunter2@')}?api-key=hunter2`, model: 'm', ...one });
  assert.doesNotMatch(await told(answer(model, question)), /hunter2/);
});

// ---- Other answers ----

const oddities: { name: string; handle: Handler; told: RegExp }[] = [
  {
    name: 'a web page',
    handle: (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Hi'),
    told: /answered with a web page.*\/v1/,
  },
  {
    name: 'a web page as an error',
    handle: (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
    told: /it failed \(HTTP 502/,
  },
  {
    name: 'garbage',
    handle: (_, response) => sendEvents(response, ['\u0001\u0002 no events here\n', 'nor here']),
    told: /no stream of events: "no events here"/,
  },
  {
    name: 'events that are not JSON',
    handle: (_, response) => sendEvents(response, ['data: <oops>\n\n']),
    told: /not JSON: "<oops>"/,
  },
  { name: 'nothing', handle: (_, response) => sendEvents(response, []), told: /without having said anything/ },
  {
    name: '[DONE] alone',
    handle: (_, response) => sendEvents(response, ['data: [DONE]\n\n']),
    told: /without having said/,
  },
  {
    name: 'an answer without an end',
    handle: (_, response) => sendEvents(response, [words('Well,')]),
    told: /ended in the middle/,
  },
  {
    name: 'an event of 10 MB',
    handle: (_, response) => sendEvents(response, [words('x'.repeat(10_000_000))]),
    told: /an event of more than 1048576 characters/,
  },
  {
    name: 'an answer without bounds',
    handle: (_, response) =>
      sendEvents(
        response,
        Array.from({ length: 6 }, () => words('x'.repeat(1_000_000))),
      ),
    told: /more than 4194304 characters/,
  },
  {
    name: 'a call of 2 MB',
    handle: (_, response) => {
      const call = { index: 0, function: { name: 'f', arguments: 'y'.repeat(700_000) } };
      const piece = { choices: [{ index: 0, delta: { tool_calls: [call] } }] };
      return sendEvents(response, [piece, piece, piece]);
    },
    told: /more than 1048576 characters of arguments/,
  },
  {
    name: 'a call without a name',
    handle: (_, response) => {
      const delta = { tool_calls: [{ index: 0, function: { arguments: '{}' } }] };
      return sendEvents(response, [{ choices: [{ index: 0, delta, finish_reason: 'tool_calls' }] }]);
    },
    told: /a function without a name/,
  },
  {
    name: 'an error in the middle of the stream',
    handle: (_, response) => sendEvents(response, [words('Well,'), { error: { message: 'KV cache full', code: 400 } }]),
    told: /broke off with an error: KV cache full/,
  },
  {
    name: "an error in llama.cpp's form",
    handle: (_, response) => sendEvents(response, [words('Well,'), 'error: {"message":"slot lost","code":500}\n\n']),
    told: /broke off with an error: slot lost/,
  },
  {
    name: "an error in Ollama's form",
    handle: (_, response) => sendEvents(response, [words('Well,'), '{"error":"unexpected EOF"}\n']),
    told: /broke off with an error: unexpected EOF/,
  },
  {
    name: 'a reason that is an error',
    handle: (_, response) =>
      sendEvents(response, [words('Well,'), { choices: [{ index: 0, delta: {}, finish_reason: 'error' }] }]),
    told: /broke off with an error/,
  },
];
for (const { name, handle, told: expected } of oddities) {
  test(`an answer that is ${name}`, async (t) => {
    const { model } = await serverAndModel(t, handle, one);
    assert.match(await told(answer(model, question)), expected);
  });
}

test('a connection that breaks in the middle of the answer', async (t) => {
  const { model } = await serverAndModel(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`, () => response.socket?.destroy());
    },
    one,
  );
  assert.match(
    await told(answer(model, question)),
    /the connection broke in the middle of its answer, after \d+ bytes/,
  );
});

// ---- Asking again ----

test('who was refused for a moment is asked again', async (t) => {
  let refusals = 2;
  const { model, server, clock } = await serverAndModel(t, (request, response) => {
    if (refusals === 0) return answers(request, response);
    refusals -= 1;
    sendJson(response, { error: { message: 'Loading model' } }, 503);
  });
  const answered = answer(model, question);
  await clock.set(250);
  await clock.advance(250);
  await clock.set(1000);
  await clock.advance(1000);
  assert.equal(textOf(await answered), 'hello');
  assert.equal(server.requests.length, 3);
});

test('no more than three times', async (t) => {
  const { model, server, clock } = await serverAndModel(t, (_, response) => sendJson(response, {}, 503));
  const message = told(answer(model, question));
  await clock.set(250);
  await clock.advance(250);
  await clock.set(1000);
  await clock.advance(1000);
  assert.match(await message, /it failed \(HTTP 503\) \(3 attempts\)\.$/);
  assert.equal(server.requests.length, 3);
});

test('Retry-After is heeded, up to five seconds', async (t) => {
  let refusals = 1;
  const { model, clock } = await serverAndModel(t, (request, response) => {
    if (refusals === 0) return answers(request, response);
    refusals -= 1;
    sendJson(response, {}, 429, { 'retry-after': '4' });
  });
  const answered = answer(model, question);
  await clock.set(4000);
  await clock.advance(4000);
  assert.equal(textOf(await answered), 'hello');
  const busy = await serverAndModel(t, (_, response) => sendJson(response, {}, 429, { 'retry-after': '6' }));
  assert.match(await told(answer(busy.model, question)), /come back in 6 s/);
  assert.equal(busy.server.requests.length, 1);
});

test('what is wrong with the request stays wrong: it is sent once', async (t) => {
  const { model, server } = await serverAndModel(t, (_, response) => sendJson(response, {}, 400));
  await told(answer(model, question));
  assert.equal(server.requests.length, 1);
});

test('a stream that breaks before its first word is asked for again; after it, not', async (t) => {
  let breaks = 1;
  const { model, server, clock } = await serverAndModel(t, async (request, response) => {
    if (breaks === 0) return answers(request, response);
    breaks -= 1;
    await sendEvents(response, [{ choices: [] }, { error: { message: 'overloaded', code: 529 } }]);
  });
  const answered = answer(model, question);
  await clock.set(250);
  await clock.advance(250);
  assert.equal(textOf(await answered), 'hello');
  assert.equal(server.requests.length, 2);

  const late = await serverAndModel(t, (_, response) =>
    sendEvents(response, [words('Well,'), { error: { message: 'overloaded', code: 529 } }]),
  );
  await told(answer(late.model, question));
  assert.equal(late.server.requests.length, 1);
});

test('an abort ends the wait before the next attempt', async (t) => {
  const { model, clock } = await serverAndModel(t, (_, response) => sendJson(response, {}, 503));
  const abort = new AbortController();
  const reason = new Error('enough');
  const answered = Array.fromAsync(model.generate(requestWith(question, { signal: abort.signal })));
  await clock.set(250);
  abort.abort(reason);
  await assert.rejects(answered, (error) => error === reason);
});

// ---- Connections ----

test('an abort closes the request at once', async (t) => {
  const { model, server } = await serverAndModel(t, async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`);
    await request.closed;
  });
  const abort = new AbortController();
  const iterator = model.generate(requestWith(question, { signal: abort.signal }));
  await iterator.next();
  abort.abort();
  const { closed } = await server.request(1);
  await closed;
});

test('a consumer that leaves closes the request too', async (t) => {
  const { model, server } = await serverAndModel(t, async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`);
    await request.closed;
  });
  for await (const _ of model.generate(requestWith(question))) break;
  const { closed } = await server.request(1);
  await closed;
});

test('connections are kept from one request to the next, also after an error', async (t) => {
  let failing = false;
  const { model, server } = await serverAndModel(t, (request, response) =>
    failing ? sendJson(response, { error: { message: 'no' } }, 400) : answers(request, response),
  );
  await answer(model, question);
  failing = true;
  await told(answer(model, question));
  failing = false;
  await answer(model, question);
  assert.equal(server.connections, 1);
});

test('warming makes a connection that the first request uses', async (t) => {
  const { model, server } = await serverAndModel(t, answers);
  await model.warm();
  await model.warm();
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/v1/models'],
  );
  await answer(model, question);
  assert.equal(server.connections, 1);
});

test('a connection that the server closed meanwhile is made anew, without a pause', async (t) => {
  let requests = 0;
  const { model, server, clock } = await serverAndModel(t, (request, response) => {
    requests += 1;
    // The second request meets the end of the connection.
    if (requests === 2) return void response.socket?.destroy();
    return answers(request, response);
  });
  await answer(model, question);
  assert.equal(textOf(await answer(model, question)), 'hello');
  assert.equal(server.connections, 2);
  assert.equal(clock.delays.includes(250), false);
});

test('warming a server that is not there disturbs nobody', async () => {
  const model = new ChatModel({ url: 'http://127.0.0.1:9/v1', model: 'm', ...one });
  await model.warm();
  await told(answer(model, question));
});
