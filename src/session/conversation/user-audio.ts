import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { StageError } from '../stage.ts';

export type Transcript = { text: string } | { failure: StageError };

/** A user's audio in an item, and its transcript once that is known. */
export class UserAudio {
  readonly format: AudioFormat;
  readonly durationMs: number;
  /** Resolves once it is transcribed or the transcription has failed; never rejects, and does not start it. */
  readonly transcript: Promise<Transcript>;
  #clip: AudioClip | undefined;
  #known: Transcript | undefined;
  readonly #waiting = new Set<(transcript: Transcript) => void>();
  #resolve: (transcript: Transcript) => void;
  #begin: ((clip: AudioClip) => void) | undefined;

  /** `begin` starts the transcription of this clip or of a part of it; it must call `settle` at the end. */
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

  /** The transcript, if it is known. */
  get known(): Transcript | undefined {
    return this.#known;
  }

  /** Starts the transcription, unless it has started. `speech`: the part of the audio to transcribe. */
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

  /**
   * The transcript; starts the transcription if necessary. Rejects with the signal's reason, and then retains no
   * reference.
   */
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

  /** Drops the audio, to bound memory. If it has not been transcribed, the transcription is started. */
  dropAudio(): void {
    this.transcribe();
    this.#clip = undefined;
  }
}
