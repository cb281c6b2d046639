import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { type ConnectOptions, WireClient } from '../support/wire-client.ts';

const key = 'sk-a-key-that-nobody-guesses';
const bearer = { headers: { Authorization: `Bearer ${key}` } };

function guardedServer(t: TestContext, log = new KeptLog()) {
  return newServer(t, { config: { apiKeys: [apiKey('phones', key)] }, log });
}

/** The error and close code of a refused connection. */
async function refusal(url: string, options: ConnectOptions = {}) {
  const client = new WireClient(url, options);
  const event = await client.next();
  const { code, reason } = await client.closed;
  assert.equal(event.type, 'error');
  assert.equal(client.waiting, 0, 'nothing but the error is sent');
  assert.ok(event.event_id, 'every event has an id');
  return { error: event.type === 'error' ? event.error : undefined, code, reason };
}

test('a connection without a key is opened, gets an error, and is closed with 3000', async (t) => {
  verifies('R1.6', 'R5.36');
  const { wsUrl } = await guardedServer(t);
  assert.deepEqual(await refusal(`${wsUrl}?model=gpt-realtime`), {
    error: {
      type: 'invalid_request_error',
      code: null,
      message: 'Missing bearer or basic authentication in header',
      param: null,
      event_id: null,
    },
    code: 3000,
    reason: 'invalid_request_error',
  });
});

test('a wrong key is refused without being repeated in the error or the log', async (t) => {
  verifies('R1.6', 'R5.35');
  const log = new KeptLog();
  const { wsUrl } = await guardedServer(t, log);
  const wrong = 'sk-wrong-key-0123456789';
  const headers = { Authorization: `Bearer ${wrong}` };
  const { error, code, reason } = await refusal(`${wsUrl}?model=gpt-realtime`, { headers });
  assert.equal(error?.code, 'invalid_api_key');
  assert.match(error?.message ?? '', /^Incorrect API key provided: sk-…6789\./);
  assert.deepEqual({ code, reason }, { code: 3000, reason: 'invalid_request_error.invalid_api_key' });
  assert.doesNotMatch(JSON.stringify(log.entries), new RegExp(`${wrong}|${key}`));
});

test('the key is checked before the model', async (t) => {
  verifies('R1.6', 'R1.7', 'R5.33');
  const { wsUrl } = await guardedServer(t);
  assert.equal((await refusal(wsUrl)).code, 3000);
  const { error, code, reason } = await refusal(wsUrl, bearer);
  assert.equal(error?.message, `You must provide a model parameter, for example ${wsUrl}?model=gpt-realtime`);
  assert.deepEqual({ code, reason }, { code: 4000, reason: 'invalid_request_error.missing_model' });
});

for (const [name, options] of Object.entries({
  'a bearer token': bearer,
  "Azure's header": { headers: { 'api-key': key } },
  "a browser's subprotocols": { protocols: ['realtime', `openai-insecure-api-key.${key}`] },
})) {
  test(`a key is accepted as ${name}, and its name is logged`, async (t) => {
    verifies('R1.3');
    const log = new KeptLog();
    const { wsUrl } = await guardedServer(t, log);
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`, options);
    const { details } = await log.entry('session_opened');
    assert.equal('key' in details && details.key, 'phones');
    client.socket.close();
    await client.closed;
  });
}

for (const { offered, selected } of [
  { offered: ['realtime', 'openai-insecure-api-key.k'], selected: 'realtime' },
  { offered: ['openai-insecure-api-key.k', 'openai-organization.acme', 'realtime'], selected: 'realtime' },
  { offered: ['openai-insecure-api-key.k', 'something-else'], selected: 'something-else' },
  { offered: [], selected: '' },
]) {
  test(`of the subprotocols [${offered}], "${selected}" is selected`, async (t) => {
    verifies('R1.4');
    const { wsUrl } = await newServer(t);
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`, { protocols: offered });
    assert.equal(client.socket.protocol, selected);
  });
}

