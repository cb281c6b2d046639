/** Configured fields and headers are sent with every request of an engine. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config.ts';
import { httpFactories } from '../../../src/engines/openai/http-engines.ts';
import { answer } from '../contract/language-model.ts';
import { failureMessage, question } from './faults/support.ts';
import { chatBody, chatServer, ollama } from './servers/chat-servers.ts';
import { modelServer, sendJson } from './servers/model-server.ts';

const body = { chat_template_kwargs: { enable_thinking: false }, keep_alive: '1h', temperature: 0.2 };
const headers = { 'X-Tenant': 'shop', 'api-key': 'Key sk-secret-of-a-gateway' };

test('a language model request has the configured fields, which override those of Parley', async (t) => {
  const server = await modelServer(t, chatServer(ollama));
  const model = httpFactories.languageModel({ url: server.url, model: 'm', body, headers }, {});
  t.after(() => model.close?.());
  await answer(model, question, { temperature: 0.9 });
  const [request] = server.requests;
  assert.ok(request);
  const sent = chatBody(request);
  assert.deepEqual(
    [sent.chat_template_kwargs, sent.keep_alive, sent.temperature],
    [{ enable_thinking: false }, '1h', 0.2],
  );
  assert.deepEqual([request.headers['x-tenant'], request.headers['api-key']], ['shop', headers['api-key']]);
});

test('requests of transcribers and voices have them too', async (t) => {
  const server = await modelServer(t, (_, response) => sendJson(response, { text: 'hello' }));
  const signal = new AbortController().signal;
  const transcriber = httpFactories.transcriber(
    { url: server.url, model: 'm', body: { vad_filter: true, hotwords: 'Parley' }, headers },
    {},
  );
  const voice = httpFactories.voice(
    { url: server.url, model: 'm', body: { lang_code: 'e' }, headers },
    { attempts: 1 },
  );
  t.after(() => Promise.all([transcriber.close?.(), voice.close?.()]));
  await Array.fromAsync(transcriber.transcribe({ samples: new Int16Array(16_000), sampleRateHz: 16_000 }, { signal }));
  await failureMessage(Array.fromAsync(voice.speak('Hola.', { voice: 'ef_dora', speed: 1, signal })));
  const [heard, spoken] = server.requests;
  assert.match(
    heard?.body.toString('latin1') ?? '',
    /name="vad_filter"\r\n\r\ntrue\r\n[\s\S]*name="hotwords"\r\n\r\nParley\r\n/,
  );
  assert.equal(JSON.parse(spoken?.body.toString() ?? '{}').lang_code, 'e');
  assert.deepEqual([heard?.headers['x-tenant'], spoken?.headers['x-tenant']], ['shop', 'shop']);
});

test('the value of a header, which may be a key, is never in an error', async (t) => {
  const server = await modelServer(t, (_, response) =>
    sendJson(response, { error: 'no tenant for sk-secret-of-a-gateway' }, 400),
  );
  const model = httpFactories.languageModel({ url: server.url, model: 'm', headers }, { attempts: 1 });
  t.after(() => model.close?.());
  const message = await failureMessage(answer(model, question));
  assert.match(message, /no tenant for \*\*\*/);
});

test('fields from the configuration are used; those that Parley sends itself are refused', () => {
  const load = (fields: object) =>
    loadConfig({
      flags: ['--engine-sets', JSON.stringify({ a: { llm: { url: 'http://127.0.0.1:9/v1', model: 'm', ...fields } } })],
      environment: {},
    });
  const { config } = load({ body, headers });
  const set = config.engineSets.a?.languageModel;
  assert.ok(typeof set === 'object');
  assert.deepEqual([set.body, set.headers], [body, headers]);
  for (const [fields, expected] of [
    [{ body: { messages: [] } }, /messages/],
    [{ body: { x: 'y'.repeat(70_000) } }, /65536 characters/],
    [{ headers: { Host: 'elsewhere' } }, /Parley's/],
    [{ headers: { 'x y': 'z' } }, /header/],
    [{ headers: { x: 'a\r\nb: c' } }, /header/],
  ] as const) {
    assert.throws(() => load(fields), expected);
  }
});
