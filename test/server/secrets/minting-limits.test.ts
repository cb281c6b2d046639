/** Limits on creating client secrets: allowed callers and origins, and the rate. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../../src/server/server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ask, bearer, errorIn } from '../../support/rest.ts';
import { newServer } from '../../support/server.ts';
import { verifies } from '../../support/verifies.ts';
import { WireClient } from '../../support/wire-client.ts';
import { beta, betaTranscription, ga } from './minting-requests.ts';

const key = 'sk-backend-0123456789';

const keys = [apiKey('backend', key)];

for (const { shown, status, code, message } of [
  { shown: {}, status: 401, code: null, message: /^Missing bearer or basic authentication in header$/ },
  {
    shown: { Authorization: 'Bearer sk-wrong-0123456789' },
    status: 401,
    code: 'invalid_api_key',
    message: /^Incorrect API key provided: sk-…6789\./,
  },
  { shown: { Authorization: `Bearer ${key}` }, status: 200 },
  { shown: { 'api-key': key }, status: 200 },
  { shown: { Authorization: `Bearer ${key}`, 'OpenAI-Project': 'default' }, status: 200 },
  {
    shown: { Authorization: `Bearer ${key}`, 'OpenAI-Project': 'other' },
    status: 401,
    code: 'mismatched_project',
    message: /^OpenAI-Project header should match project for API key$/,
  },
] as { shown: Record<string, string>; status: number; code?: string | null; message?: RegExp }[]) {
  test(`a request for a secret with ${JSON.stringify(shown)} is answered with ${status}`, async (t) => {
    verifies('R1.3', 'R1.28', 'R5.75');
    const server = await newServer(t, { config: { apiKeys: keys } });
    for (const request of [ga, beta, betaTranscription]) {
      const answer = await ask(server, request, { body: {}, headers: shown });
      assert.equal(answer.status, status);
      if (code === undefined) continue;
      assert.equal(errorIn(answer).code, code);
      assert.match(errorIn(answer).message, message ?? /^/);
    }
  });
}

test('Azure clients can create secrets at their path', async (t) => {
  verifies('R1.15');
  const server = await newServer(t, { config: { apiKeys: keys } });
  const headers = { 'api-key': key };
  const { body } = await ask(server, 'POST /openai/v1/realtime/client_secrets', { headers });
  assert.match((body as { value: string }).value, /^ek_/);
  const query = 'api-version=2025-04-01-preview';
  const flat = await ask(server, `POST /openai/realtimeapi/sessions?${query}`, { headers, body: { voice: 'ash' } });
  assert.equal((flat.body as { voice: string }).voice, 'ash');
});

test('a key cannot exceed its secrets per minute; other keys are unaffected', async (t) => {
  verifies('R1.30', 'R5.78');
  const clock = new FakeClock();
  const other = 'sk-other-0123456789';
  const config = { apiKeys: [...keys, apiKey('other', other)], limits: { secretsPerMinute: 2 } };
  const server = await newServer(t, { clock, config });
  const statuses = async (secret: string) => (await ask(server, ga, { key: secret })).status;
  assert.deepEqual([await statuses(key), await statuses(key)], [200, 200]);
  await clock.advance(20_000);
  const refused = await ask(server, ga, { key });
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '40');
  assert.equal(errorIn(refused).code, 'rate_limit_exceeded');
  assert.match(errorIn(refused).message, /one key may mint 2 client secrets in a minute. Try again in 40 s\./);
  assert.equal(await statuses(other), 200);
  await clock.advance(40_000);
  assert.equal(await statuses(key), 200);
});

test('a full store answers 503, and has room again when secrets expire', async (t) => {
  const clock = new FakeClock();
  const server = await newServer(t, { clock, config: { limits: { storeCharacters: 65_536 } } });
  const body = { session: { type: 'realtime', instructions: 'x'.repeat(40_000) } };
  assert.equal((await ask(server, ga, { body })).status, 200);
  const full = await ask(server, ga, { body });
  assert.equal(full.status, 503);
  assert.equal(full.headers.get('retry-after'), '30');
  assert.match(errorIn(full).message, /^The store is full: .*limits\.store-characters/);
  await clock.advance(600_000);
  assert.equal((await ask(server, ga, { body })).status, 200);
});

test('a key fills at most a quarter of the store, and a full store does not prevent sessions', async (t) => {
  const phone = 'sk-phone-0123456789';
  const limited = apiKey('phone', phone, { limits: { sessions: 1, sessionsPerMinute: 10, tokensPerMinute: 10_000 } });
  const fillers = [1, 2, 3, 4, 5].map((number) => `sk-filler-012345678${number}`);
  const apiKeys = [limited, ...fillers.map((filler, index) => apiKey(`filler-${index}`, filler))];
  const server = await newServer(t, { config: { apiKeys, limits: { storeEntries: 100 } } });
  const fill = async (filler: string) => {
    for (let minted = 0; ; minted += 1) {
      const answer = await ask(server, ga, { key: filler });
      if (answer.status !== 200) return { minted, answer };
    }
  };
  const [first = '', ...others] = fillers;
  const { minted, answer } = await fill(first);
  assert.equal(minted, 25);
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  assert.match(errorIn(answer).message, /a quarter of the room/);
  assert.equal((await ask(server, ga, { key: phone })).status, 200);

  for (const other of others) await fill(other);
  assert.equal((await ask(server, ga, { key: phone })).status, 503);
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`, bearer(phone));
  assert.equal((await client.ask('Hello?')).response.status, 'completed');
});

for (const { origin, config, allowed } of [
  { origin: 'https://shop.example', config: { apiKeys: keys }, allowed: true },
  { origin: 'https://shop.example', config: { apiKeys: keys, origins: ['https://shop.example'] }, allowed: true },
  { origin: 'https://evil.example', config: { apiKeys: keys, origins: ['https://shop.example'] }, allowed: false },
  { origin: 'https://evil.example', config: {}, allowed: false },
  { origin: 'http://localhost:3000', config: {}, allowed: true },
]) {
  const setting = Object.keys(config).join(' and ') || 'nothing';
  test(`a page of ${origin} ${allowed ? 'may' : 'may not'} create secrets with ${setting} configured`, async (t) => {
    verifies('R1.26');
    const server = await newServer(t, { config });
    const preflight = await ask(server, `OPTIONS${ga.slice(4)}`, {
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization, x-openai-agents-sdk, x-stainless-os, x-anything',
      },
    });
    const answer = await ask(server, ga, { key, body: {}, headers: { Origin: origin } });
    assert.deepEqual([preflight.status, answer.status], allowed ? [204, 200] : [403, 403]);
    for (const { headers } of [preflight, answer]) {
      assert.equal(headers.get('access-control-allow-origin'), allowed ? origin : null);
    }
    if (!allowed) return;
    assert.equal(answer.headers.get('vary'), 'Origin');
    const refused = await ask(server, ga, { body: '{', headers: { Origin: origin, Authorization: 'Bearer no' } });
    assert.ok(refused.status >= 400);
    assert.equal(refused.headers.get('access-control-allow-origin'), origin, 'a page can read why');
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /\bLocation\b/);
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST');
    const names = preflight.headers.get('access-control-allow-headers')?.split(', ') ?? [];
    for (const name of ['authorization', 'content-type', 'x-openai-agents-sdk', 'openai-beta', 'x-stainless-os']) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(!names.includes('x-anything'));
  });
}

test('other methods are refused, and the error names the allowed one', async (t) => {
  const server = await newServer(t);
  const answer = await ask(server, 'GET /v1/realtime/client_secrets');
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get('allow'), 'POST');
  assert.match(errorIn(answer).message, /HINT: use POST/);
});
