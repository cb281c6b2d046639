import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { AddressPolicy } from '../../src/net/address-policy.ts';
import { GuardedFetch } from '../../src/net/guarded-fetch.ts';
import { HttpImageFetcher, withFailuresLogged } from '../../src/net/image-fetcher.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeModel, fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { LocalServer } from './local-server.ts';

const images = {
  png: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  jpeg: Buffer.from('ffd8ffe000104a464946', 'hex'),
  gif: Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1'),
  webp: Buffer.from('RIFF\x24\x00\x00\x00WEBPVP8 ', 'latin1'),
};

const { signal } = new AbortController();

function newImageFetcher({ limits = {} }: { limits?: object } = {}) {
  const clock = new FakeClock();
  const fetcher = new GuardedFetch({ policy: new AddressPolicy(['127.0.0.1']), clock });
  const log = new KeptLog();
  const imageLimits = { imageBytes: 1000, imageTimeoutMs: 10_000, imageFetches: 2, ...limits };
  const images = new HttpImageFetcher({ fetcher, limits: imageLimits });
  return { log, clock, fetcher: withFailuresLogged(images, log) };
}

const serve = (t: TestContext, body: Uint8Array | string, headers: Record<string, string> = {}, status = 200) =>
  LocalServer.start(t, (_request, response) => response.writeHead(status, headers).end(body));

describe('an image', () => {
  for (const [kind, bytes] of Object.entries(images)) {
    it(`is recognised as ${kind} by its content, whatever its content type`, async (t) => {
      const server = await serve(t, bytes, { 'content-type': 'text/html' });
      const url = await newImageFetcher().fetcher.fetch(`http://127.0.0.1:${server.port}/`, signal);
      assert.equal(url, `data:image/${kind};base64,${bytes.toString('base64')}`);
    });
  }

  it('of any other kind is refused, whatever its content type', async (t) => {
    const others = [
      '<svg xmlns="http://www.w3.org/2000/svg"/>',
      '<html>',
      'BM',
      'RIFF\x24\x00\x00\x00WAVEfmt ',
      'x89PNG',
      '',
    ];
    for (const body of others) {
      const server = await serve(t, body, { 'content-type': 'image/png' });
      const fetched = newImageFetcher().fetcher.fetch(`http://127.0.0.1:${server.port}/`, signal);
      await assert.rejects(fetched, /it is not a PNG, JPEG, GIF or WebP/);
    }
  });

  it('with an error status or an excessive size is refused', async (t) => {
    const forbidden = await serve(t, images.png, {}, 403);
    const { fetcher, log } = newImageFetcher();
    await assert.rejects(fetcher.fetch(`http://127.0.0.1:${forbidden.port}/`, signal), /the answer is HTTP 403/);
    const large = await serve(t, Buffer.concat([images.png, Buffer.alloc(1000)]));
    await assert.rejects(
      fetcher.fetch(`http://127.0.0.1:${large.port}/?token=secret`, signal),
      /larger than 1000 bytes/,
    );
    assert.deepEqual(
      log.entries.map(({ event, level }) => [level, event]),
      [
        ['info', 'image_not_fetched'],
        ['info', 'image_not_fetched'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(log.entries), /secret/);
  });
});

describe('many images', () => {
  it('are fetched a few at a time, and queued ones can be aborted', async (t) => {
    const open: ServerResponse[] = [];
    let most = 0;
    const server = await LocalServer.start(t, (_request, response) => {
      open.push(response);
      most = Math.max(most, open.filter(({ writableEnded }) => !writableEnded).length);
    });
    const { fetcher } = newImageFetcher();
    const url = `http://127.0.0.1:${server.port}/`;
    const abort = new AbortController();
    const first = fetcher.fetch(url, signal);
    const second = fetcher.fetch(url, signal);
    const givenUp = fetcher.fetch(url, abort.signal);
    const last = fetcher.fetch(url, signal);
    while (open.length < 2) await server.nextRequest();
    await settle();
    assert.equal(server.requests.length, 2);
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(givenUp, reason);
    const requested = server.nextRequest();
    open[0]?.end(images.gif);
    await requested;
    assert.equal(server.requests.length, 3);
    for (const response of open.slice(1)) response.end(images.gif);
    assert.equal(new Set(await Promise.all([first, second, last])).size, 1);
    assert.equal(most, 2);
  });

  it('are refused when the queue is full, and accepted when it has room', async (t) => {
    const server = await serve(t, images.gif);
    const { fetcher } = newImageFetcher({ limits: { imageFetches: 1 } });
    const url = `http://127.0.0.1:${server.port}/`;
    const abort = new AbortController();
    const crowd = Array.from({ length: 257 }, () => fetcher.fetch(url, abort.signal));
    const settled = Promise.allSettled(crowd);
    await assert.rejects(fetcher.fetch(url, signal), /as many images as it may/);
    abort.abort(new Error('enough'));
    await settled;
    assert.match(await fetcher.fetch(url, signal), /^data:image\/gif/);
  });
});

describe('on a server', () => {
  async function askAbout(t: TestContext, url: string, config: object) {
    const model = new FakeModel();
    model.script = () => say('I see.');
    const engines = fakeEngineSet({ ...fakeEngines(), languageModel: model });
    const server = await newServer(t, { engines, config });
    const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
    const content = [{ type: 'input_image', image_url: url }];
    client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    client.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    const { response } = await client.until('response.done');
    return { response, items: JSON.stringify(model.requests.map(({ items }) => items)) };
  }

  it('the model gets the bytes if the operator allows the host', async (t) => {
    const pictures = await serve(t, images.png);
    const url = `http://127.0.0.1:${pictures.port}/a.png`;
    const { response, items } = await askAbout(t, url, { outgoingAllow: ['127.0.0.0/8'] });
    assert.equal(response.status, 'completed');
    assert.ok(items.includes(`data:image/png;base64,${images.png.toString('base64')}`));
    assert.ok(!items.includes(url));
  });

  it('by default a private host is not contacted, and the response fails with a reason', async (t) => {
    const pictures = await serve(t, images.png);
    const { response, items } = await askAbout(t, `http://127.0.0.1:${pictures.port}/a.png`, {});
    assert.equal(response.status, 'failed');
    assert.match(JSON.stringify(response.status_details), /is not a host that this server connects to/);
    assert.equal(items, '[]');
    assert.equal(pictures.connections, 0);
  });

  it('no host is contacted if images are disabled', async (t) => {
    const pictures = await serve(t, images.png);
    const url = `http://127.0.0.1:${pictures.port}/a.png`;
    const { response } = await askAbout(t, url, { images: 'refuse', outgoingAllow: ['127.0.0.1'] });
    assert.match(JSON.stringify(response.status_details), /fetches no images/);
    assert.equal(pictures.connections, 0);
  });
});
