/** A model that its server loads at the first request: the request waits, and loading is not restarted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, requestWith, textOf } from '../contract/language-model.ts';
import { failureMessage, question, serverAndModel } from './faults/support.ts';
import { chatBody, chatServer, ollama } from './servers/chat-servers.ts';
import { type Received, sendJson } from './servers/model-server.ts';

const say = chatServer(ollama);
const timeouts = { connectMs: 5000, firstByteMs: 20_000, loadMs: 300_000, idleMs: 20_000 };

/** A server that does not answer until its model is loaded. */
function loadingServer({ lists = true }: { lists?: boolean } = {}) {
  const loaded = Promise.withResolvers<void>();
  const broken: Received[] = [];
  const asked = { models: Promise.withResolvers<void>() };
  return {
    loaded,
    broken,
    asked,
    handle: async (request: Received, response: Parameters<typeof say>[1]) => {
      if (request.path.startsWith('/v1/models')) {
        asked.models.resolve();
        if (lists) sendJson(response, { data: [{ id: 'm:latest' }] });
        return;
      }
      void request.closed.then(() => broken.push(request));
      await loaded.promise;
      if (!response.destroyed) await say(request, response);
    },
  };
}

/** Resolves when all responses that the server has sent so far have arrived, because connections are served in turn. */
async function answersArrive(url: string): Promise<void> {
  for (const _ of [1, 2, 3]) await (await fetch(`${url}/models`)).text();
}

test('a model that loads for minutes is waited for and reported, and no stage stalls', async (t) => {
  const server = loadingServer();
  const changes: object[] = [];
  const made = await serverAndModel(t, server.handle, {
    timeouts,
    onLoading: ({ loading, ms }) => changes.push({ loading, ms }),
  });
  const { model, clock } = made;
  const waits: boolean[] = [];
  const claim = { key: '', session: 's', priority: 'live' as const, onWait: (waiting: boolean) => waits.push(waiting) };
  const answered = answer(model, question, { claim });
  await made.server.request(1);
  await clock.set(20_000);
  await clock.advance(15_000);
  await server.asked.models.promise;
  await answersArrive(made.server.url);
  assert.equal(model.loadingMs, undefined);
  await clock.advance(5000);
  assert.deepEqual(waits, [true]);
  assert.ok(model.loadingMs !== undefined && model.loadingMs >= 20_000);
  await clock.advance(180_000);
  server.loaded.resolve();
  assert.equal(textOf(await answered), 'hello');
  assert.deepEqual(waits, [true, false]);
  assert.equal(model.loadingMs, undefined);
  assert.equal(changes.length, 2);
});

test('a server that never answers fails after the timeout for the first byte', async (t) => {
  const server = loadingServer({ lists: false });
  const { model, server: received, clock } = await serverAndModel(t, server.handle, { timeouts });
  const message = failureMessage(answer(model, question));
  await received.request(1);
  await clock.advance(20_000);
  assert.match(await message, /it is connected but gave no answer in 20 s/);
});

test('an interruption during loading leaves one request open, and aborts the others', async (t) => {
  const server = loadingServer();
  const { model, server: received, clock } = await serverAndModel(t, server.handle, { timeouts });
  for (const number of [1, 2]) {
    const abort = new AbortController();
    const asking = Array.fromAsync(model.generate(requestWith(question, { signal: abort.signal })));
    await received.request(number);
    await clock.set(20_000);
    await clock.advance(3000);
    const reason = new Error('interrupted');
    abort.abort(reason);
    await assert.rejects(asking, (error) => error === reason);
  }
  await (await received.request(2)).closed;
  assert.equal(server.broken.includes(await received.request(1)), false);
  server.loaded.resolve();
  await (await received.request(1)).closed;
});

test('with a fallback no request waits, and the model is still loaded', async (t) => {
  const server = loadingServer();
  const {
    model,
    server: received,
    clock,
  } = await serverAndModel(t, server.handle, { timeouts, waitsForModel: false, attempts: 1 });
  const message = failureMessage(answer(model, question));
  await clock.set(20_000);
  await clock.advance(15_000);
  await server.asked.models.promise;
  await answersArrive(received.url);
  await clock.advance(5000);
  assert.match(await message, /no answer in 20 s/);
  server.loaded.resolve();
  assert.equal(textOf(await answer(model, question)), 'hello');
});

