import type { AudioClip } from '../../../audio/audio-clip.ts';
import { concatSamples, peakDbfs, rmsDbfs, samplesIn } from '../../../audio/pcm.ts';

/** The model's sample rate. */
export const MOONSHINE_RATE_HZ = 16_000;
/** Moonshine loops on long clips: always at 40 s, sometimes beyond 20 s. */
export const MAX_WINDOW_MS = 20_000;
/** Windows of a longer turn that is transcribed while it grows: shorter ones, so that little is left at its end. */
const GROWING_WINDOW_MS = 10_000;
/** Range before the maximum end of a window in which its end is searched, as a share of the window. */
const CUT_SEARCH_SHARE = 0.3;
const CUT_SPAN_MS = 100;
const STEPS_IN_SPAN = 5;
const FRAME_MS = 20;
/**
 * Without silence around it, a word or two is repeated ("No, no, no"). Around longer speech, silence makes the
 * model less certain, and eventually return a blank.
 */
const SHORT_SPEECH_MS = 1_000;
const SHORT_LEAD_MS = 300;
const LEAD_MS = 120;
const TRAIL_MS = 200;
/** Sound this far above the clip's quietest tenth, and above this level, counts as speech. */
const ABOVE_FLOOR_DB = 10;
const QUIETEST_SPEECH_DBFS = -55;
const LOWEST_FLOOR_DBFS = -75;

/**
 * Cuts a clip of more than 20 s into windows of at most 20 s, 10 s if it grows, each at the quietest position near its
 * end, determined on demand. Those of a longer beginning of the same audio are the same, but for the last.
 */
export function* cutIntoWindows({ samples, sampleRateHz, turn }: AudioClip): Generator<Int16Array, void, undefined> {
  const isLong = samples.length > samplesIn(MAX_WINDOW_MS, sampleRateHz);
  const longest = samplesIn(isLong && turn ? GROWING_WINDOW_MS : MAX_WINDOW_MS, sampleRateHz);
  let rest = samples;
  while (rest.length > longest) {
    const from = Math.round(longest * (1 - CUT_SEARCH_SHARE));
    const end = quietestPlace(rest, { from, to: longest, span: samplesIn(CUT_SPAN_MS, sampleRateHz) });
    yield rest.subarray(0, end);
    rest = rest.subarray(end);
  }
  yield rest;
}

/** The middle of the quietest stretch of `span` samples that starts at a whole number of steps after `from`. */
function quietestPlace(samples: Int16Array, { from, to, span }: { from: number; to: number; span: number }): number {
  const step = Math.max(1, Math.round(span / STEPS_IN_SPAN));
  const energies: number[] = [];
  for (let at = from; at + step <= to; at += step) energies.push(energyOf(samples.subarray(at, at + step)));
  let quietest = Number.POSITIVE_INFINITY;
  let place = to;
  for (let first = 0; first + STEPS_IN_SPAN <= energies.length; first++) {
    const energy = energies.slice(first, first + STEPS_IN_SPAN).reduce((sum, each) => sum + each, 0);
    // The last of equally quiet positions, for the longest windows.
    if (energy <= quietest) {
      quietest = energy;
      place = from + first * step + Math.round(span / 2);
    }
  }
  return place;
}

function energyOf(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum;
}

/** Whether no sound in the clip is loud enough for speech. */
export function isSilent(samples: Int16Array): boolean {
  return peakDbfs(samples) < QUIETEST_SPEECH_DBFS;
}

/**
 * Silence that a clip keeps after its last sound: long digital silence makes the model misrecognize what precedes it.
 */
const KEPT_TAIL_MS = 110;
const QUIETEST_SAMPLE = 32_768 * 10 ** (QUIETEST_SPEECH_DBFS / 20);

export function cutTail(samples: Int16Array): Int16Array {
  const last = samples.findLastIndex((sample) => Math.abs(sample) > QUIETEST_SAMPLE);
  return samples.subarray(0, last + 1 + samplesIn(KEPT_TAIL_MS, MOONSHINE_RATE_HZ));
}

/** The part of a clip that exceeds its background noise, by level alone. */
export interface SoundExtent {
  /** Samples before the first and after the last loud frame; 0 when there is none. */
  leadSamples: number;
  trailSamples: number;
  /** The total duration of loud frames. */
  loudMs: number;
}

export function soundExtent(samples: Int16Array): SoundExtent {
  const frame = samplesIn(FRAME_MS, MOONSHINE_RATE_HZ);
  const levels: number[] = [];
  for (let at = 0; at < samples.length; at += frame) levels.push(rmsDbfs(samples.subarray(at, at + frame)));
  const floor = levels.toSorted((a, b) => a - b)[Math.floor(levels.length / 10)] ?? LOWEST_FLOOR_DBFS;
  const threshold = Math.max(QUIETEST_SPEECH_DBFS, Math.max(floor, LOWEST_FLOOR_DBFS) + ABOVE_FLOOR_DB);
  const isLoud = (level: number) => level > threshold;
  const first = levels.findIndex(isLoud);
  if (first < 0) return { leadSamples: 0, trailSamples: 0, loudMs: 0 };
  const last = levels.findLastIndex(isLoud);
  return {
    leadSamples: first * frame,
    trailSamples: Math.max(0, samples.length - (last + 1) * frame),
    loudMs: levels.filter(isLoud).length * FRAME_MS,
  };
}

/** Adds the silence that the model needs before and after a clip; existing silence counts. */
export function padWithSilence(samples: Int16Array, { leadSamples, trailSamples, loudMs }: SoundExtent): Int16Array {
  const lead = loudMs < SHORT_SPEECH_MS ? SHORT_LEAD_MS : LEAD_MS;
  const before = samplesIn(lead, MOONSHINE_RATE_HZ) - leadSamples;
  const after = samplesIn(TRAIL_MS, MOONSHINE_RATE_HZ) - trailSamples;
  return concatSamples([new Int16Array(Math.max(0, before)), samples, new Int16Array(Math.max(0, after))]);
}

/**
 * The same speech with another start, for a clip that came out blank or as a loop: the part before the first loud
 * sound is replaced with silence that is slightly longer.
 */
export function startLater(samples: Int16Array, { leadSamples }: SoundExtent): Int16Array {
  const keep = samplesIn(60, MOONSHINE_RATE_HZ);
  const silence = new Int16Array(samplesIn(SHORT_LEAD_MS + 50, MOONSHINE_RATE_HZ));
  const tail = new Int16Array(samplesIn(TRAIL_MS + 100, MOONSHINE_RATE_HZ));
  return concatSamples([silence, samples.subarray(Math.max(0, leadSamples - keep)), tail]);
}
