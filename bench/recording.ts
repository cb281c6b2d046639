/** A recording as a client sends it: a list of append events. */

import { concatSamples, durationMs, samplesIn, samplesToBytes } from '../src/audio/pcm.ts';

/** The rate of `audio/pcm` on the wire. */
export const wireRateHz = 24_000;

export interface Recording {
  /** `input_audio_buffer.append` events, one per chunk. */
  readonly frames: readonly string[];
  /** Position of the last sample above −40 dBFS, relative to the first one, in milliseconds. */
  readonly voiceEndMs: number;
}

const voiceDbfs = -40;
/** A quiet room: noise at about −75 dBFS. */
const roomAmplitude = 10;

/** The last chunk is padded with silence. */
export function recordingOf(samples: Int16Array, chunkMs: number): Recording {
  const chunkSamples = samplesIn(chunkMs, wireRateHz);
  const missing = (chunkSamples - (samples.length % chunkSamples)) % chunkSamples;
  const whole = concatSamples([samples, new Int16Array(missing)]);
  const frames: string[] = [];
  for (let at = 0; at < whole.length; at += chunkSamples)
    frames.push(appendEvent(whole.subarray(at, at + chunkSamples)));
  return { frames, voiceEndMs: voiceEndMs(samples) };
}

/** Position of the last sample above −40 dBFS, in milliseconds. */
export function voiceEndMs(samples: Int16Array): number {
  const threshold = amplitude(voiceDbfs);
  return durationMs(samples.findLastIndex((sample) => Math.abs(sample) > threshold) + 1, wireRateHz);
}

/** A second of a quiet room, to be repeated. */
export function quietRoom(chunkMs: number): Recording {
  return recordingOf(quietSamples(), chunkMs);
}

/** The same as samples. */
export function quietSamples(): Int16Array {
  return Int16Array.from({ length: wireRateHz }, () => Math.round((Math.random() * 2 - 1) * roomAmplitude));
}

/** The sample value at a level in dBFS. */
export function amplitude(dbfs: number): number {
  return 32768 * 10 ** (dbfs / 20);
}

/** An `input_audio_buffer.append` with these samples. */
export function appendEvent(samples: Int16Array): string {
  const audio = Buffer.from(samplesToBytes(samples)).toString('base64');
  return JSON.stringify({ type: 'input_audio_buffer.append', audio });
}
