import { readFileSync } from 'node:fs';
import type { AudioClip } from '../../src/audio/audio-clip.ts';
import { resample } from '../../src/audio/resample.ts';
import { readWav } from '../../src/audio/wav.ts';

/** The recorded question of `examples/`, at a rate. */
export function spokenQuestion(sampleRateHz: number): Promise<AudioClip> {
  return resample(readWav(readFileSync(new URL('../../examples/question.wav', import.meta.url))), sampleRateHz);
}
