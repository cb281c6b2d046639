import type { AudioClip } from '../../audio/audio-clip.ts';
import { unlessAborted } from '../../core/abort.ts';
import type { OpenTurn } from '../ports/transcriber.ts';
import type { InputBuffer } from './input-buffer.ts';

interface Wait {
  durationMs: number;
  resolve: () => void;
}

/** A turn that has not ended: a growing part of the input buffer, which keeps its audio until the turn ends. */
export class GrowingTurn implements OpenTurn {
  readonly #buffer: InputBuffer;
  readonly #startMs: number;
  readonly #end = new AbortController();
  readonly #waits = new Set<Wait>();
  #endMs: number;

  /** `startMs`: its start on the timeline of the buffer. */
  constructor(buffer: InputBuffer, startMs: number) {
    this.#buffer = buffer;
    this.#startMs = Math.max(startMs, buffer.startMs);
    this.#endMs = this.#startMs;
  }

  get durationMs(): number {
    return this.#endMs - this.#startMs;
  }

  /** Aborts when the turn ends, is committed or is discarded. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  clip(fromMs: number, toMs = this.durationMs): AudioClip {
    this.#end.signal.throwIfAborted();
    return this.#buffer.slice(this.#startMs + fromMs, Math.min(this.#startMs + toMs, this.#endMs));
  }

  reaches(durationMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wait = { durationMs, resolve };
    this.#waits.add(wait);
    this.#wake();
    return unlessAborted(promise, signal).finally(() => this.#waits.delete(wait));
  }

  /** Its audio now extends to this position of the buffer. */
  grow(endMs: number): void {
    this.#endMs = Math.max(this.#endMs, endMs);
    this.#wake();
  }

  end(): void {
    this.#end.abort(new Error('the turn has ended'));
  }

  #wake(): void {
    for (const { durationMs, resolve } of this.#waits) if (durationMs <= this.durationMs) resolve();
  }
}
