import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesIn } from '../../audio/pcm.ts';

const blocksPerSecond = 2;

/**
 * Free blocks of all sessions, by their size. A block outlives the young generation: as garbage it would be freed only
 * by a full collection, which stops the event loop.
 */
const freeBlocks = new Map<number, Int16Array[]>();
/** Of each size; 1.5 MB at 24 kHz. */
const maxFreeBlocks = 64;

function takeBlock(samples: number): Int16Array {
  return freeBlocks.get(samples)?.pop() ?? new Int16Array(samples);
}

function releaseBlock(block: Int16Array): void {
  const blocks = freeBlocks.get(block.length) ?? [];
  freeBlocks.set(block.length, blocks);
  if (blocks.length < maxFreeBlocks) blocks.push(block.fill(0));
}

/**
 * Input audio that is not committed yet, on the timeline of all audio ever written: positions are milliseconds
 * from the session's first sample. Mono, at one rate at a time. It is stored in blocks, so that it needs no more memory
 * than its audio, and is never moved.
 */
export class InputBuffer {
  #rateHz: number;
  readonly #blocks: Int16Array[] = [];
  /** The index of the first buffered sample in the first block, and the number of buffered samples. */
  #first = 0;
  #length = 0;
  /** The position of the first buffered sample. */
  #startMs = 0;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  get rateHz(): number {
    return this.#rateHz;
  }

  get startMs(): number {
    return this.#startMs;
  }

  /** The end of the written audio. */
  get endMs(): number {
    return this.#startMs + this.durationMs;
  }

  get durationMs(): number {
    return (this.#length / this.#rateHz) * 1000;
  }

  append(samples: Int16Array): void {
    const at = this.#length;
    this.#length += samples.length;
    this.#write(at, samples);
  }

  /** Replaces audio from a position on; the part that is not buffered any more is ignored. */
  replace(positionMs: number, samples: Int16Array): void {
    const at = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    this.#write(Math.max(0, at), samples.subarray(Math.max(0, -at), Math.max(0, this.#length - at)));
  }

  /** A copy of the buffered audio between two positions, and `addedMs` of digital silence. */
  slice(fromMs: number, toMs: number, addedMs = 0): AudioClip {
    const from = this.#index(fromMs);
    const length = Math.max(0, this.#index(toMs) - from);
    const samples = new Int16Array(length + Math.max(0, samplesIn(addedMs, this.#rateHz)));
    for (let done = 0; done < length; ) {
      const { block, offset } = this.#locate(from + done);
      const part = block.subarray(offset, offset + length - done);
      samples.set(part, done);
      done += part.length;
    }
    return { samples, sampleRateHz: this.#rateHz };
  }

  /** Drops the audio before a position. */
  dropUntil(positionMs: number): void {
    const count = this.#index(positionMs);
    if (count === 0) return;
    this.#first += count;
    this.#length -= count;
    this.#startMs += (count / this.#rateHz) * 1000;
    const unused = this.#length === 0 ? this.#blocks.length : Math.floor(this.#first / this.#blockSamples);
    for (const block of this.#blocks.splice(0, unused)) releaseBlock(block);
    this.#first = this.#length === 0 ? 0 : this.#first % this.#blockSamples;
  }

  /** Clears the buffer and changes the rate; the timeline continues. */
  restart(rateHz: number): void {
    this.dropUntil(this.endMs);
    this.#rateHz = rateHz;
  }

  get #blockSamples(): number {
    return this.#rateHz / blocksPerSecond;
  }

  /** Writes samples from an index of the buffered audio on. */
  #write(at: number, samples: Int16Array): void {
    for (let done = 0; done < samples.length; ) {
      const { block, offset } = this.#locate(at + done);
      const room = block.length - offset;
      const part = done === 0 && samples.length <= room ? samples : samples.subarray(done, done + room);
      block.set(part, offset);
      done += part.length;
    }
  }

  /** The place of a buffered sample, in a new block if necessary. */
  #locate(index: number): { block: Int16Array; offset: number } {
    const at = this.#first + index;
    const offset = at % this.#blockSamples;
    const number = (at - offset) / this.#blockSamples;
    this.#blocks[number] ??= takeBlock(this.#blockSamples);
    return { block: this.#blocks[number], offset };
  }

  #index(positionMs: number): number {
    const index = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    return Math.min(Math.max(index, 0), this.#length);
  }
}
