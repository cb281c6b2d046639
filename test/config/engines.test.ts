import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, configHelp, configWith, loadConfig } from '../../src/config/config.ts';
import { EngineConfigError, planEngines } from '../../src/engines/spec/engine-plan.ts';
import type { EngineSetsSpec } from '../../src/engines/spec/engine-spec.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-engines-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'parley.yaml');
const keyPath = join(folder, 'key');
writeFileSync(keyPath, 'sk-from-file\n');

interface Given {
  flags?: string[];
  environment?: Record<string, string>;
  file?: string;
}

function load({ flags = [], environment = {}, file = '' }: Given) {
  writeFileSync(path, file);
  return loadConfig({ flags: ['--config', path, ...flags], environment }).config;
}

function plan(given: Given): EngineSetsSpec {
  return planEngines(load(given), given.environment ?? {});
}

/** The error for the user, from parsing the configuration or creating its engines. */
function problems(given: Given): string {
  try {
    plan(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError || error instanceof EngineConfigError);
    return error.message.replaceAll(path, 'FILE');
  }
  return '';
}

const ollama = { url: 'http://127.0.0.1:11434/v1', model: 'llama3.2' };

test('an engine is a name or a URL with a model, with a short flag or a long one', () => {
  const { default: set } = plan({
    flags: ['--llm', 'http://127.0.0.1:11434/v1#llama3.2', '--voice', 'https://tts.example/v1#hexgrad%2FKokoro-82M'],
    environment: { PARLEY_STT: 'http://127.0.0.1:8000/v1#Systran/faster-whisper-small' },
    file: 'vad: silero',
  });
  assert.deepEqual(set.languageModel, ollama);
  assert.deepEqual(set.voice, { url: 'https://tts.example/v1', model: 'hexgrad/Kokoro-82M' });
  assert.deepEqual(set.transcriber, { url: 'http://127.0.0.1:8000/v1', model: 'Systran/faster-whisper-small' });
  assert.equal(set.voiceActivity, 'silero');
});

test('without a configured model, the language model is the one that clients name', () => {
  const { default: set } = plan({ flags: ['--llm', 'http://127.0.0.1:8080/v1'] });
  assert.deepEqual(set.languageModel, { url: 'http://127.0.0.1:8080/v1' });
});

test('an engine in a file may be an object', () => {
  const file = `
tts:
  url: http://127.0.0.1:8880/v1
  model: kokoro
  key-file: ${keyPath}
  format: pcm
  sample-rate: 22050
llm: { url: http://127.0.0.1:8000/v1, model: gpt-audio, audio: both, spoken-hint: '' }
voices: { marin: af_heart, '*': am_adam }
`;
  const { default: set } = plan({ file });
  assert.deepEqual(set.voice, {
    url: 'http://127.0.0.1:8880/v1',
    model: 'kokoro',
    key: 'sk-from-file',
    format: 'pcm',
    sampleRate: 22_050,
  });
  assert.deepEqual(set.languageModel, {
    url: 'http://127.0.0.1:8000/v1',
    model: 'gpt-audio',
    audio: 'both',
    spokenHint: '',
  });
  assert.deepEqual(set.voices, { marin: 'af_heart', '*': 'am_adam' });
});

test('a parsed value may be passed again in code', () => {
  const file = `
llm: { url: http://127.0.0.1:11434/v1, model: llama3.2, key-env: LLM_KEY }
engine-sets: { other: { stt: http://127.0.0.1:8000/v1#small, fallbacks: default } }
aliases: { gpt-realtime: other, fast: { model: tiny } }
`;
  const { languageModel, engineSets, aliases } = load({ file });
  const again = configWith({ languageModel, engineSets, aliases });
  assert.deepEqual([again.languageModel, again.engineSets, again.aliases], [languageModel, engineSets, aliases]);
});

test('keys are read from the environment, each for its own server', () => {
  const file = `
llm: http://127.0.0.1:11434/v1#llama3.2
stt: https://api.openai.com/v1#gpt-4o-transcribe
engine-sets:
  same: { llm: http://127.0.0.1:11434/v1#big }
  other: { llm: http://10.0.0.7/v1#big, tts: { url: http://10.0.0.7/v1, model: kokoro, key-env: TTS } }
`;
  const environment = { PARLEY_LLM_KEY: 'sk-llm', OPENAI_API_KEY: 'sk-openai', TTS: 'sk-tts' };
  const { default: set, sets } = plan({ file, environment });
  assert.deepEqual(set.languageModel, { ...ollama, key: 'sk-llm' });
  assert.deepEqual(set.transcriber, { url: 'https://api.openai.com/v1', model: 'gpt-4o-transcribe', key: 'sk-openai' });
  assert.deepEqual(sets.same?.languageModel, { ...ollama, model: 'big', key: 'sk-llm' });
  assert.deepEqual(sets.other?.languageModel, { url: 'http://10.0.0.7/v1', model: 'big' });
  assert.deepEqual(sets.other?.voice, { url: 'http://10.0.0.7/v1', model: 'kokoro', keyEnv: 'TTS', key: 'sk-tts' });
});

