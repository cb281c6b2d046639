/** Simulates playback: places audio on a timeline as it arrives, and cuts it where it is interrupted. */

import { durationMs, samplesIn } from '../../audio/pcm.ts';

/** Maximum duration of a session. */
const maxMinutes = 60;

interface Segment {
  itemId: string;
  contentIndex: number;
  startSample: number;
  samples: Int16Array;
}

/** The item that was playing when playback was cut, and how much of it had been played. */
export interface Interruption {
  itemId: string;
  contentIndex: number;
  playedMs: number;
}

/** A silent loudspeaker. It plays each piece when it arrives, or after the previous pieces. */
export class Playback {
  readonly sampleRateHz: number;
  #segments: Segment[] = [];
  #endSample = 0;

  constructor(sampleRateHz: number) {
    this.sampleRateHz = sampleRateHz;
  }

  /**
   * Queues a piece that arrived `atMs` after the start. Returns the start of its playback, in the same milliseconds.
   */
  add(piece: { itemId: string; contentIndex: number; samples: Int16Array }, atMs: number): number {
    const startSample = Math.max(this.#endSample, samplesIn(atMs, this.sampleRateHz));
    const room = samplesIn(maxMinutes * 60_000, this.sampleRateHz) - startSample;
    const samples = piece.samples.subarray(0, Math.max(0, room));
    if (samples.length > 0) {
      this.#segments.push({ ...piece, startSample, samples });
      this.#endSample = startSample + samples.length;
    }
    return durationMs(startSample, this.sampleRateHz);
  }

  isPlaying(atMs: number): boolean {
    return samplesIn(atMs, this.sampleRateHz) < this.#endSample;
  }

  /** Stops at `atMs` and drops the rest. Null if nothing was playing. */
  interrupt(atMs: number): Interruption | null {
    const cutSample = samplesIn(atMs, this.sampleRateHz);
    const current = this.#segments.find(({ startSample, samples }) => startSample + samples.length > cutSample);
    if (current === undefined) return null;
    this.#segments = this.#segments.flatMap((segment) => {
      const kept = segment.samples.subarray(0, Math.max(0, cutSample - segment.startSample));
      return kept.length > 0 ? [{ ...segment, samples: kept }] : [];
    });
    this.#endSample = lastSample(this.#segments);
    const { itemId, contentIndex } = current;
    const played = this.#segments
      .filter((segment) => segment.itemId === itemId && segment.contentIndex === contentIndex)
      .reduce((sum, segment) => sum + segment.samples.length, 0);
    return { itemId, contentIndex, playedMs: Math.floor(durationMs(played, this.sampleRateHz)) };
  }

  /** Everything that was played, from the start, with silence in the gaps. */
  render(): Int16Array {
    const out = new Int16Array(this.#endSample);
    for (const { startSample, samples } of this.#segments) out.set(samples, startSample);
    return out;
  }
}

function lastSample(segments: readonly Segment[]): number {
  const last = segments.at(-1);
  return last === undefined ? 0 : last.startSample + last.samples.length;
}