test('without configured keys, any key and model are accepted, and unknown parameters are ignored', async (t) => {
  verifies('R1.1', 'R1.2');
  const { wsUrl } = await newServer(t);
  const client = new WireClient(`${wsUrl}?model=my-own-model&temperature=0.8&foo`, bearer);
  const { session } = await client.until('session.created');
  assert.equal('model' in session && session.model, 'my-own-model');
  await client.ask('Hello?');
});

test('unsupported extensions are ignored, and logged once', async (t) => {
  verifies('R1.32');
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { log });
  const long = 'x'.repeat(200);
  const client = await WireClient.open(
    `${wsUrl}?model=gpt-realtime&parley=nope,,${long},nope${',more'.repeat(20)},last`,
  );
  await client.ask('Hello?');
  const { details, level } = await log.entry('extensions_unknown');
  assert.equal(level, 'warn');
  assert.deepEqual(Reflect.get(Object(details), 'names'), ['nope', long.slice(0, 64), 'more']);
  assert.equal(log.entries.filter(({ event }) => event === 'extensions_unknown').length, 1);
});

test('only allowed models are served', async (t) => {
  verifies('R5.34');
  const { wsUrl } = await newServer(t, { config: { models: ['small', 'large'] } });
  const { error, code, reason } = await refusal(`${wsUrl}?model=gpt-nope`);
  assert.match(error?.message ?? '', /^Model "gpt-nope" is not supported in realtime mode/);
  assert.deepEqual({ code, reason }, { code: 4000, reason: 'invalid_request_error.invalid_model' });
  await WireClient.open(`${wsUrl}?model=large`);
});

for (const [name, query, options] of [
  ['the header', '', { headers: { 'OpenAI-Beta': 'assistants=v2, realtime=v1' } }],
  ['the subprotocol', '', { protocols: ['realtime', 'openai-beta.realtime-v1'] }],
  ["Azure's query parameter", '&api-version=2024-10-01-preview', {}],
] as const) {
  test(`${name} selects the beta dialect`, async (t) => {
    verifies('R1.12');
    const { wsUrl } = await newServer(t);
    const protocols = 'protocols' in options ? [...options.protocols] : [];
    const client = await WireClient.open(`${wsUrl}?model=gpt-4o-realtime-preview${query}`, { ...options, protocols });
    client.send({ type: 'session.update', session: { modalities: ['text'] } });
    const { session } = await client.until('session.updated');
    assert.deepEqual('modalities' in session && session.modalities, ['text']);
  });
}

test('a beta header of another API does not select the beta dialect', async (t) => {
  const { wsUrl } = await newServer(t);
  await WireClient.open(`${wsUrl}?model=gpt-realtime`, { headers: { 'OpenAI-Beta': 'assistants=v2' } });
});

test('a transcription session with a model is refused, and the error names the parameter', async (t) => {
  const { wsUrl } = await newServer(t);
  const { error, code } = await refusal(`${wsUrl}?intent=transcription&model=gpt-realtime`);
  assert.equal(error?.param, 'model');
  assert.equal(code, 4000);
});

test('an intent other than transcription is refused', async (t) => {
  verifies('R1.14', 'R5.48');
  const { wsUrl } = await newServer(t);
  const { error, code, reason } = await refusal(`${wsUrl}?model=gpt-realtime&intent=conversation`);
  assert.equal(error?.message, "Invalid intent: 'conversation'. Value must be 'transcription'.");
  assert.deepEqual({ code, reason }, { code: 4000, reason: 'invalid_request_error.invalid_intent' });
});

test('a close frame of a client is answered with its code', async (t) => {
  const { wsUrl } = await newServer(t);
  for (const code of [1000, 4321]) {
    const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
    client.socket.close(code, 'done');
    assert.equal((await client.closed).code, code);
  }
});

test('a refused client that keeps sending is disconnected', async (t) => {
  const { wsUrl } = await guardedServer(t);
  const client = new WireClient(wsUrl);
  await once(client.socket, 'open');
  // A frame much larger than anything a refused client needs to send.
  client.socket.send('x'.repeat(1024 * 1024));
  await client.closed;
});
