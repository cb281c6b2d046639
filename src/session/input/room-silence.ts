import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesIn } from '../../audio/pcm.ts';

/** The last part before the first voiced frame, which may have the quiet beginning of a word. */
const onsetMs = 100;

/**
 * Extends a clip with the silence of its own room: the beginning of the clip, forwards and backwards, so that there are
 * no clicks; digital silence if the clip has too little of it. `leadMs`: its duration before the first voiced frame.
 */
export function extendWithRoomSilence(
  { samples, sampleRateHz }: AudioClip,
  { leadMs, addedMs }: { leadMs: number; addedMs: number },
): AudioClip {
  const added = Math.max(0, samplesIn(addedMs, sampleRateHz));
  const room = samples.subarray(0, Math.max(0, samplesIn(leadMs - onsetMs, sampleRateHz)));
  const extended = new Int16Array(samples.length + added);
  extended.set(samples);
  const period = 2 * room.length;
  for (let index = 0; index < added && period > 0; index++) {
    const at = index % period;
    extended[samples.length + index] = room[at < room.length ? at : period - 1 - at] ?? 0;
  }
  return { samples: extended, sampleRateHz };
}
