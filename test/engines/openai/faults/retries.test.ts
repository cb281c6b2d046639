/** Retries of requests, and reuse of connections. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatModel } from '../../../../src/engines/openai/chat-model.ts';
import { answer, requestWith, textOf } from '../../contract/language-model.ts';
import { chatServer, ollama } from '../servers/chat-servers.ts';
import { sendEvents, sendJson } from '../servers/model-server.ts';
import { failureMessage, one, question, serverAndModel, words } from './support.ts';

const answers = chatServer(ollama);

// ---- Retries ----

test('a request with a temporary failure is sent again', async (t) => {
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

test('a request is sent at most three times', async (t) => {
  const { model, server, clock } = await serverAndModel(t, (_, response) => sendJson(response, {}, 503));
  const message = failureMessage(answer(model, question));
  await clock.set(250);
  await clock.advance(250);
  await clock.set(1000);
  await clock.advance(1000);
  assert.match(await message, /it failed \(HTTP 503\) \(3 attempts\)\.$/);
  assert.equal(server.requests.length, 3);
});

test('Retry-After is respected up to five seconds', async (t) => {
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
  assert.match(await failureMessage(answer(busy.model, question)), /come back in 6 s/);
  assert.equal(busy.server.requests.length, 1);
});

test('a request with a permanent failure is sent once', async (t) => {
  const { model, server } = await serverAndModel(t, (_, response) => sendJson(response, {}, 400));
  await failureMessage(answer(model, question));
  assert.equal(server.requests.length, 1);
});

test('a stream that breaks before its first event is requested again, and not after it', async (t) => {
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
  await failureMessage(answer(late.model, question));
  assert.equal(late.server.requests.length, 1);
});

test('an abort ends the delay before the next attempt', async (t) => {
  const { model, clock } = await serverAndModel(t, (_, response) => sendJson(response, {}, 503));
  const abort = new AbortController();
  const reason = new Error('enough');
  const answered = Array.fromAsync(model.generate(requestWith(question, { signal: abort.signal })));
  await clock.set(250);
  abort.abort(reason);
  await assert.rejects(answered, (error) => error === reason);
});

// ---- Connections ----

test('an abort closes the request immediately', async (t) => {
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

test('a consumer that stops iterating closes the request', async (t) => {
  const { model, server } = await serverAndModel(t, async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`);
    await request.closed;
  });
  for await (const _ of model.generate(requestWith(question))) break;
  const { closed } = await server.request(1);
  await closed;
});

test('connections are reused, also after an error', async (t) => {
  let failing = false;
  const { model, server } = await serverAndModel(t, (request, response) =>
    failing ? sendJson(response, { error: { message: 'no' } }, 400) : answers(request, response),
  );
  await answer(model, question);
  failing = true;
  await failureMessage(answer(model, question));
  failing = false;
  await answer(model, question);
  assert.equal(server.connections, 1);
});

test('warm-up opens a connection that the first request uses', async (t) => {
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

test('a connection that the server closed is replaced without delay', async (t) => {
  let requests = 0;
  const { model, server, clock } = await serverAndModel(t, (request, response) => {
    requests += 1;
    // The second request finds its connection closed.
    if (requests === 2) return void response.socket?.destroy();
    return answers(request, response);
  });
  await answer(model, question);
  assert.equal(textOf(await answer(model, question)), 'hello');
  assert.equal(server.connections, 2);
  assert.equal(clock.delays.includes(250), false);
});

test('a failed warm-up has no effect', async () => {
  const model = new ChatModel({ url: 'http://127.0.0.1:9/v1', model: 'm', ...one });
  await model.warm();
  await failureMessage(answer(model, question));
});
