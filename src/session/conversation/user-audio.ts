import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { StageError } from '../stage.ts';

export type Transcript = { text: string } | { failure: StageError };

/** A user's audio in an item: what was heard, and what it says once that is known. */
export class UserAudio {
  readonly format: AudioFormat;
  readonly durationMs: number;
  /** Resolves once it is transcribed, or that failed; never rejects, and begins nothing. */
  readonly transcript: Promise<Transcript>;
  #clip: AudioClip | undefined;
  #known: Transcript | undefined;
  readonly #waiting = new Set<(transcript: Transcript) => void>();
  #resolve: (transcript: Transcript) => void;
  #begin: ((clip: AudioClip) => void) | undefined;

  /** `begin` starts the transcription, of this clip or of a part of it, and `settle` is called in the end. */
  constructor(clip: AudioClip, format: AudioFormat, begin: (clip: AudioClip) => void) {
    this.#clip = clip;
    this.format = format;
    this.#begin = begin;
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

  /** Begins the transcription, unless it has begun. `speech`: what of the audio is worth transcribing. */
  transcribe(speech = this.#clip): void {
    const begin = this.#begin;
    this.#begin = undefined;
    if (speech) begin?.(speech);
  }

  settle(transcript: Transcript): void {
    this.#known ??= transcript;
    this.#resolve(this.#known);
    for (const resolve of this.#waiting) resolve(this.#known);
    this.#waiting.clear();
  }

  /** The transcript, which is begun if need be. Rejects with the signal's reason: who has given up waiting is kept no longer. */
  transcribed(signal: AbortSignal): Promise<Transcript> {
    this.transcribe();
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

  /** Gives up the audio, to keep memory bounded. Its words stay: audio that nobody has transcribed is transcribed now. */
  dropAudio(): void {
    this.transcribe();
    this.#clip = undefined;
  }
}
