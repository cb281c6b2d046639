/** The empty policy: three voiced frames are an interruption, and a silence of a fixed length is the end of the turn. */

import { roomTone } from '../../dev/corpus/sounds.ts';
import { corpusRateHz } from '../../dev/corpus/synthesis.ts';
import { Random } from '../../dev/fuzz/random.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { VoiceActivityDetector, VoiceFrame } from '../../src/session/ports/voice-activity.ts';

/** Silence before each turn. */
export const leadMs = 640;

const voiced = 0.5;
const stillVoiced = 0.35;
const framesToStart = 3;
const tailMs = 2000;

/** Frames of a sound in a quiet room, with `leadMs` before it. */
export async function framesOf(detector: VoiceActivityDetector, samples: Int16Array): Promise<readonly VoiceFrame[]> {
  const random = new Random(1, 3);
  const room = roomTone(leadMs + tailMs, random);
  const lead = room.slice(0, (leadMs * corpusRateHz) / 1000);
  const stream = detector.open({ sampleRateHz: corpusRateHz });
  const frames = (await stream.push(concatSamples([lead, samples, room.slice(lead.length)]))) ?? [];
  stream.close();
  return frames;
}

/** The ends of voiced stretches in milliseconds, and the gaps after them; that after the last one is infinite. */
export function voicedStretches(frames: readonly VoiceFrame[], frameMs: number): { endMs: number; gapMs: number }[] {
  const stretches: { endMs: number; gapMs: number }[] = [];
  let inRow = 0;
  let endMs: number | undefined;
  frames.forEach(({ probability }, i) => {
    inRow = probability >= voiced ? inRow + 1 : 0;
    const speaks = endMs !== undefined && probability >= stillVoiced;
    if (!speaks && inRow < framesToStart) return;
    const startMs = (i - (speaks ? 0 : framesToStart - 1)) * frameMs;
    if (endMs !== undefined && startMs > endMs) stretches.push({ endMs, gapMs: startMs - endMs });
    endMs = (i + 1) * frameMs;
  });
  if (endMs !== undefined) stretches.push({ endMs, gapMs: Number.POSITIVE_INFINITY });
  return stretches;
}

/** When three voiced frames end, from the start of the sound; undefined if none do. */
export function onsetMs(frames: readonly VoiceFrame[], frameMs: number): number | undefined {
  let inRow = 0;
  const at = frames.findIndex(({ probability }) => {
    inRow = probability >= voiced ? inRow + 1 : 0;
    return inRow === framesToStart;
  });
  return at < 0 ? undefined : (at + 1) * frameMs - leadMs;
}
