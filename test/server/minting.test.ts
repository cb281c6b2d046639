/** `POST /v1/realtime/client_secrets` and its two siblings of the beta dialect: bodies, answers, refusals. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { ask, bearer, errorIn } from '../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const key = 'sk-backend-0123456789';
const keys = [apiKey('backend', key)];
const ga = 'POST /v1/realtime/client_secrets';
const beta = 'POST /v1/realtime/sessions';
const betaTranscription = 'POST /v1/realtime/transcription_sessions';

test('an answer has the whole configuration that sessions will begin with', async (t) => {
  verifies('R1.25');
  const clock = new FakeClock();
  const server = await newServer(t, { clock });
  const session = { type: 'realtime', audio: { input: { turn_detection: { type: 'semantic_vad' } } } };
  const { status, body } = await ask(server, ga, { body: { session } });
  assert.equal(status, 200);
  const answer = body as { value: string; expires_at: number; session: { id: string } };
  assert.match(answer.value, /^ek_[\w-]{43}$/);
  assert.equal(answer.expires_at, clock.epochMs() / 1000 + 600);
  assert.match(answer.session.id, /^sess_/);
  assert.deepEqual(
    { ...answer.session, id: '' },
    {
      type: 'realtime',
      object: 'realtime.session',
      id: '',
      model: 'gpt-realtime',
      output_modalities: ['audio'],
      instructions: '',
      tools: [],
      tool_choice: 'auto',
      max_output_tokens: 'inf',
      tracing: null,
      truncation: 'auto',
      prompt: null,
      expires_at: 0,
      include: null,
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          transcription: null,
          noise_reduction: null,
          turn_detection: { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true },
        },
        output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'alloy', speed: 1 },
      },
    },
  );
});

test('no body at all is a default realtime session', async (t) => {
  const server = await newServer(t);
  for (const body of [undefined, '', {}]) {
    const answer = await ask(server, ga, { ...(body !== undefined && { body }) });
    assert.equal((answer.body as { session: { type: string } }).session.type, 'realtime');
  }
});

for (const { request, body, seconds } of [
  { request: ga, body: { expires_after: { anchor: 'created_at', seconds: 7200 } }, seconds: 7200 },
  { request: ga, body: { expires_after: { seconds: 10 } }, seconds: 10 },
  { request: beta, body: {}, seconds: 60 },
  { request: beta, body: { client_secret: { expires_after: { anchor: 'created_at', seconds: 90 } } }, seconds: 90 },
  { request: beta, body: { client_secret: { value: 'ek_old', expires_at: 1 } }, seconds: 60 },
  { request: betaTranscription, body: {}, seconds: 60 },
  { request: betaTranscription, body: { client_secret: { expires_at: { seconds: 120 } } }, seconds: 120 },
]) {
  test(`${request} with ${JSON.stringify(body)} lives for ${seconds} s`, async (t) => {
    const clock = new FakeClock();
    const server = await newServer(t, { clock });
    const answer = await ask(server, request, { body });
    const minted = answer.body as { expires_at: number; client_secret?: { expires_at: number } };
    assert.equal((minted.client_secret ?? minted).expires_at, clock.epochMs() / 1000 + seconds);
  });
}

for (const { request, body, param, message, code = 'invalid_value' } of [
  {
    request: ga,
    body: { session: { type: 'realtime', foo: 1 } },
    param: 'session.foo',
    code: 'unknown_parameter',
    message: /^Unknown parameter: 'session\.foo'\.$/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', voice: 'ash' } },
    param: 'session.voice',
    code: 'unknown_parameter',
    message: /beta dialect; .*'session\.audio\.output\.voice'/,
  },
  {
    request: ga,
    body: { session: {} },
    param: 'session.type',
    code: 'missing_required_parameter',
    message: /^Missing required parameter: 'session\.type'\.$/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', output_modalities: ['text', 'audio'] } },
    param: 'session.output_modalities',
    message: /^Invalid modalities/,
  },
  {
    request: ga,
    body: { expires_after: { anchor: 'created_at', seconds: 9 } },
    param: 'expires_after.seconds',
    code: 'integer_below_min_value',
    message: />= 10/,
  },
  {
    request: ga,
    body: { expires_after: { anchor: 'created_at', seconds: 7201 } },
    param: 'expires_after.seconds',
    code: 'integer_above_max_value',
    message: /<= 7200/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', model: 'gpt-nope' } },
    param: null,
    code: 'invalid_model',
    message: /^Model "gpt-nope"/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', audio: { output: { voice: 'nobody' } } } },
    param: 'session.audio.output.voice',
    message: /'nobody'/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', prompt: { id: 'pmpt_none' } } },
    param: 'session.prompt.id',
    message: /^Prompt with id 'pmpt_none' not found/,
  },
  {
    request: ga,
    body: { parley: { locked: ['audio.output.voice', 'instruction'] } },
    param: 'parley.locked[1]',
    message: /no field 'instruction'/,
  },
  {
    request: ga,
    body: { session: { type: 'transcription' }, parley: { locked: ['instructions'] } },
    param: 'parley.locked[0]',
    message: /^Invalid 'parley\.locked\[0\]': a transcription session/,
  },
  {
    request: ga,
    body: { parley: { allowed_origins: ['https://shop.example/path'] } },
    param: 'parley.allowed_origins[0]',
    message: /origin such as/,
  },
  {
    request: ga,
    body: { parley: { max_sessions: 0 } },
    param: 'parley.max_sessions',
    code: 'integer_below_min_value',
    message: />= 1/,
  },
  { request: beta, body: { voice: 'nobody' }, param: 'voice', message: /'nobody'/ },
  {
    request: beta,
    body: { temperature: 1.3 },
    param: 'temperature',
    code: 'decimal_above_max_value',
    message: /<= 1\.2/,
  },
  {
    request: beta,
    body: { max_response_output_tokens: 4097 },
    param: 'max_response_output_tokens',
    code: 'integer_above_max_value',
    message: /<= 4096/,
  },
  { request: beta, body: { modalities: ['audio'] }, param: 'modalities', message: /'text'\] and \['audio', 'text'\]/ },
  {
    request: beta,
    body: { instruction: 'Hi' },
    param: 'instruction',
    code: 'unknown_parameter',
    message: /Did you mean 'instructions'\?/,
  },
  {
    request: betaTranscription,
    body: { instructions: 'Hi' },
    param: 'instructions',
    code: 'unknown_parameter',
    message: /^Unknown parameter: 'instructions'\./,
  },
]) {
  test(`${request} refuses ${JSON.stringify(body)} by its path`, async (t) => {
    verifies('R1.25');
    const engines = fakeEngines();
    engines.voice.voices = ['alloy', 'ash'];
    const server = await newServer(t, { engines: fakeEngineSet(engines), config: { models: ['gpt-realtime'] } });
    const answer = await ask(server, request, { body });
    assert.equal(answer.status, 400);
    const error = errorIn(answer);
    assert.deepEqual([error.code, error.param], [code, param]);
    assert.match(error.message, message);
  });
}

const badBodies: {
  what: string;
  body: string;
  headers?: Record<string, string>;
  status: number;
  code: string;
}[] = [
  { what: 'no JSON', body: '{', status: 400, code: 'invalid_json' },
  { what: 'no object', body: '[]', status: 400, code: 'invalid_body' },
  { what: 'too deep', body: `{"session":${'['.repeat(200)}${']'.repeat(200)}}`, status: 400, code: 'invalid_body' },
  { what: 'too many values', body: `{"a":[${'1,'.repeat(60_000)}1]}`, status: 400, code: 'invalid_body' },
  { what: 'too large', body: `{"a":"${'x'.repeat(1024 ** 2)}"}`, status: 413, code: 'too_large' },
  {
    what: 'a form',
    body: 'a=b',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_content_type',
  },
];
for (const { what, body, headers = {}, status, code } of badBodies) {
  test(`a body that is ${what} is refused with ${status}`, async (t) => {
    verifies('R1.25');
    const log = new KeptLog();
    const server = await newServer(t, { log });
    const answer = await ask(server, ga, { body, headers });
    assert.equal(answer.status, status);
    assert.equal(errorIn(answer).code, code);
    assert.deepEqual(
      log.entries.filter(({ level }) => level === 'error'),
      [],
    );
  });
}

test('keys in a body that would be prototypes are refused as any other that is unknown', async (t) => {
  const server = await newServer(t);
  const answer = await ask(server, ga, { body: '{"session":{"type":"realtime","__proto__":{"voice":"ash"}}}' });
  assert.equal(answer.status, 400);
  assert.equal(errorIn(answer).code, 'unknown_parameter');
});

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
  test(`minting with ${JSON.stringify(shown)} is answered with ${status}`, async (t) => {
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

test("Azure's clients mint where they always did", async (t) => {
  verifies('R1.15');
  const server = await newServer(t, { config: { apiKeys: keys } });
  const headers = { 'api-key': key };
  const { body } = await ask(server, 'POST /openai/v1/realtime/client_secrets', { headers });
  assert.match((body as { value: string }).value, /^ek_/);
  const query = 'api-version=2025-04-01-preview';
  const flat = await ask(server, `POST /openai/realtimeapi/sessions?${query}`, { headers, body: { voice: 'ash' } });
  assert.equal((flat.body as { voice: string }).voice, 'ash');
});

test('a key mints no more in a minute than it may, and others still can', async (t) => {
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

test('a store that is full says so with 503, and has room again when secrets expire', async (t) => {
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

test('a key fills a quarter of the store; keys that fill it together keep no other from opening sessions', async (t) => {
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
  test(`a page of ${origin} ${allowed ? 'may' : 'may not'} mint with ${setting} configured`, async (t) => {
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

test('another method than the one that there is is refused by name', async (t) => {
  const server = await newServer(t);
  const answer = await ask(server, 'GET /v1/realtime/client_secrets');
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get('allow'), 'POST');
  assert.match(errorIn(answer).message, /HINT: use POST/);
});
