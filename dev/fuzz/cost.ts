/** The cost of a case for the server, measured while nothing else runs, and thresholds for findings. */

import { collectGarbage } from '../harness/heap.ts';
import type { Finding } from './findings.ts';

/** The cost of one case. CPU time, not wall time: other load on the machine is not counted. */
export interface Cost {
  /** CPU time of the main thread in milliseconds. */
  loopMs: number;
  /** The longest stretch of it without a turn of the event loop. */
  holdMs: number;
  /** CPU time of all other threads: workers, compilers, garbage collectors. */
  otherThreadsMs: number;
  /** Peak memory above the level before the case. */
  memoryBytes: number;
  logBytes: number;
  answeredBytes: number;
}

type Measure = keyof Cost;

/** A cost above both values is a finding. */
interface Threshold {
  name: string;
  /** Allowed for any case, whatever its size. */
  floor: number;
  /** Allowed per byte that the client sends. */
  perByte: number;
}

const mebibyte = 1024 ** 2;

/**
 * Two to ten times what the worst of 538 cases cost on two busy cores (78 ms of the event loop, 69 ms held, 88 ms of
 * other threads, 111 MiB, 2.2 KB of log, 3.2 MiB answered), so that a finding does not depend on the machine's other
 * work. The hold has no ratio: nothing that a client sends may block the event loop for longer (docs/limits.md).
 */
export const thresholds: Readonly<Record<Measure, Threshold>> = {
  loopMs: { name: 'time of the event loop, ms', floor: 300, perByte: 0.02 },
  holdMs: { name: 'longest hold of the event loop, ms', floor: 150, perByte: 0 },
  otherThreadsMs: { name: 'time of other threads, ms', floor: 500, perByte: 0.05 },
  memoryBytes: { name: 'memory, bytes', floor: 192 * mebibyte, perByte: 100 },
  logBytes: { name: 'log, bytes', floor: 16 * 1024, perByte: 10 },
  answeredBytes: { name: 'answered, bytes', floor: 8 * mebibyte, perByte: 100 },
};

export interface Amplification {
  measure: Measure;
  cost: number;
  /** Bytes sent by the client, including the connection request. */
  bytes: number;
  /** The smaller of the ratios of the cost to its two thresholds. Above 1 it is a finding. */
  excess: number;
  number: number;
  /** A description of the case. */
  about: string;
}

const measures = Object.keys(thresholds) as Measure[];
const worstOfEach = 3;

export function amplifications(cost: Cost, bytes: number, about: { number: number; about: string }): Amplification[] {
  return measures.map((measure) => {
    const { floor, perByte } = thresholds[measure];
    const excess = Math.min(cost[measure] / floor, cost[measure] / (perByte * Math.max(1, bytes)));
    return { measure, cost: cost[measure], bytes, excess, ...about };
  });
}

export function costFinding({ measure, cost, bytes, about }: Amplification): Finding {
  const { name, floor, perByte } = thresholds[measure];
  const allowed = `${rounded(floor)}, and ${rounded(perByte)} for each byte, are allowed`;
  return { kind: 'costly', what: `${about}: ${name}: ${rounded(cost)} for ${bytes} bytes sent; ${allowed}` };
}

/** The smaller cost of two runs: code loaded or compiled in the first, or other load, does not belong to the case. */
export function leastCost(a: Cost, b: Cost): Cost {
  const least = { ...a };
  for (const measure of measures) least[measure] = Math.min(a[measure], b[measure]);
  return least;
}

/** The maximum of each measure, including another case. */
export function worstWith(worst: readonly Amplification[], added: readonly Amplification[]): Amplification[] {
  const all = [...worst, ...added].sort((a, b) => b.excess - a.excess);
  return measures.flatMap((measure) => all.filter((each) => each.measure === measure).slice(0, worstOfEach));
}

export function amplificationLine(
  { measure, cost, bytes, excess, number, about }: Amplification,
  seed: number,
): string {
  const share = `${rounded(cost / Math.max(1, bytes))} a byte, ${rounded(100 * excess)} % of the threshold`;
  const { name } = thresholds[measure];
  return `  ${name}: ${rounded(cost)} for ${bytes} bytes (${share}): ${about}, --seed ${seed} --case ${number}`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

export type ServerCost = Omit<Cost, 'answeredBytes'>;

const tickMs = 1;
const ticksPerSample = 8;

/** Measures its own process, from `start` to `read`. */
export class CostMeter {
  #logBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #mainAtStart = 0;
  #allAtStart = 0;
  #bytesAtStart = { held: 0, resident: 0 };
  #lastTick = 0;
  #longest = 0;
  #most = 0;
  #ticks = 0;

  /** `collect`: whether to collect garbage first, so that it is not counted when it is freed later. */
  start({ collect }: { collect: boolean }): void {
    this.stop();
    if (collect) collectGarbage();
    this.#logBytes = 0;
    this.#longest = 0;
    this.#most = 0;
    this.#ticks = 0;
    this.#bytesAtStart = bytesInUse();
    this.#allAtStart = milliseconds(process.cpuUsage());
    this.#mainAtStart = milliseconds(process.threadCpuUsage());
    this.#lastTick = this.#mainAtStart;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counts logged bytes. */
  log(event: string, details: object): void {
    this.#logBytes += event.length + JSON.stringify(details).length;
  }

  read(): ServerCost {
    this.#tick();
    const loopMs = milliseconds(process.threadCpuUsage()) - this.#mainAtStart;
    const allMs = milliseconds(process.cpuUsage()) - this.#allAtStart;
    return {
      loopMs,
      holdMs: this.#longest,
      otherThreadsMs: Math.max(0, allMs - loopMs),
      memoryBytes: this.#most,
      logBytes: this.#logBytes,
    };
  }

  #tick(): void {
    const now = milliseconds(process.threadCpuUsage());
    this.#longest = Math.max(this.#longest, now - this.#lastTick);
    this.#lastTick = now;
    if (this.#ticks++ % ticksPerSample !== 0) return;
    const { held, resident } = bytesInUse();
    this.#most = Math.max(this.#most, held - this.#bytesAtStart.held, resident - this.#bytesAtStart.resident);
  }
}

function bytesInUse(): { held: number; resident: number } {
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, resident: rss };
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}
