/** The bounds of the guarded fetch: bytes and time. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeClock } from '../support/fake-clock.ts';
import { newFetch, refusal, text } from './fetching.ts';
import { LocalServer } from './local-server.ts';

describe('a body', () => {
  it('is accepted up to its limit', async (t) => {
    const server = await text(t, 'x'.repeat(1000));
    assert.equal((await newFetch().fetch(`http://images.test:${server.port}/`)).body.length, 1000);
  });

  it('with an excessive content-length is not read', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      response.writeHead(200, { 'content-length': 1001 }).flushHeaders();
    });
    const { message } = await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'too_large');
    assert.match(message, /1000 bytes/);
  });

  it('without end is aborted, and the connection is closed', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      const pour = () => {
        while (response.write('x'.repeat(400)));
      };
      response.on('drain', pour);
      pour();
    });
    const requested = server.nextRequest();
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'too_large');
    const { response } = await requested;
    if (!response.closed) await once(response, 'close');
  });

  it('that is compressed is refused, however small it is', async (t) => {
    const bomb = gzipSync(Buffer.alloc(500_000));
    assert.ok(bomb.length < 1000);
    for (const encoding of ['gzip', 'br', 'GZIP', 'identity, gzip']) {
      const server = await LocalServer.start(t, (_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
      });
      await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'encoded');
    }
  });

  it('that is truncated is an error', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'unreachable');
  });
});

it('a closed port and a server that does not speak HTTP cause short errors', async (t) => {
  const closedServer = await text(t, '');
  const { port } = closedServer;
  const closedPort = 1;
  const { message } = await refusal(newFetch().fetch(`http://images.test:${closedPort}/`), 'unreachable');
  assert.match(message, /^'images\.test' cannot be reached\.$/);
  await refusal(newFetch().fetch(`https://images.test:${port}/`), 'unreachable');
});

/** Reports when a timer is started. */
class WatchedClock extends FakeClock {
  #next = Promise.withResolvers<void>();

  override after(delayMs: number, callback: () => void): () => void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
    return super.after(delayMs, callback);
  }

  get timerStarted(): Promise<void> {
    return this.#next.promise;
  }
}

it('a response with status 101 is an error, and the waiting caller gets it immediately', async (t) => {
  const server = await LocalServer.start(t, (request) => {
    request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
  });
  await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'unreachable');
});

describe('a timeout', () => {
  it('ends a request that is not answered', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const { fetch, clock } = newFetch();
    const requested = server.nextRequest();
    const refused = refusal(fetch(`http://images.test:${server.port}/`), 'timeout');
    const { response } = await requested;
    await clock.advance(5000);
    assert.match((await refused).message, /nothing came for 5 s/);
    if (!response.closed) await once(response, 'close');
  });

  it('restarts with the head of the response', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const clock = new WatchedClock();
    const { fetch } = newFetch({ clock });
    const requested = server.nextRequest();
    const fetched = fetch(`http://images.test:${server.port}/`);
    const { response } = await requested;
    await clock.advance(4000);
    const arrived = clock.timerStarted;
    response.flushHeaders();
    await arrived;
    await clock.advance(4000);
    response.end('late');
    assert.equal(Buffer.from((await fetched).body).toString(), 'late');
  });

  it('ends a pending name resolution', async () => {
    const { fetch, clock } = newFetch({ resolve: () => new Promise(() => {}) });
    const refused = refusal(fetch('http://images.test/'), 'timeout');
    await clock.advance(5000);
    await refused;
  });

  it('aborts a body that arrives too slowly, even if each piece arrives in time', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.flushHeaders());
    const clock = new WatchedClock();
    const { fetch } = newFetch({ clock });
    const requested = server.nextRequest();
    const refused = refusal(fetch(`http://images.test:${server.port}/`), 'timeout');
    const { response } = await requested;
    for (let second = 0; second < 20; second += 4) {
      const arrived = clock.timerStarted;
      response.write('x');
      await arrived;
      await clock.advance(4000);
    }
    assert.match((await refused).message, /not done within 20 s/);
  });

  it('bounds a chain of redirects, even if each answers in time', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const clock = new FakeClock();
    const { fetch } = newFetch({ clock, maxRedirects: 99 });
    const refused = refusal(fetch(`http://images.test:${server.port}/`), 'timeout');
    for (let hop = 0; hop < 5; hop += 1) {
      const { response } = await server.nextRequest();
      await clock.advance(4000);
      response.writeHead(302, { location: '/' }).end();
    }
    assert.match((await refused).message, /not done within 20 s/);
  });
});

describe('the caller', () => {
  it('can abort at any time, and gets its own reason back', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.flushHeaders());
    const abort = new AbortController();
    const { fetch } = newFetch();
    const requested = server.nextRequest();
    const fetched = fetch(`http://images.test:${server.port}/`, { signal: abort.signal });
    const { response } = await requested;
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(fetched, reason);
    if (!response.closed) await once(response, 'close');
    await assert.rejects(fetch(`http://images.test:${server.port}/`, { signal: abort.signal }), reason);
    assert.equal(server.requests.length, 1);
  });
});
