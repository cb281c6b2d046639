import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AddressPolicy } from '../../src/net/address-policy.ts';
import { GuardedFetch, type OutgoingRequest, type Resolve } from '../../src/net/guarded-fetch.ts';
import { OutgoingError, type OutgoingErrorCode } from '../../src/net/outgoing-error.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { certificateFor, LocalServer } from './local-server.ts';

const loopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

/** A fetch to which every name is a loopback address, and those that are allowed may be reached. */
function newFetch({ allow = ['images.test'], resolve = loopback, ca = '', clock = new FakeClock() } = {}) {
  const fetcher = new GuardedFetch({ policy: new AddressPolicy(allow), clock, resolve, ...(ca && { ca }) });
  const request = {
    maxBytes: 1000,
    timeoutMs: 20_000,
    idleMs: 5000,
    maxRedirects: 3,
    signal: new AbortController().signal,
  };
  return {
    clock,
    fetch: (url: string, options: Partial<OutgoingRequest> = {}) => fetcher.fetch(url, { ...request, ...options }),
  };
}

async function refusal(promise: Promise<unknown>, code: OutgoingErrorCode): Promise<OutgoingError> {
  const error = await promise.then(
    () => assert.fail('it was fetched'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OutgoingError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

const text = (t: TestContext, body: string) => LocalServer.start(t, (_request, response) => response.end(body));

describe('what is fetched', () => {
  it('comes from the name that was asked for, without compression, over a connection of its own', async (t) => {
    const server = await text(t, 'hello');
    const { fetch } = newFetch();
    for (const round of [1, 2]) {
      const { status, body } = await fetch(`http://IMAGES.test.:${server.port}/a?b=c#d`, { headers: { 'X-Key': 'k' } });
      assert.equal(status, 200);
      assert.equal(Buffer.from(body).toString(), 'hello');
      assert.equal(server.connections, round);
    }
    const [request] = server.requests;
    assert.equal(request?.url, '/a?b=c');
    assert.equal(request?.headers.host, `images.test:${server.port}`);
    assert.equal(request?.headers['accept-encoding'], 'identity');
    assert.equal(request?.headers['x-key'], 'k');
  });

  it('may be posted', async (t) => {
    const server = await LocalServer.start(t, (request, response) => request.pipe(response));
    const { body } = await newFetch().fetch(`http://images.test:${server.port}/`, {
      method: 'POST',
      body: 'grüß dich',
    });
    assert.equal(Buffer.from(body).toString(), 'grüß dich');
  });

  it('is the answer of any status', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.writeHead(404).end('no'));
    const { status, body } = await newFetch().fetch(`http://images.test:${server.port}/`);
    assert.deepEqual([status, Buffer.from(body).toString()], [404, 'no']);
  });

  it('is checked against the certificate of its name, over https', async (t) => {
    const tls = await certificateFor('images.test');
    const server = await LocalServer.start(t, (_request, response) => response.end('secret'), { tls });
    const { fetch } = newFetch({ allow: ['images.test', 'other.test'], ca: tls.cert });
    const { body } = await fetch(`https://images.test:${server.port}/`);
    assert.equal(Buffer.from(body).toString(), 'secret');
    await refusal(fetch(`https://other.test:${server.port}/`), 'unreachable');
    await refusal(newFetch().fetch(`https://images.test:${server.port}/`), 'unreachable');
  });
});

describe('an address that is no place to fetch from', () => {
  it('is refused before anyone is asked', async () => {
    const resolve = () => assert.fail('a name was resolved');
    const { fetch } = newFetch({ resolve });
    const wrong = [
      'ftp://images.test/',
      'file:///etc/passwd',
      'data:image/png;base64,AAAA',
      'javascript:alert(1)',
      'http://user@images.test/',
      'http://user:secret@images.test/',
      'http://:secret@images.test/',
      'http://images.test:99999/',
      'http://1.2.3.4.5/',
      'images.test',
      '//images.test/',
      '',
    ];
    for (const url of wrong) await refusal(fetch(url), 'bad_url');
  });

  it('is a private one, however it is written', async (t) => {
    const server = await text(t, 'internal');
    const { port } = server;
    const { fetch } = newFetch({ allow: [] });
    const hosts = [
      '127.0.0.1',
      '127.0.0.1.',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0x7f.1',
      '0177.0.0.1',
      '017700000001',
      '0',
      '①②⑦.0.0.1',
      '127。0。0。1',
      '%31%32%37.0.0.1',
      '[::1]',
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
      '[::127.0.0.1]',
      'images.test',
      'images.test.',
      '10.0.0.1',
      '169.254.169.254',
      '[fe80::1]',
      '[fd00:ec2::254]',
    ];
    for (const host of hosts) await refusal(fetch(`http://${host}:${port}/`), 'not_allowed');
    assert.equal(server.connections, 0);
  });

  it('is a name that leads inwards with any of its addresses', async (t) => {
    const server = await text(t, 'internal');
    const resolve: Resolve = async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '::ffff:127.0.0.1', family: 6 },
    ];
    await refusal(newFetch({ allow: [], resolve }).fetch(`http://split.test:${server.port}/`), 'not_allowed');
    assert.equal(server.connections, 0);
  });

  it('looks the same whether it leads inwards or does not exist', async () => {
    const missing: Resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND vault.internal'));
    const inside: Resolve = async () => [{ address: '10.20.30.40', family: 4 }];
    const nowhere: Resolve = async () => [];
    const messages = [];
    for (const resolve of [missing, inside, nowhere]) {
      const { message } = await refusal(newFetch({ resolve }).fetch('http://vault.internal/'), 'not_allowed');
      messages.push(message);
    }
    assert.deepEqual(new Set(messages), new Set([messages[0]]));
    assert.match(messages[0] ?? '', /vault\.internal/);
  });
});

