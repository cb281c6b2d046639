import type { Clock } from '../../core/clock.ts';
import type { Playback, PlayedPart } from '../ports/playback.ts';

/** What the user could hear when a piece of input audio was written. */
export interface Audible {
  /** The position of that piece. */
  fromMs: number;
  /** Being played then. */
  part: PlayedPart;
  /** Playback of the audio taken by then, in milliseconds until its end. */
  remainingMs: number;
}

/** Writes within this time are one entry: an onset is not known more exactly. */
const entryMs = 32;
/** More than voice activity detection may be behind. */
const mostEntries = 512;

/** What was being played while input audio was written: the link between written audio and the Clock. */
export class PlaybackHistory {
  readonly #clock: Clock;
  readonly #playback: Pick<Playback, 'endsAt' | 'current'>;
  /** In order; only of audio that was written during playback. */
  #entries: (Audible & { toMs: number })[] = [];

  constructor(clock: Clock, playback: Pick<Playback, 'endsAt' | 'current'>) {
    this.#clock = clock;
    this.#playback = playback;
  }

  /** Call when audio was written, with its position on the timeline of all written audio. */
  written(fromMs: number, toMs: number): void {
    const remainingMs = this.#playback.endsAt - this.#clock.now();
    const part = remainingMs > 0 ? this.#playback.current : undefined;
    if (!part) return;
    const last = this.#entries.at(-1);
    if (last?.toMs === fromMs && toMs - last.fromMs <= entryMs) {
      last.toMs = toMs;
      return;
    }
    this.#entries.push({ fromMs, toMs, part, remainingMs });
    if (this.#entries.length > mostEntries) this.#entries.shift();
  }

  /** What the user could hear at a position; undefined while nothing was played. */
  at(positionMs: number): Audible | undefined {
    const latest = this.#entries.findLast(({ fromMs }) => fromMs <= positionMs);
    return latest && positionMs < latest.toMs ? latest : undefined;
  }

  /** The last playback until a position. */
  latest(positionMs: number): Audible | undefined {
    return this.#entries.findLast(({ fromMs }) => fromMs <= positionMs);
  }
}
