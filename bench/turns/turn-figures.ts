/** The tables of the benchmark of turn-taking, and the figures with an aim. */

import { lengthMs, type OverlapKind, overlapKinds } from '../../dev/corpus/corpus.ts';
import { type Aim, type Figure, type Grid, quantileOf, summarise } from '../figures.ts';
import type { OverlapOutcome } from './overlap-scene.ts';
import type { TurnOutcome } from './turn-scene.ts';

const shortTurnMs = 4000;

interface Row<Outcome> {
  name: string;
  outcomes: readonly Outcome[];
}

/** False cut-offs against latency. */
export function curve(rows: readonly Row<TurnOutcome>[]): Grid {
  return {
    columns: ['pauses cut', 'turns cut', 'decision', 'p90', 'audible', 'p90', 'undecided'],
    rows: rows.map(({ name, outcomes }) => {
      const latencies = present(outcomes.map(({ latencyMs }) => latencyMs));
      const audible = present(outcomes.map(({ audibleMs }) => audibleMs));
      return {
        name,
        cells: [
          percent(cutPauses(outcomes)),
          percent(outcomes.filter(({ turn }) => turn.pauses.length > 0).map(({ cut }) => cut.includes(true))),
          ms(quantileOf(latencies, 0.5)),
          ms(quantileOf(latencies, 0.9)),
          ms(quantileOf(audible, 0.5)),
          ms(quantileOf(audible, 0.9)),
          String(outcomes.length - latencies.length),
        ],
      };
    }),
  };
}

export function turnFigures(outcomes: ReadonlyMap<string, readonly TurnOutcome[]>): Figure[] {
  const medium = outcomes.get('semantic_vad medium') ?? [];
  const short = (name: string) => (outcomes.get(name) ?? []).filter(({ turn }) => lengthMs(turn) <= shortTurnMs);
  const sum = ({ latencyMs, audibleMs }: TurnOutcome) =>
    latencyMs === undefined || audibleMs === undefined ? undefined : latencyMs + audibleMs;
  return [
    times(
      'server_vad 200, turns up to 4 s: stopped → audible',
      short('server_vad 200').map((t) => t.audibleMs),
      { median: 60 },
    ),
    times(
      'server_vad 500, turns up to 4 s: stopped → audible',
      short('server_vad 500').map((t) => t.audibleMs),
    ),
    times('server_vad 500: end of speech → audible', (outcomes.get('server_vad 500') ?? []).map(sum), { median: 560 }),
    times(
      'semantic_vad medium: end of speech → decision',
      medium.map((t) => t.latencyMs),
      { median: 500 },
    ),
    share('semantic_vad medium: pauses cut', cutPauses(medium), 5),
  ];
}

/** Interruptions that were honoured, and the share of each other kind that was ignored. */
export function ignored(rows: readonly Row<OverlapOutcome>[]): Grid {
  const others = overlapKinds.filter((kind) => kind !== 'interruption');
  return {
    columns: ['honoured', 'decided', 'p95', ...others],
    rows: rows.map(({ name, outcomes }) => {
      const decided = decisions(outcomes);
      return {
        name,
        cells: [
          percent(of(outcomes, 'interruption').map(({ interrupted }) => interrupted)),
          ms(quantileOf(decided, 0.5)),
          ms(quantileOf(decided, 0.95)),
          ...others.map((kind) => percent(of(outcomes, kind).map((outcome) => !wasNoticed(outcome, kind)))),
        ],
      };
    }),
  };
}

export function overlapFigures(outcomes: readonly OverlapOutcome[]): Figure[] {
  const decided = decisions(outcomes);
  const noticed = (kind: OverlapKind) => of(outcomes, kind).map((outcome) => wasNoticed(outcome, kind));
  return [
    share(
      'semantic_vad: interruptions that were not honoured',
      of(outcomes, 'interruption').map(({ interrupted }) => !interrupted),
      2,
    ),
    times('semantic_vad: onset of an interruption → decision', decided, { median: 650 }),
    { ...times('  95th percentile', [quantileOf(decided, 0.95)], { median: 750 }), n: decided.length, max: Number.NaN },
    ...(['back-channel', 'cough', 'noise', 'echo'] as const).map((kind) =>
      share(`semantic_vad: not ignored, ${kind}`, noticed(kind), 10),
    ),
  ];
}

function decisions(outcomes: readonly OverlapOutcome[]): number[] {
  return present(of(outcomes, 'interruption').map(({ announcedMs }) => announcedMs));
}

/** The scenes that tell about a kind. An echo that was taken for speech before the sound spoils a scene. */
function of(outcomes: readonly OverlapOutcome[], wanted: OverlapKind): OverlapOutcome[] {
  if (wanted === 'echo') return outcomes.filter(({ overlap }) => overlap.echoDb !== undefined);
  return outcomes.filter(({ overlap, isSpoiled }) => overlap.kind === wanted && !isSpoiled);
}

function wasNoticed(outcome: OverlapOutcome, kind: OverlapKind): boolean {
  return kind === 'echo' && outcome.overlap.kind !== 'echo' ? outcome.isSpoiled : outcome.announcedMs !== undefined;
}

function cutPauses(outcomes: readonly TurnOutcome[]): boolean[] {
  return outcomes.flatMap(({ cut }) => cut);
}

function present(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function times(name: string, values: readonly (number | undefined)[], aim?: Aim): Figure {
  return { name, unit: 'ms', ...summarise(present(values)), ...(aim && { aim }) };
}

function share(name: string, hits: readonly boolean[], aim: number): Figure {
  const value = percentage(hits);
  return { name, unit: '%', n: hits.length, median: value, p99: value, max: Number.NaN, aim: { median: aim } };
}

function percentage(hits: readonly boolean[]): number {
  return (100 * hits.filter(Boolean).length) / hits.length;
}

function percent(hits: readonly boolean[]): string {
  return hits.length === 0 ? '–' : `${percentage(hits).toFixed(0)} %`;
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : '–';
}
