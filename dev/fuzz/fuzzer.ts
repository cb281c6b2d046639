/** The run: keeps several connections busy with cases until the time is over. */

import { setTimeout as delay } from 'node:timers/promises';
import { Canary } from './canary.ts';
import { type Case, makeCase } from './cases.ts';
import { type Amplification, amplifications, type Cost, costFinding, leastCost, worstWith } from './cost.ts';
import { Coverage } from './coverage.ts';
import { type Finding, signature } from './findings.ts';
import { runRequest } from './request-run.ts';
import type { ServerStats } from './server-process.ts';
import { type Outcome, runSession, within } from './session-run.ts';
import { shrink } from './shrink.ts';
import type { RunState } from './state.ts';
import { Target } from './target.ts';

export interface FuzzerOptions {
  state: RunState;
  lanes: number;
  /** Called every few seconds. */
  onProgress: (state: RunState) => Promise<void>;
  onFinding: (finding: Finding, number: number) => void;
}

export interface Memory {
  /** After the first cases, when everything that is loaded on first use is there. */
  before: ServerStats;
  /** When all clients have left. */
  after: ServerStats;
}

/** Code that is compiled and loaded on first use, and pools that connections leave behind, do not count as growth. */
const warmUpCases = 300;
const progressMs = 5000;
const quietMs = 10_000;
/** Share of each round for cases that are run alone and measured. */
const measuredShare = 0.15;
/** Costly cases that wait to be run alone; others run among the rest. */
const mostCostly = 128;
/** Maximum number of cases per defect. */
const maxFindings = 50;
const recentCases = 16;
const maxSuspects = 64;
/** Time limit for server output after the end of a connection. */
const aftermathMs = 50;
/** Processor time between two looks below which the server has completed the work of a case. */
const idleCpuMs = 4;
const lookMs = 15;

export class Fuzzer {
  readonly coverage = new Coverage();
  readonly #state: RunState;
  readonly #lanes: number;
  readonly #onProgress: FuzzerOptions['onProgress'];
  readonly #onFinding: FuzzerOptions['onFinding'];
  /** The numbers of costly cases, until they are run alone. */
  readonly #costly: number[] = [];
  readonly #active = new Map<number, Case>();
  /** The last cases that came to their end. */
  readonly #finished: [number, Case][] = [];
  /** Cases that were running, or had just ended, when the log reported a fault. */
  readonly #suspects = new Map<number, Case>();
  #target!: Target;
  #canary!: Canary;
  #dead: string | undefined;
  #before: ServerStats | undefined;

  constructor({ state, lanes, onProgress, onFinding }: FuzzerOptions) {
    this.#onFinding = onFinding;
    this.#state = state;
    this.#lanes = lanes;
    this.#onProgress = onProgress;
    this.coverage.add(state.coverage);
  }

  /** Runs cases for `ms`. Returns the memory of the server before and after; undefined if the server died. */
  async run(ms: number): Promise<Memory | undefined> {
    const startedAt = performance.now();
    const before = this.#state.seconds;
    await this.#start();
    let reportedAt = startedAt;
    while (performance.now() - startedAt < ms) {
      await this.#round(Math.min(startedAt + ms, performance.now() + progressMs));
      this.#state.seconds = before + (performance.now() - startedAt) / 1000;
      if (performance.now() - reportedAt >= progressMs) {
        reportedAt = performance.now();
        await this.#onProgress(this.#updatedState());
      }
    }
    const after = await this.#whenQuiet();
    await this.#stop();
    this.#updatedState();
    return this.#before === undefined || after === undefined ? undefined : { before: this.#before, after };
  }

  /** Runs single cases, one after the other, and measures them. */
  async runOnly(numbers: readonly number[]): Promise<void> {
    await this.#start();
    for (const number of numbers) await this.#one(number, 'alone');
    await this.#settle();
    await this.#stop();
    this.#updatedState();
  }

  async #start(): Promise<void> {
    this.#dead = undefined;
    const target = await Target.start(() => this.#suspect());
    this.#target = target;
    this.#canary = new Canary(target.ports.roomy);
    void target.died.then((words) => {
      if (this.#target === target) this.#dead ??= words;
    });
    void this.#canary.hung.then((words) => {
      if (this.#target === target) this.#dead ??= words;
    });
  }

