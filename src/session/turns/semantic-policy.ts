import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { PauseEvidence, TurnPolicy } from '../ports/turn-policy.ts';
import { unfinishedLogit } from './unfinished-text.ts';

type Eagerness = Extract<TurnDetection, { type: 'semantic_vad' }>['eagerness'];

interface Caution {
  /** The probability that the turn is over at which it ends. */
  certainty: number;
  leastMs: number;
  mostMs: number;
}

/** The certainty of `medium` has a median decision of about 600 ms on the tuning half of the benchmark. */
const medium: Caution = { certainty: 0.92, leastMs: 400, mostMs: 4000 };
const cautions: Record<Eagerness, Caution> = {
  high: { certainty: 0.85, leastMs: 250, mostMs: 2000 },
  medium,
  auto: medium,
  low: { certainty: 0.97, leastMs: 600, mostMs: 8000 },
};

/**
 * Lengths of pauses within turns are distributed log-normally (Heldner and Edlund 2010). This is the log-logistic
 * distribution of the same median and about the same spread (σ 0.6), because it has a closed form.
 */
const pauses = { medianMs: 600, shape: 3 };
/** The probability that a pause ends the turn, without evidence. */
const prior = 0.67;
/** Models are never certain: probabilities closer to 0 and 1 count as these. */
const leastProbability = 0.02;

/**
 * Ends a turn when it is certain enough that it is over. The longer a pause, the fewer of those within turns last as
 * long, which by Bayes's theorem increases the probability that the words and their sound suggest.
 */
export function semanticPolicy(eagerness: Eagerness): TurnPolicy {
  const { certainty, leastMs, mostMs } = cautions[eagerness];
  return {
    asksAfterMs: leastMs,
    silenceMs(evidence) {
      const probability = endProbability(evidence) ?? prior;
      /** The share of pauses within turns that lasts as long, once the turn is certain enough to be over. */
      const share = (probability / (1 - probability)) * ((1 - certainty) / certainty);
      const silenceMs = share < 1 ? pauses.medianMs * (1 / share - 1) ** (1 / pauses.shape) : leastMs;
      return Math.round(clamp(silenceMs, leastMs, mostMs));
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
