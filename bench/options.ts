/** The command line of the benchmark, and the durations of its parts. */

import { parseFlags, UsageError } from '../src/cli/flags.ts';
import type { CapacityPlan } from './capacity/capacity.ts';
import type { SoakPlan } from './soak.ts';

export const parts = [
  'cold-start',
  'turn-latency',
  'turns',
  'own-share',
  'remote-engines',
  'event-loop',
  'bare-limit',
  'access',
  'memory',
  'limits-cost',
  'mcp',
  'capacity',
  'soak',
  'webrtc',
] as const;
export type Part = (typeof parts)[number];

/** Those that take minutes run only by name. */
const defaultParts = parts.filter((part) => part !== 'capacity' && part !== 'soak');

export interface BenchOptions {
  quick: boolean;
  /** Path of the figures as JSON. */
  json: string | undefined;
  /** WAV files to use in addition to the built-in questions. */
  questions: string[];
  only: readonly Part[];
  /** Measure turn-taking on the half of the corpus that parameters are chosen on. */
  tuning: boolean;
  /** The commit to compare with. */
  compare: string | undefined;
}

export const usage = `Measure Parley on this machine: latency and capacity, beside the bare limit, in one run.

  npm run bench                  about twelve minutes
  npm run bench -- turns         only this part; several may be named. Only so: capacity and soak, minutes each
  npm run bench -- --quick       about three minutes, to see whether something is badly off
  npm run bench -- --compare REF
                                 this tree and a commit, measured alternately, and the ratios of their figures

Options
  --quick           fewer and shorter measurements
  --json FILE       also write every figure to FILE
  --question FILE   ask this WAV recording too; may be given more than once
  --only PART       as PART alone. The parts are:
                    ${parts.join(', ')}
  --tuning          turns: the half of the corpus on which parameters are chosen, instead of the held-out half
  --compare REF     measure this tree and the commit REF in turns, and exit with 1 when a figure is worse by more than
                    5 % beyond its noise; about three minutes with --quick
  --help            this text

Close other programs before: everything runs at once on one machine, clients included.
`;

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): BenchOptions | 'help' {
  const flags = {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    question: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    compare: { type: 'string' },
    tuning: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values, positionals } = parseFlags('bench', argv, flags, { positionals: true });
  const only = [...positionals, ...(values.only ?? [])];
  if (values.help === true) return 'help';
  if (values.compare !== undefined && only.length > 0) {
    throw new UsageError('Parts cannot be combined with --compare, which has a fixed list of figures.');
  }
  return {
    quick: values.quick ?? false,
    json: values.json,
    questions: values.question ?? [],
    only: only.length > 0 ? only.map(partNamed) : defaultParts,
    tuning: values.tuning ?? false,
    compare: values.compare,
  };
}

function partNamed(name: string): Part {
  const part = parts.find((candidate) => candidate === name);
  if (part === undefined) throw new UsageError(`A part is one of ${parts.join(', ')}; got "${name}".`);
  return part;
}

export interface Plan {
  /** Calls and imports of tools of an MCP server. */
  toolCalls: number;
  toolImports: number;
  /** Cold starts of the server. */
  coldStarts: number;
  /** Sequential turns with the embedded engines. */
  turns: number;
  /** The share of the corpus of turn-taking, 0…1. */
  corpusShare: number;
  /** Concurrent sessions with instant engines, and their turns. */
  instantSessions: number;
  instantTurns: number;
  /** Streams read from a model server, and responses spoken by a voice server. */
  remoteRounds: number;
  remoteTurns: number;
  /** Concurrent sessions with the embedded engines, and the measured duration. */
  talkers: number;
  talkMs: number;
  /** Sessions that stream to the bare server and to Parley, and the measured spans of each. */
  streamers: number;
  spans: number;
  spanMs: number;
  /** Spans of clients that connect at full speed, and the number of secrets and connections per span. */
  accessSpans: number;
  secrets: number;
  connections: number;
  /** Sessions whose memory is measured: idle, and in conversation. */
  idleSessions: number;
  sessionCounter: number;
  /** Rounds in which servers with and without limits alternate. */
  limitRounds: number;
  capacity: CapacityPlan;
  soak: SoakPlan;
  /** Calls over WebRTC that are opened, questions, rounds, calls that are opened and closed, and the length of a tone. */
  openedCalls: number;
  callAnswers: number;
  callCostRounds: number;
  closedCalls: number;
  toneMs: number;
}

export const fullPlan: Plan = {
  toolCalls: 500,
  toolImports: 30,
  coldStarts: 5,
  turns: 40,
  corpusShare: 1,
  instantSessions: 100,
  instantTurns: 1000,
  remoteRounds: 40,
  remoteTurns: 40,
  talkers: 20,
  talkMs: 60_000,
  streamers: 100,
  spans: 5,
  spanMs: 3000,
  accessSpans: 5,
  secrets: 3000,
  connections: 1000,
  idleSessions: 900,
  sessionCounter: 100,
  limitRounds: 12,
  capacity: {
    streams: [1, 20, 100, 200],
    spanMs: 6000,
    searches: 3,
    steps: 5,
    stepMs: 20_000,
    textSpans: 5,
    textTurns: 60,
  },
  soak: { generations: 6, minutes: 10, sessions: 10 },
  openedCalls: 30,
  callAnswers: 15,
  callCostRounds: 4,
  closedCalls: 500,
  toneMs: 20_000,
};

export const quickPlan: Plan = {
  toolCalls: 100,
  toolImports: 10,
  coldStarts: 2,
  turns: 5,
  corpusShare: 0.25,
  instantSessions: 100,
  instantTurns: 200,
  remoteRounds: 12,
  remoteTurns: 12,
  talkers: 20,
  talkMs: 12_000,
  streamers: 40,
  spans: 3,
  spanMs: 2000,
  accessSpans: 3,
  secrets: 1500,
  connections: 500,
  idleSessions: 900,
  sessionCounter: 50,
  limitRounds: 6,
  capacity: { streams: [20, 100], spanMs: 1500, searches: 1, steps: 3, stepMs: 8000, textSpans: 2, textTurns: 20 },
  soak: { generations: 4, minutes: 3, sessions: 10 },
  openedCalls: 8,
  callAnswers: 3,
  callCostRounds: 1,
  closedCalls: 40,
  toneMs: 6000,
};

/** Measurements of each tree per round of `--compare`. */
export interface ComparePlan {
  rounds: number;
  /** Turns of one session with the embedded engines. */
  turns: number;
  /** Sessions in conversation with instant engines, and the measured duration. */
  sessions: number;
  spanMs: number;
  connections: number;
  /** Appends of each of 16 sessions. */
  appends: number;
  idle: number;
  secrets: number;
}

export const fullComparePlan: ComparePlan = {
  rounds: 12,
  turns: 5,
  sessions: 50,
  spanMs: 10_000,
  connections: 1000,
  appends: 2000,
  idle: 900,
  secrets: 3000,
};

export const quickComparePlan: ComparePlan = {
  rounds: 5,
  turns: 1,
  sessions: 50,
  spanMs: 2500,
  connections: 200,
  appends: 1000,
  idle: 500,
  secrets: 600,
};
