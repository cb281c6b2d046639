/** How many sessions one core serves, beside a bare loop that does the least that these sessions need. */

import { setTimeout as delay } from 'node:timers/promises';
import { Load, RateClients } from '../clients.ts';
import { type Figure, type Section, summarise } from '../figures.ts';
import type { ServerKind, ServerUsage } from '../server-process.ts';
import { MeasuredServer } from '../servers.ts';
import { silenceMs } from './bare-detector.ts';

export interface CapacityPlan {
  /** Numbers of sessions whose processor time is measured, and the duration of a measurement. */
  streams: readonly number[];
  spanMs: number;
  /** Searches for the capacity of each server, and the steps of one. */
  searches: number;
  steps: number;
  stepMs: number;
  /** Spans of turns of text of each server, and the turns of each of 16 sessions. */
  textSpans: number;
  textTurns: number;
}

/** The added time that a core must not exceed at its 99th percentile. */
const addedMs = 10;
const warmUpMs = 1500;
/** Turns whose code is not compiled yet: compiling takes time of the same core. */
const warmUpSessions = 20;
const warmUpTurnsMs = 15_000;
const pauseMs = 500;
const spreadMs = 2500;
const textSessions = 16;

/** The least of a server that streams audio with voice activity, and Parley. */
const both = ['bare-silero', 'silero'] as const;
type Streamed = Record<(typeof both)[number], MeasuredServer>;
const names: Record<(typeof both)[number], string> = { 'bare-silero': 'bare loop', silero: 'Parley' };

export async function capacity(plan: CapacityPlan, question: Int16Array): Promise<Section> {
  const servers: Streamed = {
    'bare-silero': await MeasuredServer.start('bare-silero'),
    silero: await MeasuredServer.start('silero'),
  };
  const warnings: string[] = [];
  try {
    const pinned = both.map((kind) => servers[kind].pin());
    if (!pinned.every(Boolean))
      warnings.push(
        'The servers could not be restricted to one core (taskset): sessions per core are those of all cores.',
      );
    const shares = await processorShares(servers, plan, warnings);
    const found = await capacities(servers, plan, { question, estimate: estimates(shares), warnings });
    return {
      title: 'Capacity of one core',
      how:
        'Instant engines but for voice activity, which is Silero. The bare loop parses each event, decodes its audio, resamples it, runs the model in batches of 16 in a thread, ' +
        'and answers each turn with a fixed sound. Both servers have one core, the callers the others. Processor time: quiet rooms that stream in chunks of 20 ms, all threads. ' +
        `Sessions: the most with which the 99th percentile of the added time stays below ${addedMs} ms, by bisection (n searches, alternating); ` +
        `each session asks a spoken question every few seconds, and the added time is from sending the append that ends the turn to the first audio. × is relative to the bare loop.`,
      figures: [...shares.flatMap(shareFigures), ...capacityFigures(found), ...(await textTurns(plan))],
      warnings,
    };
  } finally {
    for (const kind of both) await servers[kind].close();
  }
}

interface Shares {
  sessions: number;
  usages: Record<(typeof both)[number], ServerUsage[]>;
}

async function processorShares(servers: Streamed, plan: CapacityPlan, warnings: string[]): Promise<Shares[]> {
  const shares: Shares[] = [];
  for (const sessions of plan.streams) {
    const usages: Shares['usages'] = { 'bare-silero': [], silero: [] };
    for (const kind of both) {
      const load = await start(servers[kind], sessions, []);
      await load.whileRunning(delay(warmUpMs));
      load.begin();
      const waitedBefore = servers[kind].waitedMs;
      const usage = await load.whileRunning(servers[kind].measure(plan.spanMs));
      usages[kind].push(usage);
      const waitedMs = (servers[kind].waitedMs ?? Number.NaN) - (waitedBefore ?? Number.NaN);
      if (waitedMs > usage.cpuMs) warnings.push(`${names[kind]}, ${sessions} sessions: ${starved(waitedMs, usage)}`);
      warnings.push(...(await load.stop()).map((problem) => `${names[kind]}, ${sessions} sessions: ${problem}`));
    }
    shares.push({ sessions, usages });
  }
  return shares;
}

/** Its own threads wait for each other, but not for longer than they run. */
function starved(waitedMs: number, { cpuMs, wallMs }: ServerUsage): string {
  const percent = (ms: number) => `${Math.round((100 * ms) / wallMs)} %`;
  return (
    `the threads ran for ${percent(cpuMs)} of the time and waited for the core for ${percent(waitedMs)}: other programs ` +
    'used it. The server fell behind, so that no figure of it means anything.'
  );
}

function start(server: MeasuredServer, sessions: number, questions: readonly Int16Array[]): Promise<Load> {
  return Load.start({
    wsUrl: server.wsUrl,
    sessions,
    chunkMs: 20,
    detection: 'server_vad',
    silenceMs,
    questions,
    pauseMs,
    spreadMs,
    listen: true,
  }).then((load) => {
    load.leaveServer();
    return load;
  });
}

const percents = (usages: readonly ServerUsage[], time: (usage: ServerUsage) => number, sessions: number) =>
  summarise(usages.map((usage) => (100 * time(usage)) / usage.wallMs / sessions));

