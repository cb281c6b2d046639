/** The input of HTTP connections is parsed in slices; otherwise they behave like sockets. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { generate } from 'selfsigned';
import { SlicedSocket, sliceInput } from '../../src/http/sliced-socket.ts';

/** More than a parser would get at once without slicing. */
const chunks = 100_000;
const chunked = `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${'1\r\nx\r\n'.repeat(chunks)}0\r\n\r\n`;

async function listening(t: TestContext, server: Server): Promise<number> {
  sliceInput(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Counts the chunks of a body, and the maximum per turn of the event loop. */
const countPieces: RequestListener = (request, response) => {
  let [all, now, most] = [0, 0, 0];
  request.on('data', () => {
    if (now === 0) {
      setImmediate(() => {
        now = 0;
      });
    }
    all += 1;
    now += 1;
    most = Math.max(most, now);
  });
  request.on('end', () => response.end(JSON.stringify({ all, most, address: request.socket.remoteAddress })));
};

async function answerTo(socket: Socket, request: string) {
  socket.end(request);
  const answer = await text(socket);
  return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1));
}

test('a body of tiny chunks is parsed over many turns of the event loop', async (t) => {
  const port = await listening(t, createServer(countPieces));
  const { most, ...rest } = await answerTo(connect(port, '127.0.0.1'), chunked);
  assert.deepEqual(rest, { all: chunks, address: '127.0.0.1' });
  assert.ok(most < 3000, `${most} chunks in one turn`);
});

test('connections share the turns of the event loop', async (t) => {
  let [now, most] = [0, 0];
  const server = createServer((request, response) => {
    request.on('data', () => {
      if (now === 0) {
        setImmediate(() => {
          now = 0;
        });
      }
      now += 1;
      most = Math.max(most, now);
    });
    request.on('end', () => response.end('{}'));
  });
  const port = await listening(t, server);
  await Promise.all(Array.from({ length: 8 }, () => answerTo(connect(port, '127.0.0.1'), chunked)));
  assert.ok(most < 3000, `${most} chunks in one turn`);
});

test('slicing also applies to TLS', async (t) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { algorithm: 'sha256' });
  const port = await listening(t, createTlsServer({ cert, key }, countPieces));
  const { all, most } = await answerTo(connectTls({ port, host: '127.0.0.1', ca: cert }), chunked);
  assert.equal(all, chunks);
  assert.ok(most < 3000, `${most} chunks in one turn`);
});

test('an upgrade gets the socket with everything that followed the request, also behind a pipelined one', async (t) => {
  const server = createServer((_, response) => response.end('first'));
  server.on('upgrade', (_, stream, head) => {
    assert.ok(stream instanceof SlicedSocket);
    const socket = stream.release();
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    socket.unshift(head);
    socket.pipe(socket);
  });
  const port = await listening(t, server);
  const payload = Array.from({ length: 50_000 }, (_, index) => `${index};`).join('');
  const socket = connect(port, '127.0.0.1');
  socket.end(
    `GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${payload}`,
  );
  const answer = await text(socket);
  assert.ok(answer.startsWith('HTTP/1.1 200 OK'));
  assert.ok(answer.endsWith(`HTTP/1.1 101 Switching Protocols\r\n\r\n${payload}`), answer.slice(-80));
});

test('a body that is not consumed is not read from the network', async (t) => {
  const requested = Promise.withResolvers<void>();
  const server = createServer(() => requested.resolve());
  const sockets: Socket[] = [];
  const port = await listening(t, server);
  server.on('connection', (socket) => sockets.push(socket));
  const body = 64 * 1024 ** 2;
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body}\r\n\r\n`);
  client.write(Buffer.alloc(body));
  await requested.promise;
  for (let turns = 0; turns < 1000; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  const [socket] = sockets;
  assert.ok(socket && socket.bytesRead < 256 * 1024, `${socket?.bytesRead} bytes read`);
});

test('an idle connection is closed after the server’s timeout', async (t) => {
  const server = createServer({ keepAliveTimeout: 1, keepAliveTimeoutBuffer: 0 }, (_, response) => response.end());
  const port = await listening(t, server);
  const client = connect(port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(await text(client), /^HTTP\/1\.1 200 OK/);
});
