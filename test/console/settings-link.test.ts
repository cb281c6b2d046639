/** Links with settings: complete without secrets, and harmless when they are hostile. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { formatLink, LinkError, parseLink } from '../../console/settings/link.js';

type Shared = NonNullable<Awaited<ReturnType<typeof parseLink>>>;

const page = 'http://127.0.0.1:8080/?x=1#old';
const settings: Shared = {
  session: {
    type: 'realtime',
    instructions: 'Grüße <b>alle</b>.',
    audio: { input: { turn_detection: null } },
    a_field_of_the_future: [1, { two: null }],
    tools: [{ type: 'function', name: 'look_up', parameters: { type: 'object' } }],
  },
  functions: 'function look_up() { return "</script>"; }',
  transport: 'webrtc',
  dialect: 'beta',
  model: 'gpt-realtime',
};

const hashOf = (url: string) => new URL(url).hash;
const packed = (json: string | Buffer) => `#settings=${deflateSync(json).toString('base64url')}`;
const linkWith = (change: object) => packed(JSON.stringify({ version: 1, ...settings, ...change }));
const linkWithSession = (session: unknown) => linkWith({ session });

suite('links with settings', () => {
  test('a link has the settings, also fields that the page does not know, and nothing else of the address', async () => {
    const { url, omitted } = await formatLink(settings, page);
    assert.match(url, /^http:\/\/127\.0\.0\.1:8080\/#settings=[\w-]+$/);
    assert.deepEqual(await parseLink(hashOf(url)), settings);
    assert.deepEqual(omitted, []);
  });

  test('secrets of MCP servers are not in a link, and it is said which', async () => {
    const secret = 'hush-hush-0123456789';
    const server = {
      type: 'mcp',
      server_label: 'docs',
      server_url: `https://user:${secret}@docs.example/mcp?token=${secret}#${secret}`,
      authorization: secret,
      headers: { 'X-Key': secret },
      require_approval: 'always',
    };
    const { url, omitted } = await formatLink({ ...settings, session: { tools: [server] } }, page);
    const opened = await parseLink(hashOf(url));
    assert.deepEqual(opened?.session, {
      tools: [
        { type: 'mcp', server_label: 'docs', server_url: 'https://docs.example/mcp', require_approval: 'always' },
      ],
    });
    assert.equal(omitted.length, 2);
  });

  test('the API key is not in a link', async () => {
    const { url } = await formatLink({ ...settings, ...{ apiKey: 'sk-0123456789' } }, page);
    assert.deepEqual(await parseLink(hashOf(url)), settings);
  });

  test('settings that are too long are refused, with a way out', async () => {
    const session = { instructions: 'x'.repeat(300_000) };
    await assert.rejects(formatLink({ ...settings, session }, page), /too long for a link\. Copy the JSON/);
  });

  const unopenable: [name: string, change: object, message: RegExp][] = [
    ['many values', { session: { list: Array.from({ length: 10_001 }, () => 0) } }, /too complex/],
    ['many levels', { session: { x: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) } }, /too complex/],
    ['a long model', { model: 'x'.repeat(257) }, /name of the model is too long/],
  ];
  for (const [name, change, message] of unopenable)
    test(`no link is made that could not be opened: ${name}`, async () => {
      await assert.rejects(formatLink({ ...settings, ...change }, page), message);
    });

  for (const address of ['https:/ada:hush@docs.example/mcp', 'https:\\\\ada:hush@docs.example\\mcp'])
    test(`credentials are not in a link, however the address is written: ${address}`, async () => {
      const tools = [{ type: 'mcp', server_label: 'docs', server_url: address }];
      const { url, omitted } = await formatLink({ ...settings, session: { tools } }, page);
      const opened = await parseLink(hashOf(url));
      assert.deepEqual(opened?.session.tools, [{ ...tools[0], server_url: 'https://docs.example/mcp' }]);
      assert.equal(omitted.length, 1);
    });

  test('another fragment is not a link with settings', async () => {
    assert.equal(await parseLink(''), null);
    assert.equal(await parseLink('#section'), null);
  });

  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const tool = { type: 'mcp', server_label: 'x' };
  const hostile: Record<string, string> = {
    'no content': '#settings=',
    'other characters': '#settings=<img src=x onerror=alert(1)>',
    'not compressed': `#settings=${Buffer.from('{"version":1}').toString('base64url')}`,
    'not UTF-8': packed(Buffer.from([0x22, 0xff, 0x22])),
    'cut off': packed(JSON.stringify({ version: 1, ...settings })).slice(0, -20),
    'not JSON': packed('{"version":1'),
    'not an object': packed('"text"'),
    'a list': packed('[1]'),
    null: packed('null'),
    'another version': linkWith({ version: 2 }),
    'too long': `#settings=${'A'.repeat(70_000)}`,
    'a gigabyte in a few bytes': packed(Buffer.alloc(40_000_000, ' ')),
    'nested deeply': packed(`{"version":1,"session":{"x":${deep(5000)}}}`),
    'many values': linkWithSession({ list: Array.from({ length: 20_000 }, () => 0) }),
    'a session that is a list': linkWithSession([]),
    'a session that is text': linkWithSession('x'),
    'a transport of another kind': linkWith({ transport: 'javascript:alert(1)' }),
    'a dialect of another kind': linkWith({ dialect: {} }),
    'a model that is an object': linkWith({ model: { toString: 'x' } }),
    'an empty model': linkWith({ model: '' }),
    'functions that are a list': linkWith({ functions: ['alert(1)'] }),
    'another type of session': linkWithSession({ type: 'transcription' }),
    'audio that is text': linkWithSession({ audio: 'x' }),
    'a format that the page cannot play': linkWithSession({ audio: { output: { format: { type: 'audio/pcmu' } } } }),
    'tools that are an object': linkWithSession({ tools: { length: 1 } }),
    'a tool that is null': linkWithSession({ tools: [null] }),
    'a script as an address': linkWithSession({ tools: [{ ...tool, server_url: 'javascript:alert(1)' }] }),
    'a file as an address': linkWithSession({ tools: [{ ...tool, server_url: 'file:///etc/passwd' }] }),
    'an address that is an object': linkWithSession({ tools: [{ ...tool, server_url: { href: 'https://x' } }] }),
    'an authorization': linkWithSession({ tools: [{ ...tool, authorization: 'x' }] }),
    headers: linkWithSession({ tools: [{ ...tool, headers: { Cookie: 'x' } }] }),
    'a key of prototypes': packed('{"version":1,"session":{"__proto__":{"polluted":true}}}'),
    'a key of prototypes within': packed('{"version":1,"session":{"audio":{"input":{"__proto__":{"polluted":true}}}}}'),
  };
  for (const [name, hash] of Object.entries(hostile)) {
    test(`refused with a message: ${name}`, async () => {
      await assert.rejects(parseLink(hash), (error: unknown) => {
        assert.ok(error instanceof LinkError, String(error));
        assert.match(error.message, /^The .*[.}]$/s);
        assert.ok(error.message.length < 300);
        return true;
      });
      assert.equal(Reflect.get({}, 'polluted'), undefined);
    });
  }

  test('any JSON is refused with a message, or its session is the one that was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 6 }), async (value) => {
        const opened = await parseLink(linkWithSession(value)).catch((error: unknown) => error);
        if (opened instanceof LinkError) return;
        assert.deepEqual(JSON.stringify(Reflect.get(Object(opened), 'session')), JSON.stringify(value));
      }),
      { numRuns: 200 },
    );
  });
});
