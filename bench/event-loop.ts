/** Event loop delay while many clients talk at once with the embedded engines. */

import { setTimeout as delay } from 'node:timers/promises';
import { Load } from './clients.ts';
import { type Figure, type Section, turnFigure } from './figures.ts';
import type { ServerUsage } from './server-process.ts';
import { MeasuredServer } from './servers.ts';

/** Resolution of the event loop delay. */
const resolutionMs = 1;
const idleMs = 3000;
const spreadMs = 8000;

export async function eventLoop({
  questions,
  sessions,
  ms,
}: {
  questions: readonly Int16Array[];
  sessions: number;
  ms: number;
}): Promise<Section> {
  const server = await MeasuredServer.start('embedded');
  try {
    const idle = await server.measure(idleMs, resolutionMs);
    const load = await Load.start({
      wsUrl: server.wsUrl,
      sessions,
      chunkMs: 20,
      detection: 'server_vad',
      questions,
      pauseMs: 1000,
      spreadMs,
      listen: true,
    });
    await load.whileRunning(delay(spreadMs));
    load.begin();
    const usage = await load.whileRunning(server.measure(ms, resolutionMs));
    const turns = [...load.turns];
    const warnings = await load.stop();
    return {
      title: `${sessions} sessions that talk at once, embedded engines`,
      how:
        'Each asks a question in real time, hears the answer out, waits a second and asks the next; their starts are spread over ' +
        `${spreadMs / 1000} s, after which ${ms / 1000} s are measured. The delay is perf_hooks.monitorEventLoopDelay with a resolution of ` +
        `${resolutionMs} ms: the time from one call of a timer to the next, with that interval in it; nothing is subtracted, and n ` +
        'counts calls. Processor time is of the whole process, engines included, and of the thread with the event loop alone.',
      figures: [
        delayFigure('event-loop delay', usage, { p99: 10 }),
        delayFigure('  before, without any session', idle),
        share('processor time for each session', usage.cpuMs, usage, sessions),
        share("  of it the event loop's thread", usage.mainThreadMs, usage, sessions),
        turnFigure('speech_stopped → audible answer', turns, (turn) => turn.heardMs),
      ],
      warnings,
    };
  } finally {
    await server.close();
  }
}

function delayFigure(name: string, { eventLoopDelay }: ServerUsage, aim?: { p99: number }): Figure {
  const { n, medianMs, p99Ms, maxMs } = eventLoopDelay ?? { n: 0, medianMs: NaN, p99Ms: NaN, maxMs: NaN };
  return { name, unit: 'ms', n, median: medianMs, p99: p99Ms, max: maxMs, ...(aim && { aim }) };
}

function share(name: string, cpuMs: number, { wallMs }: ServerUsage, sessions: number): Figure {
  const percent = (100 * cpuMs) / wallMs / sessions;
  return { name, unit: '% of a core', n: 1, median: percent, p99: percent, max: percent };
}
