import { concatSamples } from '../../../src/audio/pcm.ts';
import type { Voice } from '../../../src/session/ports/voice.ts';
import type { SpokenClip } from '../contract/transcriber.ts';

const lines = [
  'What is the weather like today?',
  'Please open the window.',
  'I will be home soon.',
  'Where is the station?',
];

/** Four clips of English for the transcriber's contract, as a voice says them, with a short silence around. */
export function spokenClips(voice: Voice): Promise<SpokenClip[]> {
  return Promise.all(
    lines.map(async (words) => {
      const { signal } = new AbortController();
      const chunks = await Array.fromAsync(voice.speak(words, { voice: 'alloy', speed: 1, signal }));
      const sampleRateHz = chunks[0]?.sampleRateHz ?? 16_000;
      const silence = new Int16Array(sampleRateHz / 4);
      return {
        words,
        samples: concatSamples([silence, ...chunks.map(({ samples }) => samples), silence]),
        sampleRateHz,
      };
    }),
  );
}
