/** The guarded fetch: requests, checked addresses and redirects. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import type { Resolve } from '../../src/net/guarded-fetch.ts';
import { newFetch, refusal, text } from './fetching.ts';
import { certificateFor, LocalServer } from './local-server.ts';

describe('a request', () => {
  it('is sent to the host without accepting compression, over a new connection', async (t) => {
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

  it('may be a POST', async (t) => {
    const server = await LocalServer.start(t, (request, response) => request.pipe(response));
    const { body } = await newFetch().fetch(`http://images.test:${server.port}/`, {
      method: 'POST',
      body: 'grüß dich',
    });
    assert.equal(Buffer.from(body).toString(), 'grüß dich');
  });

  it('returns a response of any status', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.writeHead(404).end('no'));
    const { status, body } = await newFetch().fetch(`http://images.test:${server.port}/`);
    assert.deepEqual([status, Buffer.from(body).toString()], [404, 'no']);
  });

  it('over https checks the certificate against the name', async (t) => {
    const tls = await certificateFor('images.test');
    const server = await LocalServer.start(t, (_request, response) => response.end('secret'), { tls });
    const { fetch } = newFetch({ allow: ['images.test', 'other.test'], ca: tls.cert });
    const { body } = await fetch(`https://images.test:${server.port}/`);
    assert.equal(Buffer.from(body).toString(), 'secret');
    await refusal(fetch(`https://other.test:${server.port}/`), 'unreachable');
    await refusal(newFetch().fetch(`https://images.test:${server.port}/`), 'unreachable');
  });
});

describe('a URL that is not allowed', () => {
  it('is refused before a connection is made', async () => {
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

  it('may have a private address in any notation', async (t) => {
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

  it('may have a name of which any address is internal', async (t) => {
    const server = await text(t, 'internal');
    const resolve: Resolve = async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '::ffff:127.0.0.1', family: 6 },
    ];
    await refusal(newFetch({ allow: [], resolve }).fetch(`http://split.test:${server.port}/`), 'not_allowed');
    assert.equal(server.connections, 0);
  });

  it('fails with the same error for an internal address and an unknown name', async () => {
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

it('a name that resolves differently later is still connected to the checked address', async (t) => {
  const outside = await text(t, 'outside');
  const inside = await LocalServer.start(t, (_request, response) => response.end('inside'), { host: '127.0.0.2' });
  const answers = ['127.0.0.1', '127.0.0.2'];
  let requested = 0;
  const resolve: Resolve = async () => [{ address: answers[requested++] ?? '127.0.0.2', family: 4 }];
  const { fetch } = newFetch({ allow: ['127.0.0.1'], resolve });
  const { body } = await fetch(`http://rebind.test:${outside.port}/`);
  assert.equal(Buffer.from(body).toString(), 'outside');
  assert.equal(requested, 1);
  await refusal(fetch(`http://rebind.test:${inside.port}/`), 'not_allowed');
  assert.equal(inside.connections, 0);
});

describe('a redirect', () => {
  const redirectTo = (t: TestContext, location: (path: string) => string, status = 302) =>
    LocalServer.start(t, (request, response) => {
      if (request.url === '/end') return response.end(JSON.stringify([request.method, request.headers]));
      return response.writeHead(status, { location: location(request.url ?? '') }).end('moved');
    });

  it('is followed, with headers of the origin sent to the same origin only', async (t) => {
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

  it('repeats a POST only if its status requires that', async (t) => {
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

  it('to an internal address is refused, and the error does not reveal the address', async (t) => {
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

  it('to a scheme other than http, or from https to http, is refused', async (t) => {
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

  it('is not read, and its connection is closed', async (t) => {
    const server = await LocalServer.start(t, (request, response) => {
      if (request.url === '/end') return response.end('done');
      return response.writeHead(302, { location: '/end' }).write('and so on');
    });
    const requested = server.nextRequest();
    const { body } = await newFetch().fetch(`http://images.test:${server.port}/`);
    assert.equal(Buffer.from(body).toString(), 'done');
    const { response } = await requested;
    if (!response.closed) await once(response, 'close');
  });

  it('loop ends with an error', async (t) => {
    const server = await redirectTo(t, (path) => `${path}x`);
    await refusal(newFetch().fetch(`http://images.test:${server.port}/`), 'bad_redirect');
    assert.equal(server.requests.length, 4);
  });

  it('without a location is the response', async (t) => {
    const server = await LocalServer.start(t, (_request, response) => response.writeHead(302).end('lost'));
    assert.equal((await newFetch().fetch(`http://images.test:${server.port}/`)).status, 302);
  });
});