const refused: { given: Given; expected: RegExp }[] = [
  {
    given: { flags: ['--stt', 'whisper'] },
    expected: /^--transcriber: .* There is no such engine; there are embedded, moonshine, or the URL of a server\.$/,
  },
  { given: { flags: ['--llm', '127.0.0.1:18200'] }, expected: /Did you mean http:\/\/127\.0\.0\.1:18200\/v1\?$/ },
  {
    given: { flags: ['--stt', 'localhost:8000/#whisper'] },
    expected: /Did you mean http:\/\/localhost:8000\/v1#whisper\?$/,
  },
  {
    given: { flags: ['--tts', '[::1]:8880/api/v1#kokoro'] },
    expected: /Did you mean http:\/\/\[::1\]:8880\/api\/v1#kokoro\?$/,
  },
  { given: { flags: ['--llm', 'http://'] }, expected: /^--language-model: .* This is no URL\.$/ },
  { given: { flags: ['--llm', 'ftp://host/v1'] }, expected: /begins with http:\/\/ or https:\/\/\.$/ },
  {
    given: { flags: ['--tts', 'http://127.0.0.1:8880/v1'] },
    expected: /^--voice: .* The model is missing: put it behind the URL/,
  },
  {
    given: { flags: ['--vad', 'http://127.0.0.1:1/v1#x'] },
    expected: /Voice activity detection runs inside the server/,
  },
  {
    given: { flags: ['--llm', 'responder', '--language-model', 'auto'] },
    expected: /^--language-model is given twice\.$/,
  },
  {
    given: { environment: { PARLEY_LLM: 'auto', PARLEY_LANGUAGE_MODEL: 'responder' } },
    expected: /PARLEY_LANGUAGE_MODEL: Environment variable PARLEY_LLM is the same option/,
  },
  {
    given: { file: 'llm: { url: "http://h/v1", modell: x }' },
    expected: /^Configuration file FILE, llm: .* modell is not a field of an engine\.$/,
  },
  {
    given: { file: 'llm: { url: "http://h/v1", key-file: /nowhere/key }' },
    expected: /key-file is not a file that can be read and holds a key/,
  },
  { given: { file: 'tts: { url: "http://h/v1#m", format: mp3 }' }, expected: /format: .*"wav"\|"pcm"/ },
  {
    given: { file: 'engine-sets: { fast: { sst: embedded } }' },
    expected: /In fast: sst: a set has stt, llm, tts, vad, voices and fallbacks\.$/,
  },
  {
    given: { file: 'engine-sets: { fast: { llm: gpt-4 } }' },
    expected: /In fast: llm: There is no such engine; there are embedded, responder, auto, or the URL/,
  },
  {
    given: { file: 'engine-sets: { default: {} }' },
    expected: /In default: this is the name of the set that the other options make/,
  },
  {
    given: { file: 'aliases: { gpt-realtime: locl }\nengine-sets: { local: {} }' },
    expected: /^aliases\.gpt-realtime: there is no engine set 'locl'\. Did you mean 'local'\?$/,
  },
  {
    given: { file: 'aliases: { gpt-realtime: { model: llama } }' },
    expected: /^aliases\.gpt-realtime: the language model of the set 'default' is built in/,
  },
  {
    given: { file: 'aliases: { a: default }\nmodels: [b]' },
    expected: /^aliases\.a: models does not allow clients to ask for 'a'/,
  },
  {
    given: { file: 'fallbacks: [spare]' },
    expected: /^fallbacks: there is no engine set 'spare'\. There are: default\.$/,
  },
  {
    given: { file: 'engine-sets: { a: { fallbacks: [a] } }' },
    expected: /^engine-sets\.a\.fallbacks: a set cannot stand in for itself\.$/,
  },
  {
    given: { flags: ['--llm', 'https://api.openai.com/v1#gpt-4.1'] },
    expected: /^llm: api\.openai\.com requires a key\. Set OPENAI_API_KEY or PARLEY_LLM_KEY\.$/,
  },
  {
    given: { file: 'llm: { url: "http://h/v1", key-env: NOT_THERE }' },
    expected: /^llm: the environment variable NOT_THERE is not set\.$/,
  },
  { given: { environment: { PARLEY_LLM_KEY: 'sk-1' } }, expected: /^PARLEY_LLM_KEY is set, but llm is no URL/ },
];
for (const { given, expected } of refused) {
  test(`refused by name: ${JSON.stringify(given)}`, () => assert.match(problems(given), expected));
}

test('refused credentials are not repeated', () => {
  for (const given of [
    { flags: ['--tts', 'http://me:hunter2@h/v1'] },
    { file: 'llm: { url: "http://h/v1", key: "hunter2 with spaces" }' },
    { file: 'engine-sets: { a: { llm: { url: "x", key: hunter2 } } }' },
    { flags: ['--llm-key', 'hunter2 x'] },
  ]) {
    const message = problems(given);
    assert.notEqual(message, '');
    assert.doesNotMatch(message, /hunter2/);
  }
});

test('the help lists the short flags', () => {
  for (const short of ['stt', 'llm', 'tts', 'vad'])
    assert.match(configHelp(), new RegExp(`^  --[a-z-]+ ENGINE, also --${short}$`, 'm'));
});
