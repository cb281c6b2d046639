/** Each kind of engine is one row of a table; everything that depends on the kind covers each row. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checks } from '../../src/cli/doctor/checks.ts';
import { configHelp, loadConfig } from '../../src/config/config.ts';
import { answerSchemas } from '../../src/engines/cassette/answers.ts';
import { lineSchema } from '../../src/engines/cassette/format.ts';
import { recordedKinds } from '../../src/engines/cassette/recorded-kinds.ts';
import { httpFactories } from '../../src/engines/openai/http-engines.ts';
import { planEngines } from '../../src/engines/spec/engine-plan.ts';
import { builtInEngines, keyVariable } from '../../src/engines/spec/engine-spec.ts';
import { failover } from '../../src/engines/spec/fallback.ts';
import { Metrics } from '../../src/metering/metrics.ts';
import { allKinds, audioRequestEngines, engineKinds, requestKinds } from '../../src/session/ports/engines.ts';
import { stageFailed } from '../../src/session/stage.ts';

test('names that users, clients and cassettes depend on do not change', () => {
  const fields = ['short', 'words', 'stage', 'label'] as const;
  const names = allKinds.map((kind) => [kind, ...fields.map((field) => engineKinds[kind][field])].join(' | '));
  assert.deepEqual(names, [
    'voiceActivity | vad | voice activity | voice activity detection | voice_activity_detection',
    'transcriber | stt | transcriber | transcriber | transcriber',
    'languageModel | llm | language model | language model | language_model',
    'voice | tts | voice | voice | voice',
  ]);
  assert.deepEqual(
    audioRequestEngines.map((kind) => [kind, engineKinds[kind].audioRequest]),
    [
      ['transcriber', 'transcription'],
      ['voice', 'speech'],
    ],
  );
});

test('names of kinds are unique', () => {
  for (const field of ['short', 'words', 'stage', 'label'] as const) {
    assert.equal(new Set(allKinds.map((kind) => engineKinds[kind][field])).size, allKinds.length, field);
  }
});

test('each kind has engines, and those that answer requests have servers, fallbacks and cassettes', () => {
  for (const table of [builtInEngines, checks]) assert.deepEqual(Object.keys(table).sort(), [...allKinds].sort());
  for (const table of [httpFactories, failover, recordedKinds]) {
    assert.deepEqual(Object.keys(table).sort(), [...requestKinds].sort());
  }
  assert.deepEqual(Object.keys(answerSchemas).sort(), [...requestKinds, 'import', 'tool'].sort());
  for (const kind of allKinds) {
    const { embedded, engines } = builtInEngines[kind];
    assert.ok(embedded in engines, kind);
  }
});

test('each kind has an option with a long and a short name, and a key if it may be remote', () => {
  const help = configHelp();
  for (const kind of allKinds) {
    const { short } = engineKinds[kind];
    const name = builtInEngines[kind].embedded;
    assert.match(help, new RegExp(`--[a-z-]+ ENGINE, also --${short}\n`));
    assert.equal(loadConfig({ flags: [`--${short}`, name], environment: {} }).config[kind], name);
  }
  for (const kind of requestKinds) {
    const { short } = engineKinds[kind];
    const environment = { [keyVariable(kind)]: 'sk-own' };
    const flags = [`--${short}`, 'http://127.0.0.1:9/v1#some-model'];
    const { default: set } = planEngines(loadConfig({ flags, environment }).config, environment);
    assert.deepEqual(set[kind], { url: 'http://127.0.0.1:9/v1', model: 'some-model', key: 'sk-own' });
    assert.match(help, new RegExp(`--${short}-key KEY\n`));
  }
});

test('an engine set may have each kind', () => {
  const names = Object.fromEntries(allKinds.map((kind) => [engineKinds[kind].short, builtInEngines[kind].embedded]));
  const { config } = loadConfig({ flags: ['--engine-sets', JSON.stringify({ other: names })], environment: {} });
  assert.deepEqual(
    config.engineSets.other,
    Object.fromEntries(allKinds.map((kind) => [kind, builtInEngines[kind].embedded])),
  );
});

test('a failure of each kind names its stage in message and code', () => {
  for (const kind of allKinds) {
    const { stage, label } = engineKinds[kind];
    const error = stageFailed(kind, new Error('it is away'));
    assert.deepEqual(
      [error.stage, error.code, error.message],
      [stage, `${label}_failed`, `The ${stage} failed: it is away`],
    );
  }
});

test('the latency of each kind that answers requests is in the metrics', async () => {
  const metrics = new Metrics();
  const times = { transcriptMs: 10, firstTokenMs: 20, firstAudioMs: 30 };
  metrics.responseEnded({ key: '', project: '', model: '' }, 'completed', times);
  const text = await metrics.text();
  for (const kind of requestKinds) {
    assert.ok(text.includes(`parley_stage_seconds_count{stage="${engineKinds[kind].label}"} 1\n`), kind);
  }
});

test('a cassette accepts requests to each kind that answers them, and to no other', () => {
  const line = { type: 'request', id: 1, atMs: 0, hash: '', request: {} };
  const taken = allKinds.filter((stage) => lineSchema.safeParse({ ...line, stage }).success);
  assert.deepEqual(taken, [...requestKinds]);
});
