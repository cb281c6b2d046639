/** Audio that can be given up while its transcript stays. */
interface RetainedAudio {
  readonly durationMs: number;
  /** Whether the audio is still there. */
  readonly hasAudio: boolean;
  dropAudio(): void;
}

/** Bounds the audio that a session keeps with its items: beyond `limitMs` the oldest is dropped. */
export class AudioRetention {
  readonly #limitMs: number;
  readonly #kept = new Map<RetainedAudio, number>();
  #totalMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Counts audio in, at the length that it has by now. */
  keep(audio: RetainedAudio): void {
    this.remove(audio);
    if (!audio.hasAudio) return;
    this.#kept.set(audio, audio.durationMs);
    this.#totalMs += audio.durationMs;
    while (this.#totalMs > this.#limitMs && this.dropOldest());
  }

  get totalMs(): number {
    return this.#totalMs;
  }

  /** Gives up the audio that has been kept longest; false when none is left. */
  dropOldest(): boolean {
    const [oldest] = this.#kept.keys();
    if (!oldest) return false;
    oldest.dropAudio();
    this.remove(oldest);
    return true;
  }

  remove(audio: RetainedAudio): void {
    this.#totalMs -= this.#kept.get(audio) ?? 0;
    this.#kept.delete(audio);
  }
}
