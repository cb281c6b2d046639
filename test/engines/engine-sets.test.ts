import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createEngineSets, type EngineSets, type EngineSetsOptions } from '../../src/engines/spec/engine-sets.ts';
import type { EngineSetsSpec } from '../../src/engines/spec/engine-spec.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeTranscriber, FakeVoice, loudnessDetector } from '../support/fake-engines.ts';
import { answer, textOf, userSays } from './contract/language-model.ts';
import { type ChatBody, chatBody, chatServer, ollama } from './openai/servers/chat-servers.ts';
import { type ModelServer, modelServer, sendJson } from './openai/servers/model-server.ts';

const nowhere = 'http://127.0.0.1:9/v1';

function sets(t: TestContext, spec: Partial<EngineSetsSpec>, options: Partial<EngineSetsOptions> = {}): EngineSets {
  // Avoids loading models that these tests do not use.
  const given = {
    voiceActivity: { name: 'loudness', engine: loudnessDetector },
    transcriber: { name: 'fake', engine: new FakeTranscriber() },
    ...(spec.default?.voice === undefined && { voice: { name: 'fake', engine: new FakeVoice() } }),
  };
  const made = createEngineSets(
    { default: {}, sets: {}, aliases: {}, ...spec },
    { clock: new FakeClock(), given, ...options },
  );
  t.after(() => made.close());
  return made;
}

async function said({ languageModel }: Engines, model: string): Promise<string> {
  return textOf(await answer(languageModel, [userSays('Say: hello')], { model }));
}

const requestedModels = (server: ModelServer): string[] =>
  server.requests
    .filter(({ method }) => method === 'POST')
    .map((request): ChatBody['model'] => chatBody(request).model);

test('a model name resolves to a set, to a model, or to itself', async (t) => {
  const [one, two] = [await modelServer(t, chatServer(ollama)), await modelServer(t, chatServer(ollama))];
  const made = sets(t, {
    default: { languageModel: { url: one.url } },
    sets: { big: { languageModel: { url: two.url, model: 'qwen3' } } },
    aliases: {
      'gpt-realtime': { engines: 'big' },
      'gpt-4o-realtime-preview': { engines: 'big', model: 'qwen3-small' },
      mini: { model: 'llama3.2' },
    },
  });
  for (const model of ['gpt-realtime', 'gpt-4o-realtime-preview', 'mini', 'phi4']) {
    assert.equal(await said(made.enginesFor(model), model), 'hello');
  }
  assert.deepEqual(requestedModels(two), ['qwen3', 'qwen3-small']);
  assert.deepEqual(requestedModels(one), ['llama3.2', 'phi4']);
});

test('an engine that several sets name is created once', async (t) => {
  const server = { url: nowhere, model: 'm' };
  const made = sets(t, {
    default: { languageModel: server },
    sets: { same: { languageModel: { ...server } }, other: { languageModel: 'responder' } },
    aliases: { a: { engines: 'same' }, b: { engines: 'other' } },
  });
  const names = made.describe().map(({ part, name }) => `${part} ${name}`);
  assert.deepEqual(names.sort(), [
    `languageModel m at ${nowhere}`,
    'languageModel responder',
    'transcriber fake',
    'voice fake',
    'voiceActivity loudness',
  ]);
  assert.equal(made.enginesFor('a').languageModel, made.engines.languageModel);
});

test('a set that does not answer is replaced by its fallback', async (t) => {
  const spare = await modelServer(t, chatServer(ollama));
  const changes: { from: string; to: string }[] = [];
  const made = sets(
    t,
    {
      default: { languageModel: { url: nowhere, model: 'gone' }, fallbacks: ['spare'] },
      sets: { spare: { languageModel: { url: spare.url, model: 'here' } } },
    },
    { onFallback: ({ from, to }) => changes.push({ from, to }) },
  );
  assert.equal(await said(made.engines, 'gpt-realtime'), 'hello');
  assert.equal(await said(made.engines, 'gpt-realtime'), 'hello');
  assert.deepEqual(changes, [{ from: `gone at ${nowhere}`, to: `here at ${spare.url}` }]);
});

test('an unreachable server is reported when engines are created', async (t) => {
  const { promise, resolve } = Promise.withResolvers<object>();
  const made = sets(t, { default: { languageModel: { url: nowhere, model: 'gone' } } }, { onUnreachable: resolve });
  const about = await promise;
  assert.deepEqual(Object.keys(about), ['part', 'name', 'error']);
  assert.match(JSON.stringify(about), /languageModel.*gone at .*it refuses connections/);
  await made.ready;
});

test('at the start only the model of the default set is loaded, neither fallbacks nor other sets', async (t) => {
  const loaded: string[] = [];
  const serving = (name: string) =>
    modelServer(t, (request, response) => {
      if (request.method === 'GET') return sendJson(response, { data: [{ id: 'm' }] });
      loaded.push(name);
      return chatServer(ollama)(request, response);
    });
  const [own, spare, other] = [await serving('own'), await serving('spare'), await serving('other')];
  const model = ({ url }: { url: string }) => ({ languageModel: { url, model: 'm' } });
  const made = sets(
    t,
    {
      default: { ...model(own), fallbacks: ['spare'] },
      sets: { spare: model(spare), other: model(other) },
      aliases: { another: { engines: 'other' } },
    },
    { onUnreachable: () => {} },
  );
  await Promise.all([own.request(3), spare.request(1), other.request(1)]);
  assert.deepEqual(loaded, ['own']);
  made.openSession?.({ type: 'realtime', model: 'another', clock: new FakeClock(), drop() {}, cassetteCut() {} });
  await other.request(3);
  assert.deepEqual(loaded, ['own', 'other']);
});

test('a session warms up its engines', async (t) => {
  const server = await modelServer(t, chatServer(ollama));
  const made = sets(t, { default: { languageModel: { url: server.url, model: 'm' } } });
  made.openSession?.({ type: 'realtime', model: 'gpt-realtime', clock: new FakeClock(), drop() {}, cassetteCut() {} });
  assert.equal((await server.request(1)).path, '/v1/models');
});

test('voices have the names that clients know', (t) => {
  const embedded = sets(t, { default: { voice: 'embedded', voices: { nova: 'slt' } } });
  assert.ok(['nova', 'alloy'].every((name) => embedded.engines.voice.voices?.includes(name)));
  const all = sets(t, { default: { voice: 'embedded', voices: { '*': 'slt' } } });
  assert.equal(all.engines.voice.voices, undefined, 'no name is refused');
});
