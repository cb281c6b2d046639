import type { AudioClip } from '../../audio/audio-clip.ts';
import { peakCorrelation } from '../../audio/correlation.ts';
import { durationMs, rmsDbfs, samplesIn } from '../../audio/pcm.ts';
import type { SpokenAudio } from '../conversation/spoken-audio.ts';
import { wordsIn } from './floor-words.ts';

/** From sending audio to hearing it in the input: networks, buffers and devices of a client in both directions. */
const longestDelayMs = 700;
/** A client may play slightly earlier than its model. */
const earliestMs = 60;
/** The end of a sound that is compared: more costs time and decides little. */
const comparedMs = 480;
/** Measured with simulated rooms: echo is above, other speech below. */
const certain = 0.5;
/** Unlike the audio that was played, whatever the words are. */
const unlike = 0.2;
/** Speech close to a microphone is louder than an echo by more than this, and its own level varies by less. */
const loudRangeDb = 14;
const levelMs = 32;
/** Words are compared with those that were played from this time before the sound. */
const wordsBeforeMs = 1500;

/** A sound, and what was played meanwhile. */
export interface SoundDuringPlayback {
  sound: AudioClip;
  spoken: SpokenAudio;
  /** The position of playback when the sound began. */
  playedMs: number;
}

/** How much a sound resembles what was played before and during it, 0…1; undefined if that is no longer stored. */
export function likenessToPlayed({ sound, spoken, playedMs }: SoundDuringPlayback): number | undefined {
  const lengthMs = durationMs(sound.samples.length, sound.sampleRateHz);
  const comparedFrom = Math.max(0, lengthMs - comparedMs);
  const end: AudioClip = { ...sound, samples: sound.samples.subarray(samplesIn(comparedFrom, sound.sampleRateHz)) };
  const played = spoken.slice(playedMs + comparedFrom - longestDelayMs, playedMs + lengthMs + earliestMs);
  return spoken.hasAudio ? peakCorrelation(end, played) : undefined;
}

/** Whether a sound with this likeness is the assistant's own voice. `text`: its words, once they are known. */
export function isEcho(likeness: number | undefined, text: string, heard: SoundDuringPlayback): boolean {
  if (likeness !== undefined && likeness >= certain) return true;
  return (likeness === undefined || likeness >= unlike) && repeatsPlayedWords(text, heard);
}

/** Whether nearly all of several words were played shortly before or during the sound. */
function repeatsPlayedWords(text: string, { sound, spoken, playedMs }: SoundDuringPlayback): boolean {
  const words = wordsIn(text);
  if (words.length < 2) return false;
  const before = spoken.transcriptUntil(playedMs - wordsBeforeMs);
  const until = spoken.transcriptUntil(playedMs + durationMs(sound.samples.length, sound.sampleRateHz));
  const played = new Set(wordsIn(until.slice(before.length)));
  return words.filter((word) => !played.has(word)).length <= words.length / 4;
}

/** A sound up to its last frame within `loudRangeDb` of the loudest: what follows may be the echo alone. */
export function loudPart({ samples, sampleRateHz }: AudioClip): Int16Array {
  const frame = samplesIn(levelMs, sampleRateHz);
  const levels: number[] = [];
  for (let at = 0; at < samples.length; at += frame) levels.push(rmsDbfs(samples.subarray(at, at + frame)));
  const loudest = levels.reduce((highest, level) => Math.max(highest, level), Number.NEGATIVE_INFINITY);
  return samples.subarray(0, (levels.findLastIndex((level) => level > loudest - loudRangeDb) + 1) * frame);
}
