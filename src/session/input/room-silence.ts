import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesIn } from '../../audio/pcm.ts';

/** The last part before the first voiced frame, which may have the quiet beginning of a word. */
const onsetMs = 100;

/**
 * Replaces the last `addedMs` of a clip with silence from the same room: the beginning of the clip, forwards and
 * backwards, so that there are no clicks. They are unchanged if the clip has less than `onsetMs` before the voice.
 * `leadMs`: its duration before the first voiced frame.
 */
export function fillWithRoomSilence(
  { samples, sampleRateHz }: AudioClip,
  { leadMs, addedMs }: { leadMs: number; addedMs: number },
): void {
  const from = samples.length - Math.max(0, samplesIn(addedMs, sampleRateHz));
  const room = samples.subarray(0, Math.max(0, samplesIn(leadMs - onsetMs, sampleRateHz)));
  const period = 2 * room.length;
  for (let index = from; index < samples.length && period > 0; index++) {
    const at = (index - from) % period;
    samples[index] = room[at < room.length ? at : period - 1 - at] ?? 0;
  }
}
