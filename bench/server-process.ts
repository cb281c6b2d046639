/**
 * A server in a process of its own that measures itself: `embedded` and `instant` are Parley, `bare` is the bare limit.
 * It is run by `MeasuredServer`, with the kind as its argument.
 */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { startBareServer } from './bare-server.ts';

export type ServerKind = 'embedded' | 'instant' | 'bare';

export type ToServer = { type: 'begin'; eventLoopResolutionMs: number | undefined } | { type: 'end' };
export type FromServer = { type: 'ready'; wsUrl: string } | { type: 'usage'; usage: ServerUsage };

/** What the process used between `begin` and `end`. */
export interface ServerUsage {
  wallMs: number;
  /** Processor time of all threads. */
  cpuMs: number;
  /** Processor time of the thread with the event loop. */
  mainThreadMs: number;
  memoryMB: number;
  /** Present when it was watched, which is when a resolution was given. */
  eventLoopDelay?: { n: number; medianMs: number; p99Ms: number; maxMs: number };
}

interface Span {
  startedAt: number;
  cpu: NodeJS.CpuUsage;
  mainThread: NodeJS.CpuUsage;
  delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
}

let span: Span | undefined;

process.on('message', (message: ToServer) => {
  if (message.type === 'begin') span = begin(message.eventLoopResolutionMs);
  else if (span) tell({ type: 'usage', usage: end(span) });
});
process.on('disconnect', () => process.exit());

const { wsUrl } = await start(process.argv[2]);
tell({ type: 'ready', wsUrl });

async function start(kind: string | undefined): Promise<{ wsUrl: string }> {
  if (kind === 'bare') return startBareServer();
  // Only now: the bare limit has no memory for what it does not use.
  const { startServer } = await import('../src/server.ts');
  const { instantEngines } = await import('./instant-engines.ts');
  const server = await startServer({ config: { port: 0 }, ...(kind === 'instant' && { engines: instantEngines() }) });
  await server.ready;
  return server;
}

function begin(resolution: number | undefined): Span {
  const delay = resolution === undefined ? undefined : monitorEventLoopDelay({ resolution });
  delay?.enable();
  return { startedAt: performance.now(), cpu: process.cpuUsage(), mainThread: process.threadCpuUsage(), delay };
}

function end({ startedAt, cpu, mainThread, delay }: Span): ServerUsage {
  delay?.disable();
  return {
    wallMs: performance.now() - startedAt,
    cpuMs: total(process.cpuUsage(cpu)),
    mainThreadMs: total(process.threadCpuUsage(mainThread)),
    memoryMB: process.memoryUsage.rss() / 1e6,
    ...(delay && {
      eventLoopDelay: {
        n: delay.count,
        medianMs: delay.percentile(50) / 1e6,
        p99Ms: delay.percentile(99) / 1e6,
        maxMs: delay.max / 1e6,
      },
    }),
  };
}

function total({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

function tell(message: FromServer): void {
  process.send?.(message);
}
