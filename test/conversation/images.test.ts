import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ImageFetcher } from '../../src/session/ports/image-fetcher.ts';
import { type Conversation, newConversation } from '../support/conversation.ts';
import { say } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const respond = { type: 'response.create', response: { output_modalities: ['text'] } };

/** The header of an image file with its size, without pixels. */
const files = {
  png: (width: number, height: number) =>
    Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR', 'latin1'), uint32(width), uint32(height)]),
  gif: (width: number, height: number) =>
    Buffer.concat([Buffer.from('GIF89a', 'latin1'), uint16le(width), uint16le(height)]),
  /** With a segment before the frame header, like cameras write it. */
  jpeg: (width: number, height: number) =>
    Buffer.concat([
      Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0x00, 0x06, 1, 2, 3, 4, 0xff, 0xc4, 0x00, 0x02, 0xff, 0xc2, 0x00, 0x11, 8]),
      Buffer.from([height >> 8, height & 0xff, width >> 8, width & 0xff, 3]),
    ]),
  lossyWebp: (width: number, height: number) =>
    webp('VP8 ', Buffer.concat([Buffer.alloc(6), uint16le(width), uint16le(height)])),
  losslessWebp: (width: number, height: number) => {
    const bits = Buffer.alloc(5);
    bits.writeUInt8(0x2f, 0);
    bits.writeUInt32LE(((height - 1) << 14) | (width - 1), 1);
    return webp('VP8L', bits);
  },
  extendedWebp: (width: number, height: number) =>
    webp('VP8X', Buffer.concat([Buffer.alloc(4), uint24le(width - 1), uint24le(height - 1)])),
};

function webp(chunk: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`RIFF\0\0\0\0WEBP${chunk}\0\0\0\0`, 'latin1'), body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint16le(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function uint24le(value: number): Buffer {
  return Buffer.from([value & 0xff, (value >> 8) & 0xff, value >> 16]);
}

function dataUrl(type: string, bytes: Buffer): string {
  return `data:image/${type};base64,${bytes.toString('base64')}`;
}

function picture(image_url: string, detail?: string): object {
  const content = [{ type: 'input_image', image_url, ...(detail && { detail }) }];
  return { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } };
}

function imageTokens({ client }: Conversation): number | undefined {
  return client.last('response.done').response.usage?.input_token_details.image_tokens;
}

/** The model's last images. */
function lastImages({ engines }: Conversation): string[] {
  const items = engines.languageModel.requests.at(-1)?.items ?? [];
  return items.flatMap((item) =>
    item.type === 'message' ? item.content.flatMap((part) => (part.type === 'image' ? part.url : [])) : [],
  );
}

/** Fetches from a table, and records the requests. */
class FakeImages implements ImageFetcher {
  readonly asked: string[] = [];
  readonly pages: Record<string, string>;
  most = 0;
  #running = 0;
  constructor(pages: Record<string, string>) {
    this.pages = pages;
  }
  async fetch(url: string): Promise<string> {
    this.asked.push(url);
    this.#running += 1;
    this.most = Math.max(this.most, this.#running);
    await setImmediate();
    this.#running -= 1;
    const page = this.pages[url];
    if (page === undefined) throw new Error('the server answered 404 Not Found.');
    return page;
  }
}

function withImages(pages: Record<string, string>): Conversation & { images: FakeImages } {
  const images = new FakeImages(pages);
  return { ...newConversation({}, { images }), images };
}

/** Sends a `response.create` and waits for the end of the response. */
async function answer({ client }: Conversation, event: object = respond): Promise<void> {
  const done = client.all('response.done').length;
  await client.say(event);
  assert.equal(client.all('response.done').length, done + 1);
}

for (const [width, height, tokens] of [
  [512, 512, 85 + 170],
  [1024, 1024, 85 + 4 * 170],
  [2048, 4096, 85 + 6 * 170],
  [100, 40, 85 + 170],
  [4000, 400, 85 + 4 * 170],
] as const) {
  for (const [type, file] of Object.entries(files)) {
    test(`a ${type} of ${width} × ${height} counts ${tokens} tokens`, async () => {
      verifies('R3.49');
      const conversation = newConversation();
      await conversation.client.say(picture(dataUrl(type.slice(-4), file(width, height)), 'high'));
      await conversation.client.say(respond);
      assert.equal(imageTokens(conversation), tokens);
    });
  }
}

for (const [name, bytes] of Object.entries({
  'no image': Buffer.from('hello, this is not an image at all'),
  'a PNG cut short': files.png(512, 512).subarray(0, 18),
  'a JPEG without a frame': Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0x00, 0x04, 1, 2, 0x00, 0x00]),
  'a JPEG whose segment has no length': Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 0, 0, 0]),
  'a GIF of no size': files.gif(0, 0),
  nothing: Buffer.alloc(0),
})) {
  test(`${name} counts as an image of 1024 × 1024, and low detail always as 85`, async () => {
    verifies('R3.49');
    const conversation = newConversation();
    await conversation.client.say(picture(dataUrl('png', bytes)));
    await conversation.client.say(respond);
    assert.equal(imageTokens(conversation), 765);
    await conversation.client.say(picture(dataUrl('png', files.png(4000, 4000)), 'low'));
    await conversation.client.say(respond);
    assert.equal(imageTokens(conversation), 765 + 85);
  });
}

