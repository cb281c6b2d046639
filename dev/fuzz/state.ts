/** The state of a run, from which another can resume. */

import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Case } from './cases.ts';
import type { Amplification } from './cost.ts';
import type { CoverageState } from './coverage.ts';
import type { FindingKind } from './findings.ts';

export interface FoundCase {
  kind: FindingKind;
  what: string;
  signature: string;
  /** Number of occurrences. */
  count: number;
  seed: number;
  /** The first case that found it, for `--case`. */
  number: number;
  /** Whether the case reproduced it when it was run alone. */
  repeatable: boolean;
  /** The smallest input that reproduces it. */
  minimal: Case;
}

export interface RunState {
  seed: number;
  /** The number of the next case. */
  next: number;
  seconds: number;
  framesSent: number;
  framesReceived: number;
  sessions: number;
  requests: number;
  deaths: number;
  longestWaitMs: number;
  coverage: CoverageState;
  findings: FoundCase[];
  /** Cases that were run alone and measured, and the worst costs. */
  measured: number;
  worst: Amplification[];
}

export function newState(seed: number): RunState {
  return {
    seed,
    next: 0,
    seconds: 0,
    framesSent: 0,
    framesReceived: 0,
    sessions: 0,
    requests: 0,
    deaths: 0,
    longestWaitMs: 0,
    coverage: { accepted: [], sent: [], errors: [], marks: [] },
    findings: [],
    measured: 0,
    worst: [],
  };
}

/** The state in a file; undefined if the file does not exist. Only this program writes it. */
export async function readState(file: string): Promise<RunState | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunState;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the file atomically, so that an interrupted run leaves the previous one. */
export async function writeState(file: string, state: RunState): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  await rename(`${file}.new`, file);
}
