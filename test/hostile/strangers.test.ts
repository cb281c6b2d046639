/** SECURITY.md, "strangers on the network": without a key they get no access, and cannot prevent that of others. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { underAttack, upgradeRequest } from './support/under-attack.ts';

const key = 'sk-0123456789abcdefghijklmnopqrstuv';
const withKey = { headers: { Authorization: `Bearer ${key}` } };
const keys = [apiKey('bystander', key)];

test('guessed keys are refused', async (t) => {
  await underAttack(t, { config: { apiKeys: keys }, bystander: withKey }, async (scene) => {
    const near = [key.slice(0, -1), `${key}0`, key.toUpperCase(), ` ${key.slice(1)}`, `${key.slice(0, -1)}w`];
    const guesses = [
      ...near,
      ...Array.from({ length: 300 }, (_, index) => `sk-${index.toString(16).padStart(32, '0')}`),
    ];
    await scene.waves(async () => {
      const answers = guesses.map(async (guess) => {
        const messages: string[] = [];
        const connection = scene.connection({ onText: (text) => messages.push(text) });
        connection.write(upgradeRequest([`Authorization: Bearer ${guess}`]));
        const { code } = await connection.closed;
        assert.equal(code, 3000);
        assert.equal(messages.length, 1);
        assert.equal(JSON.parse(messages[0] ?? '').error.code, 'invalid_api_key');
        assert.ok(!messages[0]?.includes(guess.slice(4, -4)), 'the guess is not repeated');
      });
      await Promise.all(answers);
    });
    assert.equal(scene.openSessions, 1);
  });
});

test('a request with endless headers is refused after a timeout', async (t) => {
  await underAttack(t, { config: { limits: { headersTimeoutMs: 300 } } }, async (scene) => {
    const connections = Array.from({ length: 100 }, () => scene.connection());
    for (const [index, connection] of connections.entries()) {
      connection.write(index % 2 === 0 ? 'GET / HTTP/1.1\r\nHost: localhost\r\nX-' : upgradeRequest().slice(0, -2));
    }
    await scene.bystanderTurn();
    for (const connection of connections) {
      assert.equal((await connection.head).status, 408);
      await connection.closed;
    }
  });
});

test('a body that arrives too slowly is refused after a timeout', async (t) => {
  await underAttack(t, { config: { limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } } }, async (scene) => {
    const connections = Array.from({ length: 100 }, () => scene.connection());
    for (const connection of connections) {
      connection.write(
        'POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
      );
    }
    await scene.bystanderTurn();
    for (const connection of connections) await connection.closed;
  });
});

test('a client that disconnects during its body causes no internal error', async (t) => {
  await underAttack(t, {}, async (scene) => {
    const head = 'POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    for (const body of ['Content-Length: 9\r\n\r\n{', 'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n']) {
      const connection = scene.connection();
      await once(connection.socket, 'connect');
      connection.write(head + body);
      await scene.bystanderTurn();
      connection.socket.destroy();
    }
  });
});

test('unknown methods are refused, with or without a body', async (t) => {
  await underAttack(t, {}, async (scene) => {
    for (const method of ['TRACE', 'PUT', 'PATCH', 'PROPFIND', 'OPTIONS']) {
      for (const rest of ['\r\n', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n']) {
        const connection = scene.connection();
        connection.write(`${method} /healthz HTTP/1.1\r\nHost: localhost\r\n${rest}`);
        assert.equal((await connection.head).status, 405, method);
      }
    }
    await scene.bystanderTurn();
  });
});

test('silent connections beyond the limit are closed; sessions continue, and new clients can connect afterwards', async (t) => {
  await underAttack(t, { config: { limits: { pendingConnections: 50 } } }, async (scene) => {
    const connections = Array.from({ length: 200 }, () => scene.connection());
    await Promise.all(connections.map(({ socket, closed }) => Promise.race([once(socket, 'connect'), closed])));
    await scene.log.entry('server_connections_full');
    await scene.bystanderTurn();
    await scene.leave();
    const newcomer = await scene.client();
    assert.equal((await newcomer.ask('Are you there?')).response.status, 'completed');
  });
});

test('hundreds of silent connections do not prevent a client from connecting', async (t) => {
  const { wsUrl, port } = await newServer(t);
  const silent = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  assert.equal((await client.ask('Are you there?')).response.status, 'completed');
  for (const socket of silent) socket.destroy();
});

test('simultaneous session requests beyond the limit are refused with 503', async (t) => {
  await underAttack(t, { config: { limits: { sessions: 40 } } }, async (scene) => {
    const connections = Array.from({ length: 200 }, () => scene.connection());
    for (const connection of connections) connection.write(upgradeRequest());
    const heads = await Promise.all(connections.map(({ head }) => head));
    const count = (status: number) => heads.filter((head) => head.status === status).length;
    assert.deepEqual([count(101), count(503)], [39, 161]);
    assert.ok(heads.every(({ status, headers }) => status === 101 || headers.has('retry-after')));
    await scene.bystanderTurn();
  });
});

test('a client that pipelines requests gets a hundred responses per connection, without delaying others', async (t) => {
  await underAttack(t, { config: { apiKeys: keys }, bystander: withKey }, async (scene) => {
    const flood = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20_000);
    await scene.waves(async () => {
      const floods = Array.from({ length: 10 }, async () => {
        const socket = connect(scene.server.port);
        socket.on('error', () => {});
        socket.write(flood);
        let answers = '';
        socket.on('data', (chunk) => {
          answers += String(chunk);
        });
        await once(socket, 'close');
        return answers;
      });
      for (const answers of await Promise.all(floods)) {
        assert.equal(answers.match(/HTTP\/1\.1 \d+ /g)?.length, 100);
      }
    });
  });
});

test('an ambiguous request is refused, and its connection is closed', async (t) => {
  await underAttack(t, {}, async (scene) => {
    const head = 'POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\n';
    const hidden = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const requests = [
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      `${head}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `${head}Transfer-Encoding: xchunked\r\n\r\n${hidden}`,
      `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
      `${head}X: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    ];
    for (const request of requests) {
      const connection = scene.connection();
      connection.write(request);
      assert.equal((await connection.head).status, 400, request);
      await connection.closed;
      assert.ok(!connection.body.includes('"ok"'), 'what was hidden is not answered');
    }
    await scene.bystanderTurn();
  });
});

test('a request or upgrade that names two hosts is refused with 400', async (t) => {
  await underAttack(t, {}, async (scene) => {
    const { port } = scene.server;
    const other = ['Host: localhost', 'Host: other.example'];
    const requests: { target: string; hosts: string[]; status: number }[] = [
      { target: '/healthz', hosts: other, status: 400 },
      { target: '/healthz', hosts: other.toReversed(), status: 400 },
      { target: '/healthz', hosts: ['Host: localhost', 'hOST: localhost'], status: 400 },
      { target: 'http://other.example/healthz', hosts: ['Host: localhost'], status: 400 },
      { target: 'http://localhost:1/healthz', hosts: [`Host: localhost:${port}`], status: 400 },
      { target: 'http://localhost@other.example/healthz', hosts: ['Host: localhost'], status: 400 },
      { target: 'ftp://localhost/healthz', hosts: ['Host: localhost'], status: 400 },
      { target: `http://localhost:${port}/healthz`, hosts: [`Host: localhost:${port}`], status: 200 },
    ];
    for (const { target, hosts, status } of requests) {
      const connection = scene.connection();
      connection.write([`GET ${target} HTTP/1.1`, ...hosts, '\r\n'].join('\r\n'));
      assert.equal((await connection.head).status, status, `${target} ${hosts}`);
      const upgrading = scene.connection();
      const upgrade = target.replace('/healthz', '/v1/realtime?model=gpt-realtime');
      const [first = '', ...rest] = upgradeRequest().split('\r\n');
      const headers = rest.filter((line) => !/^host:/i.test(line));
      upgrading.write([first.replace(/ \S+ /, ` ${upgrade} `), ...hosts, ...headers].join('\r\n'));
      assert.equal((await upgrading.head).status, status === 200 ? 101 : status, `${upgrade} ${hosts}`);
    }
    await scene.bystanderTurn();
  });
});

test('a key is never returned as the selected subprotocol, in any spelling of its prefix', async (t) => {
  const { wsUrl } = await newServer(t);
  for (const name of ['openai-insecure-api-key.secret', 'OpenAI-Insecure-API-Key.secret']) {
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`, { protocols: [name, 'other'] });
    assert.equal(client.socket.protocol, 'other');
  }
});