  async #stop(): Promise<void> {
    this.#state.longestWaitMs = Math.max(this.#state.longestWaitMs, this.#canary.longestMs);
    this.#canary.close();
    await this.#target.close();
  }

  async #round(until: number): Promise<void> {
    const lane = async (end: number, company: 'alone' | 'together') => {
      while (performance.now() < end && this.#dead === undefined) {
        const waiting = company === 'alone' ? this.#costly.shift() : undefined;
        await this.#one(waiting ?? this.#state.next++, company);
      }
    };
    const crowdedUntil = until - measuredShare * (until - performance.now());
    await Promise.all(Array.from({ length: this.#lanes }, () => lane(crowdedUntil, 'together')));
    await this.#settle();
    await lane(until, 'alone');
    await this.#settle();
    if (this.#before === undefined && this.#state.next >= warmUpCases) this.#before = await this.#whenQuiet();
  }

  async #one(number: number, company: 'alone' | 'together'): Promise<void> {
    const fuzzed = makeCase(this.#state.seed, number);
    if (fuzzed.costly && company === 'together' && this.#costly.length < mostCostly) {
      this.#costly.push(number);
      return;
    }
    this.#active.set(number, fuzzed);
    const state = this.#state;
    const alone = company === 'alone' ? await this.#measure(fuzzed, this.#target, this.coverage, number) : undefined;
    const outcome = alone?.outcome ?? (await this.#execute(fuzzed, this.#target, this.coverage));
    if (alone) {
      state.measured++;
      state.worst = worstWith(state.worst, alone.amplified);
    }
    state.framesSent += fuzzed.kind === 'session' ? outcome.sent : 0;
    state.framesReceived += outcome.received;
    if (fuzzed.kind === 'session') state.sessions++;
    else state.requests++;
    if (this.#dead !== undefined) return;
    this.#active.delete(number);
    this.#finished.push([number, fuzzed]);
    if (this.#finished.length > recentCases) this.#finished.shift();
    for (const finding of outcome.findings) await this.#note(finding, number, fuzzed);
  }

  /**
   * Runs a case when nothing else runs. One that costs too much is run once more: only what it costs both times counts.
   * Costs above the thresholds are added to its findings.
   */
  async #measure(
    fuzzed: Case,
    target: Target,
    coverage: Coverage,
    number: number,
  ): Promise<{ outcome: Outcome; amplified: Amplification[] }> {
    const about = { number, about: fuzzed.about };
    let { outcome, cost } = await this.#costOf(fuzzed, target, coverage, false);
    const judge = () => amplifications(cost, outcome.bytesSent, about);
    if (judge().some(({ excess }) => excess > 1)) {
      cost = leastCost(cost, (await this.#costOf(fuzzed, target, coverage, true)).cost);
    }
    const amplified = judge();
    outcome.findings.push(...amplified.filter(({ excess }) => excess > 1).map(costFinding));
    return { outcome, amplified };
  }

  async #costOf(
    fuzzed: Case,
    target: Target,
    coverage: Coverage,
    collect: boolean,
  ): Promise<{ outcome: Outcome; cost: Cost }> {
    const died = target.died.then(() => undefined);
    await Promise.race([target.measure({ collect }), died]);
    const outcome = await this.#execute(fuzzed, target, coverage);
    const deadline = performance.now() + quietMs;
    for (let before = Number.NEGATIVE_INFINITY; ; ) {
      const last = performance.now() > deadline;
      const cost = await Promise.race([target.cost({ last }), died]);
      if (cost === undefined) return { outcome, cost: nothing };
      const used = cost.loopMs + cost.otherThreadsMs;
      if (last || used - before < idleCpuMs)
        return { outcome, cost: { ...cost, answeredBytes: outcome.bytesReceived } };
      before = used;
      await delay(lookMs);
    }
  }

  /** The log reports a fault: cases that run, or have just ended, are suspects. */
  #suspect(): void {
    if (this.#suspects.size > maxSuspects) return;
    for (const [number, fuzzed] of [...this.#finished, ...this.#active]) this.#suspects.set(number, fuzzed);
  }

  async #execute(fuzzed: Case, target: Target, coverage: Coverage): Promise<Outcome> {
    const { profile } = fuzzed;
    const context = { port: target.ports[profile], secrets: target.secrets[profile], coverage };
    return fuzzed.kind === 'session' ? runSession(fuzzed, context) : runRequest(fuzzed, context);
  }

  /** Attributes faults in the log, and the death of the process, to cases. */
  async #settle(): Promise<void> {
    if (this.#dead !== undefined) await this.#attributeDeath(this.#dead);
    const troubles = this.#target.troubles.splice(0);
    const suspects = [...this.#suspects];
    this.#suspects.clear();
    const faults = new Map(troubles.map(({ event, text }) => [signature(fault(event, text)), fault(event, text)]));
    for (const finding of faults.values()) {
      if (this.#known(finding)) continue;
      const [number, fuzzed] = (await this.#firstThatShows(finding, suspects)) ??
        suspects[0] ?? [this.#state.next, undefined];
      if (fuzzed !== undefined) await this.#note(finding, number, fuzzed);
    }
  }

  async #attributeDeath(words: string): Promise<void> {
    const active = [...this.#active];
    this.#active.clear();
    this.#state.deaths++;
    await this.#stop();
    await this.#start();
    const finding: Finding = { kind: 'death', what: words };
    const [number, fuzzed] = (await this.#firstThatShows(finding, active)) ??
      active[0] ?? [this.#state.next, undefined];
    if (fuzzed !== undefined) await this.#note(finding, number, fuzzed);
    this.#before = undefined;
  }

  async #firstThatShows(finding: Finding, suspects: [number, Case][]): Promise<[number, Case] | undefined> {
    for (const suspect of suspects) if (await this.#shows(finding, suspect[1])) return suspect;
    return undefined;
  }

  /** Runs a case alone, and against a process of its own where that may end it. */
  async #shows(finding: Finding, fuzzed: Case): Promise<boolean> {
    const alone = finding.kind === 'death' || finding.kind === 'no-answer';
    const target = alone ? await Target.start() : this.#target;
    const wanted = signature(finding);
    try {
      const { findings } =
        finding.kind === 'costly'
          ? (await this.#measure(fuzzed, target, new Coverage(), 0)).outcome
          : await this.#execute(fuzzed, target, new Coverage());
      if (finding.kind === 'death') return (await within(500, target.died)) !== undefined;
      const troubles = finding.kind === 'fault' ? await this.#troublesOf(target) : [];
      return [...findings, ...troubles].some((each) => signature(each) === wanted);
    } finally {
      if (alone) await target.close();
    }
  }

  async #troublesOf(target: Target): Promise<Finding[]> {
    await delay(aftermathMs);
    // The answer comes on the same channel, after the entries of the log.
    await target.stats();
    return target.troubles.splice(0).map(({ event, text }) => fault(event, text));
  }

  #known(finding: Finding): boolean {
    const known = this.#state.findings.find((each) => each.signature === signature(finding));
    if (known) known.count++;
    return known !== undefined || this.#state.findings.length >= maxFindings;
  }

  async #note(finding: Finding, number: number, fuzzed: Case): Promise<void> {
    if (this.#known(finding)) return;
    const { seed, findings } = this.#state;
    const entry = {
      ...finding,
      signature: signature(finding),
      count: 1,
      seed,
      number,
      repeatable: false,
      minimal: fuzzed,
    };
    findings.push(entry);
    this.#onFinding(finding, number);
    const minimal = await shrink(fuzzed, (candidate) => this.#shows(finding, candidate));
    entry.minimal = minimal.fuzzed;
    entry.repeatable = minimal.repeatable;
  }

  /** Waits until the server knows of no session but the bystander's. */
  async #whenQuiet(): Promise<ServerStats | undefined> {
    const deadline = performance.now() + quietMs;
    for (;;) {
      const stats = await Promise.race([this.#target.stats(), this.#target.died.then(() => undefined)]);
      if (stats === undefined || stats.openSessions <= 1 || performance.now() > deadline) return stats;
      await delay(100);
    }
  }

  #updatedState(): RunState {
    this.#state.coverage = this.coverage.toJSON();
    this.#state.longestWaitMs = Math.max(this.#state.longestWaitMs, this.#canary.longestMs);
    return this.#state;
  }
}

const nothing: Cost = {
  loopMs: 0,
  holdMs: 0,
  otherThreadsMs: 0,
  memoryBytes: 0,
  logBytes: 0,
  answeredBytes: 0,
};

function fault(event: string, text: string): Finding {
  return { kind: 'fault', what: `${event}: ${text}` };
}
