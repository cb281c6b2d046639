import { after, before } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import type { EngineSet } from '../../src/engines/spec/registry.ts';
import type { SpeechChunk } from '../../src/session/ports/voice.ts';
import { languageModelContract } from '../engines/contract/language-model.ts';
import { type SpokenClip, transcriberContract } from '../engines/contract/transcriber.ts';
import { voiceContract } from '../engines/contract/voice.ts';

let set: EngineSet;
let clips: SpokenClip[];

before(async () => {
  set = createEngines();
  await set.ready;
  const lines = [
    'What is the weather like today?',
    'Please open the window.',
    'I will be home soon.',
    'Where is the station?',
  ];
  clips = await Promise.all(
    lines.map(async (words) => {
      const signal = new AbortController().signal;
      const chunks: SpeechChunk[] = await Array.fromAsync(
        set.engines.voice.speak(words, { voice: 'alloy', speed: 1, signal }),
      );
      const silence = new Int16Array(16 * 250);
      return {
        words,
        samples: concatSamples([silence, ...chunks.map(({ samples }) => samples), silence]),
        sampleRateHz: chunks[0]?.sampleRateHz ?? 16_000,
      };
    }),
  );
});
after(() => set.close());

languageModelContract('the embedded responder', {
  open: () => set.engines.languageModel,
  askToSay: (text) => `Repeat after me: ${text}`,
  askForWeather: (city) => `What is the weather in ${city}?`,
});

transcriberContract('the embedded transcriber', {
  open: () => set.engines.transcriber,
  clip: (index) => clips[index] as SpokenClip,
});

voiceContract('the embedded voice', {
  open: () => set.engines.voice,
  anyLanguage: false,
});
