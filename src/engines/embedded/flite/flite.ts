import { availableParallelism } from 'node:os';
import { durationMs } from '../../../audio/pcm.ts';
import type { SpeakOptions, SpeechChunk, Voice, WordTiming } from '../../../session/ports/voice.ts';
import { timingsBefore } from '../../../session/speech/mapped-text.ts';
import { preparedText } from '../../../session/speech/speech-text.ts';
import { inWords } from '../../../session/speech/words.ts';
import { type PoolSurroundings, WorkerPool, workerScript } from '../../pool/worker-pool.ts';
import type { FliteRequest } from './flite-worker.ts';
import { pieces, spokenTokens } from './spoken-text.ts';
import { voiceNames } from './voices.ts';

export interface FliteOptions extends PoolSurroundings {
  /** Worker threads (default: 1 on one or two cores, otherwise 2). A short sentence takes a thread about 20 ms. */
  workers?: number;
}

/** CMU Flite: English at 16 kHz. The ten voices of the Realtime API are variations of its four voices. */
export class Flite implements Voice {
  readonly voices = voiceNames;
  readonly languages = ['en'];
  readonly ready: Promise<void>;
  readonly #pool: WorkerPool<FliteRequest, SpeechChunk>;

  constructor({ workers = availableParallelism() > 2 ? 2 : 1, ...surroundings }: FliteOptions = {}) {
    this.#pool = new WorkerPool({
      engine: 'Flite voice',
      script: workerScript(import.meta.url, 'flite-worker'),
      size: workers,
      ...surroundings,
    });
    this.ready = this.#pool.ready;
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
      for await (const chunk of this.#pool.run({ tokens, voice, speed: pace }, { claim, signal })) {
        spokenMs += durationMs(chunk.samples.length, chunk.sampleRateHz);
        if (!chunk.words) yield chunk;
        else
          yield {
            ...chunk,
            words: timingsBefore(
              words,
              chunk.words.map((word) => shiftWord(word, pieceStartMs)),
            ),
          };
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function shiftWord(word: WordTiming, ms: number): WordTiming {
  return { ...word, startMs: word.startMs + ms, endMs: word.endMs + ms };
}
