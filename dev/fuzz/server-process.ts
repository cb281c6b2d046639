/** The servers under test, in a separate process: Parley with engines that answer immediately. Started by `Target`. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Log, startServer } from '../../src/server/server.ts';
import { heapBytes } from '../harness/heap.ts';
import { CostMeter, type ServerCost } from './cost.ts';
import { fuzzEngines, ordered } from './engines.ts';
import { configs, type Profile, profiles } from './profiles.ts';

/** A log entry that reports an error in the code. */
export interface Trouble {
  event: string;
  session: string | undefined;
  text: string;
}

export interface ServerStats {
  openSessions: number;
  openedSessions: number;
  heapMB: number;
  residentMB: number;
  /** Active handles, such as sockets and timers. */
  resources: number;
  /** Since the last call. */
  eventLoopDelayMs: { p99: number; max: number };
}

export type ToTarget = { type: 'stats' } | { type: 'measure'; collect: boolean } | { type: 'cost'; last: boolean };
export type FromTarget =
  | { type: 'ready'; ports: Record<Profile, number> }
  | { type: 'trouble'; trouble: Trouble }
  | { type: 'stats'; stats: ServerStats }
  | { type: 'measuring' }
  | { type: 'cost'; cost: ServerCost };

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

const meter = new CostMeter();
let opened = 0;
let closed = 0;

const log: Log = {
  debug() {},
  info(event, details) {
    meter.log(event, details);
    if (event === 'session_opened') opened++;
    if (event === 'session_closed') closed++;
  },
  warn: (event, details) => meter.log(event, details),
  error: trouble,
};

process.on('uncaughtException', (error) => trouble('process_uncaught', { error }));
process.on('unhandledRejection', (error) => trouble('process_uncaught', { error }));
process.on('disconnect', () => process.exit());
process.on('message', (message: ToTarget) => {
  if (message.type === 'stats') tell({ type: 'stats', stats: stats() });
  if (message.type === 'measure') {
    meter.start(message);
    tell({ type: 'measuring' });
  }
  if (message.type === 'cost') {
    tell({ type: 'cost', cost: meter.read() });
    if (message.last) meter.stop();
  }
});

const ports = { roomy: 0, tight: 0 };
for (const profile of profiles) {
  ports[profile] = (await startServer({ config: configs[profile], engines: fuzzEngines(), log })).port;
}
tell({ type: 'ready', ports });

function stats(): ServerStats {
  const heapMB = heapBytes() / 1e6;
  const eventLoopDelayMs = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  delay.reset();
  return {
    openSessions: opened - closed,
    openedSessions: opened,
    heapMB,
    residentMB: process.memoryUsage.rss() / 1e6,
    resources: process.getActiveResourcesInfo().length,
    eventLoopDelayMs,
  };
}

function trouble(event: string, details: object): void {
  meter.log(event, details);
  const session = 'session' in details ? String(details.session) : undefined;
  const error = 'error' in details ? details.error : undefined;
  const text = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(details);
  if (!text.includes(ordered)) tell({ type: 'trouble', trouble: { event, session, text: text.slice(0, 2000) } });
}

function tell(message: FromTarget): void {
  process.send?.(message);
}