it('a name that leads elsewhere after it was checked is still connected to where it was checked', async (t) => {
  const outside = await text(t, 'outside');
  const inside = await LocalServer.start(t, (_request, response) => response.end('inside'), { host: '127.0.0.2' });
  const answers = ['127.0.0.1', '127.0.0.2'];
  let asked = 0;
  const resolve: Resolve = async () => [{ address: answers[asked++] ?? '127.0.0.2', family: 4 }];
  const { fetch } = newFetch({ allow: ['127.0.0.1'], resolve });
  const { body } = await fetch(`http://rebind.test:${outside.port}/`);
  assert.equal(Buffer.from(body).toString(), 'outside');
  assert.equal(asked, 1);
  await refusal(fetch(`http://rebind.test:${inside.port}/`), 'not_allowed');
  assert.equal(inside.connections, 0);
});

describe('a redirect', () => {
  const redirectTo = (t: TestContext, location: (path: string) => string, status = 302) =>
    LocalServer.start(t, (request, response) => {
      if (request.url === '/end') return response.end(JSON.stringify([request.method, request.headers]));
      return response.writeHead(status, { location: location(request.url ?? '') }).end('moved');
    });

  it('is followed, with what belongs to the origin only to the same origin', async (t) => {
    const target = await redirectTo(t, () => '/end');
    const server = await redirectTo(t, (path) =>
      path === '/away' ? `http://images.test:${target.port}/end` : '../end',
    );
    const headers = { Authorization: 'Bearer s', Cookie: 'a=b', 'X-Api-Key': 's', Accept: 'image/png' };
    const { fetch } = newFetch();
    const base = `http://images.test:${server.port}`;
    const near = await fetch(`${base}/x/near`, { headers });
    const far = await fetch(`${base}/away`, { headers });
    assert.equal(near.url, `${base}/end`);
    assert.equal(far.url, `http://images.test:${target.port}/end`);
    const seen = (fetched: typeof near) => {
      const [, { authorization, cookie, 'x-api-key': key, accept }] = JSON.parse(Buffer.from(fetched.body).toString());
      return { authorization, cookie, key, accept };
    };
    assert.deepEqual(seen(near), { authorization: 'Bearer s', cookie: 'a=b', key: 's', accept: 'image/png' });
    const nothing = { authorization: undefined, cookie: undefined, key: undefined };
    assert.deepEqual(seen(far), { ...nothing, accept: 'image/png' });
  });

  it('repeats a POST only where its status says so', async (t) => {
    for (const [status, method, length] of [
      [303, 'GET', undefined],
      [302, 'GET', undefined],
      [307, 'POST', '5'],
      [308, 'POST', '5'],
    ] as const) {
      const server = await redirectTo(t, () => '/end', status);
      const request = { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } } as const;
      const { body } = await newFetch().fetch(`http://images.test:${server.port}/`, request);
      const [seen, headers] = JSON.parse(Buffer.from(body).toString());
      assert.equal(seen, method);
      assert.equal(headers['content-length'], length);
      assert.equal(headers['content-type'], length && 'text/plain');
    }
  });

  it('inwards is refused, and where it led is not told', async (t) => {
    const inside = await text(t, 'internal');
    const { port } = inside;
    for (const location of [
      `http://127.0.0.1:${port}/`,
      `http://[::ffff:7f00:1]:${port}/`,
      `http://vault.internal:${port}/`,
    ]) {
      const server = await redirectTo(t, () => location);
      const { message } = await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'not_allowed');
      assert.match(message, /images\.test/);
      assert.doesNotMatch(message, /127|7f00|vault/);
    }
    assert.equal(inside.connections, 0);
  });

  it('to something else than http is refused, and so is one from https to http', async (t) => {
    for (const location of [
      'file:///etc/passwd',
      'gopher://images.test/',
      'http://user:secret@images.test/',
      'http://:0:/',
    ]) {
      const server = await redirectTo(t, () => location);
      const { message } = await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'bad_redirect');
      assert.doesNotMatch(message, /passwd|gopher|secret/);
    }
    const tls = await certificateFor('images.test');
    const answer = 'http://images.test/';
    const server = await LocalServer.start(
      t,
      (_request, response) => response.writeHead(302, { location: answer }).end(),
      { tls },
    );
    await refusal(newFetch({ ca: tls.cert }).fetch(`https://images.test:${server.port}/`), 'bad_redirect');
  });

  it('is not read: its connection is given up', async (t) => {
    const server = await LocalServer.start(t, (request, response) => {
      if (request.url === '/end') return response.end('done');
      return response.writeHead(302, { location: '/end' }).write('and so on');
    });
    const asked = server.asked();
    const { body } = await newFetch().fetch(`http://images.test:${server.port}/`);
    assert.equal(Buffer.from(body).toString(), 'done');
    const { response } = await asked;
    if (!response.closed) await once(response, 'close');
  });

  it('in a circle ends', async (t) => {
    const server = await redirectTo(t, (path) => `${path}x`);
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'bad_redirect');
    assert.equal(server.requests.length, 4);
  });

  it('without a place to go to is an answer', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.writeHead(302).end('lost'));
    assert.equal((await newFetch().fetch(`http://images.test:${server.port}/`)).status, 302);
  });
});

