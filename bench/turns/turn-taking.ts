/** The benchmark of turn-taking: the corpus of `dev/corpus/`, in sessions on a simulated clock. */

import type { CorpusOptions, CorpusTurn } from '../../dev/corpus/corpus.ts';
import {
  corpusEcho,
  corpusOverlaps,
  corpusTurns,
  lengthMs,
  type Overlap,
  type OverlapKind,
  overlapKinds,
} from '../../dev/corpus/corpus.ts';
import { longAnswer, pauseKinds, type Split, texts } from '../../dev/corpus/sentences.ts';
import { roomTone } from '../../dev/corpus/sounds.ts';
import { Random } from '../../dev/fuzz/random.ts';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import type { Section } from '../figures.ts';
import { type OverlapOutcome, OverlapScene } from './overlap-scene.ts';
import { SimulatedSession } from './simulated-session.ts';
import { type RecordedResults, type Scene, Simulation } from './simulation.ts';
import { framesOf, leadMs, onsetMs, voicedStretches } from './timer-policy.ts';
import { curve, ignored, overlapFigures, turnFigures } from './turn-figures.ts';
import { type TurnOutcome, TurnScene } from './turn-scene.ts';

const seed = 1;
const frameMs = 32;
/** Silences of the empty policy, in milliseconds. */
const timersMs = [200, 500, 800, 1200, 1600];

export const policies = {
  'server_vad 200': { type: 'server_vad', silence_duration_ms: 200 },
  'server_vad 500': { type: 'server_vad', silence_duration_ms: 500 },
  'semantic_vad high': { type: 'semantic_vad', eagerness: 'high' },
  'semantic_vad medium': { type: 'semantic_vad', eagerness: 'medium' },
  'semantic_vad low': { type: 'semantic_vad', eagerness: 'low' },
} as const;
export type PolicyName = keyof typeof policies;
const overlapPolicies: readonly PolicyName[] = ['server_vad 500', 'semantic_vad medium'];

/** A turn with the end of its last voiced frame, as its session counts. */
interface MarkedTurn {
  turn: CorpusTurn;
  voiceEndMs: number;
  /** The pauses that a silence of each of `timersMs` takes for the end of the turn. */
  timerCuts: readonly (readonly boolean[])[];
}

export async function turnTaking({ split, share }: { split: Split; share: number }): Promise<Section[]> {
  const set = createEngines({}, { transcriberWorkers: 1, voiceWorkers: 1 });
  try {
    await set.ready;
    const bench = new TurnBench(set.engines, { split, seed, share });
    return await bench.run();
  } finally {
    await set.close();
  }
}

class TurnBench {
  readonly #engines: Engines;
  readonly #corpus: CorpusOptions;
  readonly #recorded: RecordedResults = new Map();
  readonly #room = roomTone(1000, new Random(seed, 4));

  constructor(engines: Engines, corpus: CorpusOptions) {
    this.#engines = engines;
    this.#corpus = corpus;
  }