test('an image is fetched once per lifetime of its item, and the model gets its bytes', async () => {
  verifies('R3.60');
  const url = 'https://example.com/a.png';
  const data = dataUrl('png', files.png(512, 512));
  const conversation = withImages({ [url]: data });
  const { client, images } = conversation;
  await client.say(picture(url));
  const { item } = client.last('conversation.item.added');
  await answer(conversation);
  await answer(conversation);
  assert.deepEqual(lastImages(conversation), [data]);
  assert.equal(imageTokens(conversation), 85 + 170, 'by the size that was fetched');
  assert.equal(images.asked.length, 1);
  const kept = await client.retrieve(item.id);
  assert.ok(kept.type === 'message' && kept.content[0]?.type === 'input_image');
  assert.equal(kept.content[0].image_url, url, 'the item is as it was given');

  await client.say({ type: 'conversation.item.delete', item_id: item.id });
  await client.say(picture(url));
  await answer(conversation);
  assert.equal(images.asked.length, 2, 'it went with its item');
});

test('an unavailable image fails the response, which names it; the session continues', async () => {
  verifies('R3.60', 'R5.42', 'R3.52');
  const conversation = withImages({});
  const { client, engines } = conversation;
  await client.say(picture('https://example.com/gone.png?token=secret'));
  const { item } = client.last('conversation.item.added');
  await answer(conversation);
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, {
    type: 'failed',
    error: {
      type: 'invalid_request_error',
      code: 'invalid_image_url',
      message: "The image at 'https://example.com/gone.png' could not be fetched: the server answered 404 Not Found.",
    },
  });
  assert.equal(response.usage?.total_tokens, 0);
  assert.equal(engines.languageModel.requests.length, 0);
  await client.say({ type: 'conversation.item.delete', item_id: item.id });
  await answer(conversation);
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('a fetcher that hangs times out; a cancel does not wait for it', async () => {
  verifies('R3.60');
  const conversation = newConversation({}, { images: { fetch: () => new Promise(() => {}) } });
  const { client, clock } = conversation;
  await client.say(picture('https://example.com/slow.png'));
  await client.say(respond);
  await clock.advance(30_000);
  const { status_details: details } = client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.match(details.error.message, /did not arrive within 30 s/);

  await client.say(respond);
  await client.say({ type: 'response.cancel' });
  assert.equal(client.last('response.done').response.status, 'cancelled');
});

test('a server without an image fetcher refuses image URLs', async () => {
  verifies('R5.42');
  const conversation = newConversation();
  await conversation.client.say(picture('http://example.com/a.png'));
  await conversation.client.say(respond);
  const { status_details: details } = conversation.client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.match(details.error.message, /send them as data: URLs/);
});

test('a few images are fetched concurrently, each URL once; too many bytes fail the response', async () => {
  const small = dataUrl('png', files.png(64, 64));
  const pages = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`https://example.com/${index}`, small]));
  const conversation = withImages(pages);
  const { client, images } = conversation;
  for (const url of [...Object.keys(pages), 'https://example.com/0']) await client.say(picture(url, 'low'));
  await answer(conversation);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(images.asked.length, 9);
  assert.ok(images.most <= 4, `${images.most} at once`);

  images.pages['https://example.com/huge1'] = `data:image/png;base64,${'A'.repeat(13 * 1024 ** 2)}`;
  images.pages['https://example.com/huge2'] = images.pages['https://example.com/huge1'];
  await client.say(picture('https://example.com/huge1'));
  await client.say(picture('https://example.com/huge2'));
  await answer(conversation);
  const { status_details: details } = client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.match(details.error.message, /more than \d+ characters in total/);
});

test('a session fetches four images concurrently, for all of its responses together', async () => {
  const small = dataUrl('png', files.png(64, 64));
  const pages = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`https://example.com/${index}`, small]));
  const conversation = withImages(pages);
  const { client, images, engines } = conversation;
  engines.languageModel.script = () => say('A dot.');
  for (let first = 0; first < 40; first += 8) {
    const content = Array.from({ length: 8 }, (_, index) => ({
      ...{ type: 'input_image', detail: 'low' },
      image_url: `https://example.com/${first + index}`,
    }));
    const input = [{ type: 'message', role: 'user', content }];
    await client.say({ type: 'response.create', response: { ...respond.response, conversation: 'none', input } });
  }
  const ended = client.all('response.done').map(({ response }) => response.status);
  assert.deepEqual(
    ended,
    Array.from({ length: 5 }, () => 'completed'),
  );
  assert.equal(images.asked.length, 40);
  assert.ok(images.most <= 4, `${images.most} at once`);
});

test('image URLs beyond the capacity of any context are not fetched', async () => {
  const conversation = withImages({});
  const content = Array.from({ length: 513 }, (_, index) => ({
    ...{ type: 'input_image', image_url: `https://example.com/${index}` },
  }));
  const input = [{ type: 'message', role: 'user', content }];
  await answer(conversation, { type: 'response.create', response: { ...respond.response, input } });
  const { status_details: details } = conversation.client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.deepEqual([details.error.code, conversation.images.asked], ['invalid_image_url', []]);
  assert.match(details.error.message, /more than 512 images/);
});

test('an image in the input of a response is fetched for that response only', async () => {
  const url = 'https://example.com/a.png';
  const conversation = withImages({ [url]: dataUrl('png', files.png(64, 64)) });
  conversation.engines.languageModel.script = () => say('A dot.');
  const input = [{ type: 'message', role: 'user', content: [{ type: 'input_image', image_url: url }] }];
  const beside = { type: 'response.create', response: { ...respond.response, conversation: 'none', input } };
  await answer(conversation, beside);
  await answer(conversation, beside);
  assert.equal(conversation.images.asked.length, 2);
});