test('503 Loading model is retried until the model is loaded, and fails with the reason after the timeout', async (t) => {
  let loading = 6;
  const { model, server, clock } = await serverAndModel(
    t,
    (request, response) => {
      if (request.path !== '/v1/chat/completions' || loading === 0) return say(request, response);
      loading -= 1;
      sendJson(response, { error: { message: 'Loading model', code: 503 } }, 503);
    },
    { timeouts: { ...timeouts, loadMs: 60_000 }, attempts: 1 },
  );
  const answered = answer(model, question);
  const pauses = () => clock.delays.filter((ms) => ms <= 2000);
  for (let number = 1; number <= 6; number += 1) {
    while (pauses().length < number) await clock.advance(0);
    await clock.advance(2000);
  }
  assert.deepEqual(pauses().slice(0, 6), [250, 1000, 2000, 2000, 2000, 2000]);
  assert.equal(textOf(await answered), 'hello');
  assert.equal(server.requests.length, 7);
});

test('a model is loaded before it is needed: at the start, and again once the server may have unloaded it', async (t) => {
  const server = loadingServer();
  const changes: object[] = [];
  const made = await serverAndModel(t, server.handle, {
    timeouts,
    onLoading: ({ loading, error }) => changes.push({ loading, error }),
  });
  const { model, clock } = made;
  const asked = () =>
    made.server.requests.filter(({ path }) => path === '/v1/chat/completions').map((request) => chatBody(request));
  const probed = model.load();
  await made.server.request(2);
  assert.ok(model.loadingMs !== undefined);
  const warmed = [model.warm(), model.warm()];
  await made.server.request(3);
  server.loaded.resolve();
  await Promise.all([probed, ...warmed]);
  assert.equal(model.loadingMs, undefined);
  assert.deepEqual(changes, [
    { loading: true, error: undefined },
    { loading: false, error: undefined },
  ]);
  assert.equal(asked().length, 2);
  assert.ok(asked().every((body) => body.max_tokens === 1 && body.model === 'm'));

  await clock.advance(4 * 60_000);
  await model.warm();
  assert.equal(asked().length, 2);
  await clock.advance(1);
  await model.warm();
  assert.equal(asked().length, 3);
});

test('a model that cannot be loaded is reported with the reason, at the start and by each request', async (t) => {
  const reason = 'model requires more system memory (9.1 GiB) than is available (3.2 GiB)';
  const changes: (string | undefined)[] = [];
  const { model } = await serverAndModel(
    t,
    ({ path }, response) =>
      path === '/v1/models' ? sendJson(response, { data: [{ id: 'm' }] }) : sendJson(response, { error: reason }, 500),
    { onLoading: ({ error }) => changes.push(error) },
  );
  assert.match(await failureMessage(model.load()), /requires more system memory/);
  assert.match(changes[1] ?? '', /requires more system memory/);
  await model.warm();
  assert.match(await failureMessage(answer(model, question)), /HTTP 500: model requires more system memory/);
});

test('no token is requested from a server with a key, which may charge for it, or one that does not list the model', async (t) => {
  const lists = (request: Received, response: Parameters<typeof say>[1]) =>
    request.method === 'GET' ? sendJson(response, { data: [{ id: 'm' }] }) : say(request, response);
  const others = (request: Received, response: Parameters<typeof say>[1]) =>
    request.method === 'GET' ? sendJson(response, { data: [{ id: 'other' }, {}] }) : say(request, response);
  for (const [handle, options] of [
    [lists, { key: 'sk-paid-by-token' }],
    [others, {}],
    [say, {}],
  ] as const) {
    const { model, server } = await serverAndModel(t, handle, options);
    await model.load();
    await model.warm();
    assert.ok(server.requests.every(({ method }) => method === 'GET'));
  }
});