  async run(): Promise<Section[]> {
    return [await this.#turns(), await this.#overlaps()];
  }

  async #turns(): Promise<Section> {
    const turns: MarkedTurn[] = [];
    for (const turn of await corpusTurns(this.#engines.voice, this.#corpus)) turns.push(await this.#mark(turn));
    const outcomes = new Map<PolicyName, TurnOutcome[]>();
    for (const name of Object.keys(policies) as PolicyName[]) {
      const simulation = new Simulation(this.#engines, this.#recorded);
      const scenes = turns.map(
        ({ turn, voiceEndMs }) => new TurnScene(this.#session(simulation, name), turn, voiceEndMs),
      );
      await simulation.run(scenes);
      outcomes.set(
        name,
        scenes.map(({ outcome }) => outcome),
      );
    }
    const timers = timersMs.map((silenceMs, i) => ({
      name: `silence alone, ${silenceMs} ms`,
      outcomes: turns.map(({ turn, timerCuts }): TurnOutcome => {
        return { turn, cut: timerCuts[i] ?? [], latencyMs: silenceMs, audibleMs: undefined };
      }),
    }));
    const seconds = turns.reduce((sum, { turn }) => sum + lengthMs(turn), 0) / 1000;
    return {
      title: `Ends of turns, ${this.#corpus.split} part`,
      how:
        `${turns.length} turns, ${Math.round(seconds)} s of speech in the voices ${texts[this.#corpus.split].voices.join(' and ')}, with ` +
        `${turns.reduce((sum, { turn }) => sum + turn.pauses.length, 0)} pauses of 200 to 1500 ms (${pauseKinds.join(', ')}). Cut: the pauses that were taken ` +
        'for the end of the turn, and the turns with such a pause. Decision: from the end of the last voiced frame to speech_stopped. ' +
        'Sessions run on a simulated clock, which charges the CPU time of each request to an engine, as if the machine did nothing else; equal requests are computed once. ' +
        'Silence alone: a timer behind the same voice activity. No parameter was chosen on the held-out part.',
      figures: turnFigures(outcomes),
      grids: [curve([...timers, ...[...outcomes].map(([name, list]) => ({ name, outcomes: list }))])],
      warnings: [],
    };
  }

  async #overlaps(): Promise<Section> {
    const overlaps = await corpusOverlaps(this.#engines.voice, this.#corpus);
    const outcomes = new Map<string, OverlapOutcome[]>([['empty policy', await this.#interruptedByAll(overlaps)]]);
    for (const name of overlapPolicies) {
      const simulation = new Simulation(this.#speaking(), this.#recorded);
      const scenes = overlaps.map(
        (overlap) => new OverlapScene(this.#session(simulation, name, overlap.echoDb), overlap),
      );
      await simulation.run(scenes satisfies Scene[]);
      outcomes.set(
        name,
        scenes.map(({ outcome }) => outcome),
      );
    }
    const semantic = outcomes.get('semantic_vad medium') ?? [];
    return {
      title: `Sounds while the assistant speaks, ${this.#corpus.split} part`,
      how:
        `${overlaps.length} sounds (${overlapKinds.map((kind) => `${kind} ${count(overlaps, kind)}`).join(', ')}), every second one together with the ` +
        "assistant's own voice at −20 dB from a loudspeaker in a room. Honoured: speech_started came and the response was cancelled. Ignored: no speech_started. Echo: all scenes with one; those that it spoils do not count for other kinds. " +
        'Decided: from the onset of the sound to speech_started, in written audio and computing time. Empty policy: three voiced frames interrupt.',
      figures: overlapFigures(semantic),
      grids: [ignored([...outcomes].map(([name, list]) => ({ name, outcomes: list })))],
      warnings: [],
    };
  }

  #session(simulation: Simulation, policy: PolicyName, echoDb?: number): SimulatedSession {
    return new SimulatedSession(simulation.engines, simulation.clock, {
      turnDetection: policies[policy],
      room: this.#room,
      echoDb,
    });
  }

  /** Engines whose model gives a long answer. */
  #speaking(): Engines {
    return {
      ...this.#engines,
      languageModel: {
        async *generate() {
          yield { type: 'text', text: longAnswer };
          yield { type: 'finish', reason: 'stop' };
        },
      },
    };
  }

  async #mark(turn: CorpusTurn): Promise<MarkedTurn> {
    const stretches = voicedStretches(await framesOf(this.#engines.voiceActivity, turn.samples), frameMs);
    const timerCuts = timersMs.map((silenceMs) =>
      turn.pauses.map(({ fromMs, toMs }) =>
        stretches.some(({ endMs, gapMs }) => {
          const at = endMs + silenceMs - leadMs;
          return Number.isFinite(gapMs) && gapMs >= silenceMs && at > fromMs && at <= toMs + frameMs * 4;
        }),
      ),
    );
    return { turn, voiceEndMs: stretches.at(-1)?.endMs ?? leadMs + lengthMs(turn), timerCuts };
  }

  async #interruptedByAll(overlaps: readonly Overlap[]): Promise<OverlapOutcome[]> {
    const echo = await corpusEcho(this.#engines.voice);
    const announced = async (samples: Int16Array) =>
      onsetMs(await framesOf(this.#engines.voiceActivity, samples), frameMs);
    const echoNoticed = (await announced(echo)) !== undefined;
    const outcomes: OverlapOutcome[] = [];
    for (const overlap of overlaps) {
      const announcedMs = await announced(overlap.kind === 'echo' ? echo : overlap.samples);
      const isSpoiled = echoNoticed && overlap.kind !== 'echo' && overlap.echoDb !== undefined;
      outcomes.push({ overlap, announcedMs, interrupted: announcedMs !== undefined, isSpoiled });
    }
    return outcomes;
  }
}

function count(overlaps: readonly Overlap[], wanted: OverlapKind): number {
  return overlaps.filter(({ kind }) => kind === wanted).length;
}
