/** Audio that can be given up while its transcript stays. */
interface Kept {
  readonly durationMs: number;
  /** Whether the audio is still there. */
  readonly hasAudio: boolean;
  dropAudio(): void;
}

/** Bounds the audio that a session keeps with its items: beyond `limitMs` the oldest is dropped. */
export class AudioShelf {
  readonly #limitMs: number;
  readonly #kept = new Map<Kept, number>();
  #totalMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Counts audio in, at the length that it has by now. */
  keep(audio: Kept): void {
    this.remove(audio);
    if (!audio.hasAudio) return;
    this.#kept.set(audio, audio.durationMs);
    this.#totalMs += audio.durationMs;
    for (const oldest of this.#kept.keys()) {
      if (this.#totalMs <= this.#limitMs) return;
      oldest.dropAudio();
      this.remove(oldest);
    }
  }

  remove(audio: Kept): void {
    this.#totalMs -= this.#kept.get(audio) ?? 0;
    this.#kept.delete(audio);
  }
}
