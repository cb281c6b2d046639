import { durationMs } from '../audio/pcm.ts';
import type { AudioFormat } from '../protocol/session-config.ts';
import type { AudioClip } from './ports.ts';
import type { StageError } from './stage.ts';

export type Transcript = { text: string } | { failure: StageError };

/** A user's audio in an item: what was heard, and what it says once that is known. */
export class HeardAudio {
  readonly format: AudioFormat;
  readonly durationMs: number;
  /** Resolves once it is transcribed, or that failed; never rejects. */
  readonly transcript: Promise<Transcript>;
  #clip: AudioClip | undefined;
  #known: Transcript | undefined;
  readonly #waiting = new Set<(transcript: Transcript) => void>();
  #resolve: (transcript: Transcript) => void;

  constructor(clip: AudioClip, format: AudioFormat) {
    this.#clip = clip;
    this.format = format;
    this.durationMs = durationMs(clip.samples.length, clip.sampleRateHz);
    const { promise, resolve } = Promise.withResolvers<Transcript>();
    this.transcript = promise;
    this.#resolve = resolve;
  }

  get hasAudio(): boolean {
    return this.#clip !== undefined;
  }

  get clip(): AudioClip | undefined {
    return this.#clip;
  }

  /** The transcript if it is known by now. */
  get known(): Transcript | undefined {
    return this.#known;
  }

  settle(transcript: Transcript): void {
    this.#known ??= transcript;
    this.#resolve(this.#known);
    for (const resolve of this.#waiting) resolve(this.#known);
    this.#waiting.clear();
  }

  /** As `transcript`, but rejects with the signal's reason: who has given up waiting is kept no longer. */
  transcribed(signal: AbortSignal): Promise<Transcript> {
    if (this.#known) return Promise.resolve(this.#known);
    const { promise, resolve, reject } = Promise.withResolvers<Transcript>();
    const giveUp = () => {
      this.#waiting.delete(resolve);
      reject(signal.reason);
    };
    if (signal.aborted) giveUp();
    else this.#waiting.add(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise;
  }

  /** Gives up the audio, to keep memory bounded. */
  dropAudio(): void {
    this.#clip = undefined;
  }
}
