/** Servers that are unreachable, do not answer, or stall. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { EngineError } from '../../../../src/engines/engine-error.ts';
import { ChatModel } from '../../../../src/engines/openai/chat-model.ts';
import type { ModelEvent } from '../../../../src/session/ports/language-model.ts';
import { answer, requestWith, textOf } from '../../contract/language-model.ts';
import { type Handler, hangs, sendJson } from '../servers/model-server.ts';
import { failureMessage, one, question, serverAndModel, words } from './support.ts';

test('a closed port', async () => {
  const model = new ChatModel({ url: 'http://127.0.0.1:9/v1', model: 'llama3.2', ...one });
  assert.equal(
    await failureMessage(answer(model, question)),
    'llama3.2 at http://127.0.0.1:9/v1: it refuses connections. Start the server, or correct the address (ECONNREFUSED).',
  );
});

test('errors for clients name the model and the cause, and contain no address', async (t) => {
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

test('an unknown host', async () => {
  const model = new ChatModel({ url: 'http://models.invalid/v1', model: 'm', ...one });
  assert.match(
    await failureMessage(answer(model, question)),
    /at http:\/\/models\.invalid\/v1: it has a host name that/,
  );
});

test('a server that does not speak HTTP, and a mismatch of TLS', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-OpenSSH_9.9\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const plain = new ChatModel({ url: `http://127.0.0.1:${address.port}/v1`, model: 'm', ...one });
  assert.match(await failureMessage(answer(plain, question)), /does not speak HTTP/);
  const secure = new ChatModel({ url: `https://127.0.0.1:${address.port}/v1`, model: 'm', ...one });
  assert.match(await failureMessage(answer(secure, question)), /it cannot agree on TLS \(/);
});

test('a response with status 101', async (t) => {
  const { model } = await serverAndModel(
    t,
    async (_request, response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    },
    one,
  );
  assert.match(await failureMessage(answer(model, question)), /ended the connection without an answer/);
});

test('a host that accepts the connection and never answers', async (t) => {
  const { model, server, clock } = await serverAndModel(t, hangs, { timeouts: { firstByteMs: 7000 } });
  const message = failureMessage(answer(model, question));
  const { closed } = await server.request(1);
  await clock.advance(7000);
  assert.match(await message, /gave no answer in 7 s\.$/);
  await closed;
  const requests = server.requests.filter(({ path }) => path === '/v1/chat/completions');
  assert.equal(requests.length, 1, 'a timeout is not retried');
});

test('a server that starts a response and then stalls', async (t) => {
  const { model, clock } = await serverAndModel(
    t,
    async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      await request.closed;
    },
    { timeouts: { connectMs: 1, firstByteMs: 6000, idleMs: 3 } },
  );
  const message = failureMessage(answer(model, question));
  // Once for the headers, and once for the body.
  while (clock.delays.filter((ms) => ms === 6000).length < 2) await clock.advance(0);
  await clock.advance(6000);
  assert.match(await message, /began an answer and then gave nothing for 6 s/);
});

test('a server that stalls during its response', async (t) => {
  const { model, clock } = await serverAndModel(
    t,
    async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(words('Well,'))}\n\n`);
      await request.closed;
    },
    { timeouts: { idleMs: 4000 } },
  );
  const events: ModelEvent[] = [];
  const message = failureMessage(
    (async () => {
      for await (const event of model.generate(requestWith(question))) events.push(event);
    })(),
  );
  await clock.set(4000);
  await clock.advance(4000);
  assert.match(await message, /stopped in the middle of its answer and gave nothing for 4 s/);
  assert.equal(textOf(events), 'Well,');
});
