/** Scripted engines fulfil the contracts of engines, and so do recorded and replayed ones. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { playedEngines } from '../../src/engines/cassette/played-engines.ts';
import { readCassettes } from '../../src/engines/cassette/read-cassette.ts';
import { recordedEngines } from '../../src/engines/cassette/recorded-engines.ts';
import { scriptedEngines } from '../../src/engines/script/scripted-engines.ts';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import type { EngineSet, SessionEngines } from '../../src/engines/spec/registry.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import { type LanguageModelSubject, languageModelContract } from '../engines/contract/language-model.ts';
import { type SpokenClip, transcriberContract } from '../engines/contract/transcriber.ts';
import { voiceContract } from '../engines/contract/voice.ts';
import { script } from '../engines/script/scripted.ts';
import { spokenClips } from '../engines/script/spoken-clips.ts';
import { borrowed } from '../support/embedded.ts';

const answering = `
rules:
  - when: /^Repeat (.*)$/s
    say: "{{1}}"
  - when: /weather in (?<city>\\w+)/
    call: get_weather
    with: { city: "{{city}}" }
    then: It says {{output}}.
else: I see.
voice: { per-word: 200ms }
`;

let embedded: EngineSet;
let clips: SpokenClip[];
let directory: string;
let set: EngineSet;
let scripted: SessionEngines;
let recorder: SessionEngines;
let played: Engines | undefined;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'parley-cassette-'));
  embedded = createEngines();
  await embedded.ready;
  clips = await spokenClips(embedded.engines.voice);
  set = recordedEngines(scriptedEngines(script(answering), { clock: systemClock, create: () => borrowed(embedded) }), {
    directory,
    maxBytes: 512 * 1024 ** 2,
    version: 'test',
  });
  scripted = open(scriptedEngines(script(answering), { clock: systemClock, create: () => borrowed(embedded) }));
  recorder = open(set);
});
after(async () => {
  await embedded.close();
  await rm(directory, { recursive: true });
});

function open(set: EngineSet): SessionEngines {
  const own = set.openSession?.({
    type: 'realtime',
    model: 'gpt-realtime',
    clock: systemClock,
    drop() {},
    cassetteCut: ({ reason }) => assert.fail(reason),
  });
  assert.ok(own);
  return own;
}

/** Replays the cassette of the previous tests. */
async function play(): Promise<Engines> {
  if (played) return played;
  recorder.close?.();
  await set.close();
  const create = () => borrowed(embedded);
  played = open(playedEngines(readCassettes(directory), { timing: 'instant', audio: 'exact', create })).engines;
  return played;
}

const asks: Pick<LanguageModelSubject, 'askToSay' | 'askForWeather'> = {
  askToSay: (text) => `Repeat ${text}`,
  askForWeather: (city) => `What is the weather in ${city}?`,
};

const breaking = () => open(scriptedEngines(script(broken), { clock: systemClock, create: () => borrowed(embedded) }));
const broken = 'else: { fail: throw }\nhears: [fail: throw]';

languageModelContract('a script', {
  ...asks,
  open: () => scripted.engines.languageModel,
  broken: () => breaking().engines.languageModel,
});
voiceContract('the tone of a script', { open: () => scripted.engines.voice, anyLanguage: true });
transcriberContract('a transcriber behind a script', {
  open: () => scripted.engines.transcriber,
  broken: () => breaking().engines.transcriber,
  clip: (index) => clips[index] as SpokenClip,
});

languageModelContract('a model that is recorded', { ...asks, open: () => recorder.engines.languageModel });
voiceContract('a voice that is recorded', { open: () => recorder.engines.voice, anyLanguage: true });
transcriberContract('a transcriber that is recorded', {
  open: () => recorder.engines.transcriber,
  clip: (index) => clips[index] as SpokenClip,
});

languageModelContract('the cassette of a model', { ...asks, open: async () => (await play()).languageModel });
voiceContract('the cassette of a voice', { open: async () => (await play()).voice, anyLanguage: true });
transcriberContract('the cassette of a transcriber', {
  open: async () => (await play()).transcriber,
  clip: (index) => clips[index] as SpokenClip,
});
