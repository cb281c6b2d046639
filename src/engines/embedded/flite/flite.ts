import { availableParallelism } from 'node:os';
import { durationMs } from '../../../audio/pcm.ts';
import type { SpeakOptions, SpeechChunk, Voice, WordTiming } from '../../../session/ports/voice.ts';
import { timingsBefore } from '../../../session/speech/mapped-text.ts';
import { preparedText } from '../../../session/speech/speech-text.ts';
import { inWords } from '../../../session/speech/words.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { type PoolSurroundings, workerScript } from '../../pool/worker-pool.ts';
import type { FliteRequest } from './flite-worker.ts';
import { pieces, spokenTokens } from './spoken-text.ts';
import { voiceNames } from './voices.ts';

export interface FliteOptions extends PoolSurroundings {
  /** Worker threads (default: 1 on one or two cores, otherwise 2). A short sentence takes a thread about 20 ms. */
  workers?: number;
}

/** CMU Flite: English at 16 kHz. The ten voices of the Realtime API are variations of its four voices. */
export class Flite extends PooledEngine<FliteRequest, SpeechChunk> implements Voice {
  readonly voices = voiceNames;
  readonly languages = ['en'];

  constructor({ workers = availableParallelism() > 2 ? 2 : 1, ...surroundings }: FliteOptions = {}) {
    super({
      engine: 'Flite voice',
      script: workerScript(import.meta.url, 'flite-worker'),
      size: workers,
      ...surroundings,
    });
  }

  /** Long text is synthesized in pieces on demand. The speed is clamped to 0.25…4. */
  async *speak(
    text: string,
    { voice, speed, claim, signal }: SpeakOptions,
  ): AsyncGenerator<SpeechChunk, void, undefined> {
    const pace = Number.isFinite(speed) ? Math.min(4, Math.max(0.25, speed)) : 1;
    let spokenMs = 0;
    const words = inWords(preparedText(text), 'en');
    for (const tokens of pieces(spokenTokens(words.text), pace)) {
      const pieceStartMs = spokenMs;
      for await (const chunk of this.pool.run({ tokens, voice, speed: pace }, { claim, signal })) {
        spokenMs += durationMs(chunk.samples.length, chunk.sampleRateHz);
        const spoken = chunk.words?.map((word) => shiftWord(word, pieceStartMs));
        yield spoken ? { ...chunk, words: timingsBefore(words, spoken) } : chunk;
      }
    }
  }
}

function shiftWord(word: WordTiming, ms: number): WordTiming {
  return { ...word, startMs: word.startMs + ms, endMs: word.endMs + ms };
}
