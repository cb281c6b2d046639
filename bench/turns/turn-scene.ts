/** A turn of the corpus in a session whose assistant is silent: when does the server decide that it has ended? */

import { type CorpusTurn, lengthMs } from '../../dev/corpus/corpus.ts';
import { corpusRateHz } from '../../dev/corpus/synthesis.ts';
import { bytesToSamples, durationMs } from '../../src/audio/pcm.ts';
import type { ServerEventOf } from '../../src/protocol/index.ts';
import { amplitude } from '../recording.ts';
import type { SimulatedSession } from './simulated-session.ts';
import type { Scene } from './simulation.ts';
import { leadMs } from './timer-policy.ts';

/** After the last voiced frame: longer than the longest wait of every policy. */
const patienceMs = 10_000;
/** After the decision. */
const answerMs = 3000;
/** A decision is due to a pause if it comes at most this long after its end. */
const afterPauseMs = 150;
const audible = amplitude(-50);

export interface TurnOutcome {
  turn: CorpusTurn;
  /** For each pause of the turn: whether it was taken for its end. */
  cut: readonly boolean[];
  /** From the last voiced frame to the last `speech_stopped`, in milliseconds; undefined if none came. */
  latencyMs: number | undefined;
  /** From there to the first audible sample of the answer, if it is played on arrival. */
  audibleMs: number | undefined;
}

export class TurnScene implements Scene {
  readonly session: SimulatedSession;
  readonly #turn: CorpusTurn;
  readonly #voiceEndMs: number;

  /** `voiceEndMs`: the end of the last voiced frame, on the timeline of the session. */
  constructor(session: SimulatedSession, turn: CorpusTurn, voiceEndMs: number) {
    this.session = session;
    this.#turn = turn;
    this.#voiceEndMs = voiceEndMs;
    session.add(turn.samples, leadMs);
  }

  next(): boolean {
    const { writtenMs } = this.session;
    if (writtenMs < leadMs + lengthMs(this.#turn)) return false;
    if (writtenMs > this.#voiceEndMs + patienceMs) return true;
    const decidedMs = this.#decidedMs;
    if (decidedMs === undefined) return false;
    return writtenMs > decidedMs + answerMs || this.#audibleMs(decidedMs) !== undefined;
  }

  get outcome(): TurnOutcome {
    const decidedMs = this.#decidedMs;
    const stops = this.#stops.map(({ atMs }) => atMs - leadMs);
    return {
      turn: this.#turn,
      cut: this.#turn.pauses.map(({ fromMs, toMs }) => stops.some((at) => at > fromMs && at <= toMs + afterPauseMs)),
      latencyMs: decidedMs === undefined ? undefined : decidedMs - this.#voiceEndMs,
      audibleMs: decidedMs === undefined ? undefined : this.#audibleMs(decidedMs),
    };
  }

  get #stops() {
    return this.session.events.filter(({ event }) => event.type === 'input_audio_buffer.speech_stopped');
  }

  /** The last decision, unless it precedes the last voiced frame. */
  get #decidedMs(): number | undefined {
    const atMs = this.#stops.at(-1)?.atMs ?? 0;
    return atMs >= this.#voiceEndMs ? atMs : undefined;
  }

  #audibleMs(decidedMs: number): number | undefined {
    let playedToMs = 0;
    for (const { event, atMs } of this.session.events) {
      if (atMs < decidedMs || event.type !== 'response.output_audio.delta') continue;
      const samples = samplesIn(event);
      const first = samples.findIndex((sample) => Math.abs(sample) > audible);
      const startMs = Math.max(playedToMs, atMs);
      if (first >= 0) return startMs + durationMs(first, corpusRateHz) - decidedMs;
      playedToMs = startMs + durationMs(samples.length, corpusRateHz);
    }
    return undefined;
  }
}

function samplesIn({ delta }: ServerEventOf<'response.output_audio.delta'>): Int16Array {
  return bytesToSamples(Buffer.from(delta, 'base64'));
}
