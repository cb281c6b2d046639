import { durationMs } from '../../audio/pcm.ts';
import { pause, rejectOnAbort } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { OutputAudio, Playback, PlayedPart } from '../ports/playback.ts';

interface Part {
  readonly itemId: string;
  readonly contentIndex: number;
  /** Audio of this part that was sent and not dropped. */
  sentMs: number;
}

/**
 * A listener who plays what arrives without a pause, because its client does not report what it plays: playback ends when
 * all audio sent so far has been heard, and starts anew after a gap. Audio is admitted at most `leadMs` ahead of it.
 */
export class ModelledPlayback implements Playback {
  readonly #clock: Clock;
  readonly #leadMs: number;
  /** The part that is being played, or was played last, and those behind it. */
  #parts: Part[] = [];
  #endsAt = 0;
  #paused: { at: number; over: PromiseWithResolvers<void> } | undefined;

  constructor(clock: Clock, leadMs: number) {
    this.#clock = clock;
    this.#leadMs = leadMs;
  }

  get endsAt(): number {
    return this.#paused ? this.#endsAt + this.#clock.now() - this.#paused.at : this.#endsAt;
  }

  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    do {
      if (this.#paused) await Promise.race([this.#paused.over.promise, rejectOnAbort(signal)]);
      await pause(this.endsAt + durationMs - this.#clock.now() - this.#leadMs, this.#clock, signal);
    } while (this.#paused);
  }

  play({ itemId, contentIndex, samples, sampleRateHz }: OutputAudio): void {
    const addedMs = durationMs(samples.length, sampleRateHz);
    this.#forgetPlayed();
    const last = this.#parts.at(-1);
    if (last?.itemId === itemId && last.contentIndex === contentIndex) last.sentMs += addedMs;
    else this.#parts.push({ itemId, contentIndex, sentMs: addedMs });
    this.#endsAt = Math.max(this.#endsAt, this.#now) + addedMs;
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    const found = this.#progress().find(({ part }) => part.itemId === itemId && part.contentIndex === contentIndex);
    return found?.playedMs;
  }

  interrupt(): PlayedPart | undefined {
    const progress = this.#progress();
    const current = progress.find(({ part, playedMs }) => playedMs < part.sentMs);
    this.#endsAt = Math.min(this.#endsAt, this.#now);
    if (!current) return undefined;
    const { part, playedMs } = current;
    part.sentMs = playedMs;
    this.#parts = [part];
    return { itemId: part.itemId, contentIndex: part.contentIndex, playedMs };
  }

  pause(): void {
    this.#paused ??= { at: this.#clock.now(), over: Promise.withResolvers() };
  }

  resume(): void {
    const paused = this.#paused;
    if (!paused) return;
    this.#endsAt = this.endsAt;
    this.#paused = undefined;
    paused.over.resolve();
  }

  /** How far playback would be by the clock: it stands still while paused. */
  get #now(): number {
    return this.#paused?.at ?? this.#clock.now();
  }

  /** Audio that is not played yet is contiguous and ends at `#endsAt`: it is found from the end. */
  #progress(): { part: Part; playedMs: number }[] {
    let unplayedMs = Math.max(0, this.#endsAt - this.#now);
    return this.#parts
      .toReversed()
      .map((part) => {
        const ofPartMs = Math.min(unplayedMs, part.sentMs);
        unplayedMs -= ofPartMs;
        return { part, playedMs: part.sentMs - ofPartMs };
      })
      .reverse();
  }

  /** All but the part that was played last. */
  #forgetPlayed(): void {
    const first = this.#progress().findIndex(({ part, playedMs }) => playedMs < part.sentMs);
    this.#parts = this.#parts.slice(first);
  }
}