function shareFigures({ sessions, usages }: Shares): Figure[] {
  const whole = (kind: (typeof both)[number]) => percents(usages[kind], (usage) => usage.cpuMs, sessions);
  const loop = (kind: (typeof both)[number]) => percents(usages[kind], (usage) => usage.mainThreadMs, sessions);
  const unit = '% of a core';
  const each = sessions === 1 ? '1 session' : `each of ${sessions} sessions`;
  return [
    { name: `processor time of ${each}: bare loop`, unit, ...whole('bare-silero') },
    { name: '  Parley', unit, ...whole('silero'), timesBare: whole('silero').median / whole('bare-silero').median },
    { name: "  the event loop's thread: bare loop", unit, ...loop('bare-silero') },
    { name: '    Parley', unit, ...loop('silero'), timesBare: loop('silero').median / loop('bare-silero').median },
  ];
}

/** The sessions with which a server would use the whole core. */
function estimates(shares: readonly Shares[]): Record<(typeof both)[number], number> {
  const last = shares.at(-1);
  const of = (kind: (typeof both)[number]) =>
    last ? 100 / percents(last.usages[kind], (usage) => usage.cpuMs, last.sessions).median : 100;
  return { 'bare-silero': of('bare-silero'), silero: of('silero') };
}

type Capacities = Record<(typeof both)[number], number[]>;

async function capacities(
  servers: Streamed,
  plan: CapacityPlan,
  {
    question,
    estimate,
    warnings,
  }: { question: Int16Array; estimate: ReturnType<typeof estimates>; warnings: string[] },
): Promise<Capacities> {
  const found: Capacities = { 'bare-silero': [], silero: [] };
  for (const kind of both) await added(servers[kind], warmUpSessions, question, warmUpTurnsMs);
  for (let search = 0; search < plan.searches; search++) {
    for (const kind of search % 2 === 0 ? both : both.toReversed()) {
      let low = 0;
      let high = 1.2 * estimate[kind];
      for (let step = 0; step < plan.steps; step++) {
        const sessions = Math.round((Math.max(low, 0.2 * high) + high) / 2);
        const { p99, problems } = await added(servers[kind], sessions, question, plan.stepMs);
        process.stderr.write(`${names[kind]}: ${sessions} sessions, p99 ${p99.toFixed(1)} ms\n`);
        warnings.push(...problems.map((problem) => `${names[kind]}, ${sessions} sessions: ${problem}`));
        if (p99 <= addedMs) low = sessions;
        else high = sessions;
      }
      // NaN: fewer than the search has tried.
      found[kind].push(low || Number.NaN);
    }
  }
  return found;
}

async function added(server: MeasuredServer, sessions: number, question: Int16Array, ms: number) {
  const load = await start(server, sessions, [question]);
  await load.whileRunning(delay(spreadMs));
  load.begin();
  await load.whileRunning(delay(ms));
  const { p99, n } = summarise(load.turns.map((turn) => turn.appendToAudioMs).filter(Number.isFinite));
  const problems = await load.stop();
  return { p99: n === 0 ? Number.POSITIVE_INFINITY : p99, problems };
}

function capacityFigures(found: Capacities): Figure[] {
  const bare = summarise(found['bare-silero']);
  const parley = summarise(found.silero);
  const ratio = parley.median / bare.median;
  return [
    { name: 'sessions of one core: bare loop', unit: '', ...bare },
    { name: '  Parley', unit: '', ...parley },
    {
      name: "  of the bare loop's",
      unit: '×',
      n: found.silero.length,
      median: ratio,
      p99: ratio,
      max: ratio,
      aim: { atLeast: 0.8 },
    },
  ];
}

async function textTurns({ textSpans, textTurns: turns }: CapacityPlan): Promise<Figure[]> {
  const kinds = ['bare', 'lifted', 'aimock'] as const satisfies readonly ServerKind[];
  const clients = new RateClients();
  const rates = { bare: [] as number[], lifted: [] as number[], aimock: [] as number[] };
  const costs = { bare: [] as number[], lifted: [] as number[], aimock: [] as number[] };
  const servers = {
    bare: await MeasuredServer.start('bare'),
    lifted: await MeasuredServer.start('lifted'),
    aimock: await MeasuredServer.start('aimock'),
  };
  try {
    for (let span = 0; span <= textSpans; span++) {
      for (const kind of kinds) {
        const { wsUrl } = servers[kind];
        const ms = await clients.run({ type: 'text', wsUrl, sessions: textSessions, turns }, () =>
          servers[kind].begin(),
        );
        const { mainThreadMs } = await servers[kind].end();
        if (span === 0) continue;
        rates[kind].push((1000 * textSessions * turns) / ms);
        costs[kind].push((1000 * mainThreadMs) / (textSessions * turns));
      }
    }
  } finally {
    await clients.close();
    for (const kind of kinds) await servers[kind].close();
  }
  const least = summarise(rates.bare);
  const beside = (kind: 'lifted' | 'aimock') => ({
    ...summarise(rates[kind]),
    timesBare: summarise(rates[kind]).median / least.median,
  });
  return [
    { name: 'turns of text: bare ws', unit: '/s', ...least },
    { name: '  Parley', unit: '/s', ...beside('lifted') },
    { name: '  aimock 1.43', unit: '/s', ...beside('aimock') },
    { name: "time of the event loop's thread per turn of text: Parley", unit: 'µs', ...summarise(costs.lifted) },
    { name: '  aimock 1.43', unit: 'µs', ...summarise(costs.aimock) },
  ];
}