describe('a body', () => {
  it('is taken up to its bound', async (t) => {
    const server = await text(t, 'x'.repeat(1000));
    assert.equal((await newFetch().fetch(`http://images.test:${server.port}/`)).body.length, 1000);
  });

  it('that says to be larger is not read', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      response.writeHead(200, { 'content-length': 1001 }).flushHeaders();
    });
    const { message } = await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'too_large');
    assert.match(message, /1000 bytes/);
  });

  it('without end is cut off, and its sender is told', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      const pour = () => {
        while (response.write('x'.repeat(400)));
      };
      response.on('drain', pour);
      pour();
    });
    const asked = server.asked();
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'too_large');
    const { response } = await asked;
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

  it('that breaks off is no answer', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'unreachable');
  });
});

it('nobody there, or not speaking HTTP, is told in few words', async (t) => {
  const gone = await text(t, '');
  const { port } = gone;
  const closedPort = 1;
  const { message } = await refusal(newFetch().fetch(`http://images.test:${closedPort}/`), 'unreachable');
  assert.match(message, /^'images\.test' cannot be reached\.$/);
  await refusal(newFetch().fetch(`https://images.test:${port}/`), 'unreachable');
});

/** Tells when a timer is started. */
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

it('an answer with 101, after which HTTP is over, is none; whoever waits for it is told at once', async (t) => {
  const server = await LocalServer.start(t, (request) => {
    request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
  });
  await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'unreachable');
});

describe('time', () => {
  it('ends a request that nobody answers', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const { fetch, clock } = newFetch();
    const asked = server.asked();
    const refused = refusal(fetch(`http://images.test:${server.port}/`), 'timeout');
    const { response } = await asked;
    await clock.advance(5000);
    assert.match((await refused).message, /nothing came for 5 s/);
    if (!response.closed) await once(response, 'close');
  });

  it('without a byte begins anew with the head of the answer', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const clock = new WatchedClock();
    const { fetch } = newFetch({ clock });
    const asked = server.asked();
    const fetched = fetch(`http://images.test:${server.port}/`);
    const { response } = await asked;
    await clock.advance(4000);
    const arrived = clock.timerStarted;
    response.flushHeaders();
    await arrived;
    await clock.advance(4000);
    response.end('late');
    assert.equal(Buffer.from((await fetched).body).toString(), 'late');
  });

  it('ends a name that is not resolved', async () => {
    const { fetch, clock } = newFetch({ resolve: () => new Promise(() => {}) });
    const refused = refusal(fetch('http://images.test/'), 'timeout');
    await clock.advance(5000);
    await refused;
  });

  it('ends a body that comes byte by byte, though each comes in time', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.flushHeaders());
    const clock = new WatchedClock();
    const { fetch } = newFetch({ clock });
    const asked = server.asked();
    const refused = refusal(fetch(`http://images.test:${server.port}/`), 'timeout');
    const { response } = await asked;
    for (let second = 0; second < 20; second += 4) {
      const arrived = clock.timerStarted;
      response.write('x');
      await arrived;
      await clock.advance(4000);
    }
    assert.match((await refused).message, /not done within 20 s/);
  });

  it('bounds redirects together, though each answers in time', async (t) => {
    const server = await LocalServer.start(t, () => {});
    const clock = new FakeClock();
    const { fetch } = newFetch({ clock });
    const refused = refusal(fetch(`http://images.test:${server.port}/`, { maxRedirects: 99 }), 'timeout');
    for (let hop = 0; hop < 5; hop += 1) {
      const { response } = await server.asked();
      await clock.advance(4000);
      response.writeHead(302, { location: '/' }).end();
    }
    assert.match((await refused).message, /not done within 20 s/);
  });
});

describe('whoever asked', () => {
  it('can give up at any time, and gets their own reason back', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.flushHeaders());
    const abort = new AbortController();
    const { fetch } = newFetch();
    const asked = server.asked();
    const fetched = fetch(`http://images.test:${server.port}/`, { signal: abort.signal });
    const { response } = await asked;
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(fetched, reason);
    if (!response.closed) await once(response, 'close');
    await assert.rejects(fetch(`http://images.test:${server.port}/`, { signal: abort.signal }), reason);
    assert.equal(server.requests.length, 1);
  });
});
