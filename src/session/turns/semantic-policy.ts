import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { PauseEvidence, TurnPolicy } from '../ports/turn-policy.ts';
import { unfinishedLogit } from './unfinished-text.ts';

type Eagerness = Extract<TurnDetection, { type: 'semantic_vad' }>['eagerness'];

interface Waits {
  /** For a turn that is certainly over. */
  leastMs: number;
  /** For one whose end is as likely as not; also without evidence. */
  evenMs: number;
  /** For one that certainly continues. */
  mostMs: number;
}

const medium: Waits = { leastMs: 420, evenMs: 1000, mostMs: 4000 };
const waits: Record<Eagerness, Waits> = {
  high: { leastMs: 250, evenMs: 500, mostMs: 2000 },
  medium,
  auto: medium,
  low: { leastMs: 600, evenMs: 1600, mostMs: 8000 },
};

/** Models are never certain: probabilities closer to 0 and 1 count as these. */
const leastProbability = 0.02;

/** Sets the silence that ends a turn continuously by the probability that it is over. */
export function semanticPolicy(eagerness: Eagerness): TurnPolicy {
  const { leastMs, evenMs, mostMs } = waits[eagerness];
  return {
    asksAfterMs: leastMs,
    silenceMs(evidence) {
      const probability = endProbability(evidence) ?? 0.5;
      // Geometric, because lengths of pauses are distributed so (Heldner and Edlund 2010).
      const doubt = 1 - 2 * probability;
      return Math.round(doubt > 0 ? evenMs * (mostMs / evenMs) ** doubt : evenMs * (leastMs / evenMs) ** -doubt);
    },
  };
}

/** The probability that a turn is over at a pause, 0…1; undefined without evidence. */
export function endProbability({ words, turnModel, prosody }: PauseEvidence): number | undefined {
  const text = words?.text ?? '';
  if (text.trim() === '' && turnModel === undefined) return undefined;
  let sum = prosodyLogit(prosody);
  if (text.trim() !== '')
    sum +=
      sentenceLogit(text, words?.endOfSentence) +
      unfinishedLogit(text, { endIsKnown: words?.endOfSentence !== undefined });
  if (turnModel !== undefined) sum += logit(turnModel);
  return 1 / (1 + Math.exp(-sum));
}

/**
 * A transcriber's probability of a final mark, or the mark itself, which says far less: most transcribers also print
 * one for unfinished sentences.
 */
function sentenceLogit(text: string, endOfSentence: number | undefined): number {
  if (endOfSentence !== undefined) return 1.7 * logit(endOfSentence);
  return /[.?!。？！؟।]["”’)」]*$/u.test(text.trim()) ? 1 : -1.5;
}

/** A final fall of pitch and level indicates an end, level pitch a continuation (Gravano and Hirschberg 2011). */
function prosodyLogit(prosody: PauseEvidence['prosody']): number {
  if (!prosody) return 0;
  const { pitchSemitones, energyDb } = prosody;
  const pitch = pitchSemitones === undefined ? 0 : -0.15 * (clamp(pitchSemitones, -6, 0) + 1.5);
  return pitch - 0.04 * (clamp(energyDb, -10, 0) + 4);
}

function logit(probability: number): number {
  const bounded = clamp(probability, leastProbability, 1 - leastProbability);
  return Math.log(bounded / (1 - bounded));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
