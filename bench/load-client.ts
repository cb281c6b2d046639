/** Callers in a process of their own, so that they do not hold up the server's event loop. It is run by `Load`. */

import { createHistogram, performance } from 'node:perf_hooks';
import { Caller } from './caller.ts';
import { quietRoom, recordingOf } from './recording.ts';
import type { TurnTimes } from './turn-observer.ts';

export interface LoadJob {
  wsUrl: string;
  sessions: number;
  chunkMs: number;
  detection: 'server_vad' | 'none';
  /** At 24 kHz. None: silence is streamed. */
  questions: readonly Int16Array[];
  pauseMs: number;
  /** The callers' first questions are spread over so many milliseconds. */
  spreadMs: number;
  /** Whether answers are heard out. */
  listen: boolean;
}

export type ToLoad = { type: 'start'; job: LoadJob } | { type: 'begin' } | { type: 'stop' };
export type FromLoad =
  | { type: 'streaming' }
  | { type: 'turn'; times: TurnTimes }
  | { type: 'problem'; reason: string; fatal: boolean }
  | { type: 'stopped'; lateP99Ms: number };

const tickMs = 2;
const openAtOnce = 20;

const callers: Caller[] = [];
const lateMicroseconds = createHistogram();

process.on('message', (message: ToLoad) => {
  if (message.type === 'start') start(message.job).catch((error: unknown) => problem(String(error), true));
  else if (message.type === 'begin') lateMicroseconds.reset();
  else stop();
});
process.on('disconnect', () => process.exit());

async function start(job: LoadJob): Promise<void> {
  const { sessions, chunkMs, questions, spreadMs, ...shared } = job;
  const quiet = quietRoom(chunkMs);
  const recordings = questions.map((samples) => recordingOf(samples, chunkMs));
  for (let index = 0; index < sessions; index++) {
    callers.push(
      new Caller({
        ...shared,
        chunkMs,
        quiet,
        questions: recordings,
        firstQuestion: index,
        firstPauseMs: 500 + (index * spreadMs) / sessions,
        onTurn: (times) => tell({ type: 'turn', times }),
        onProblem: problem,
      }),
    );
  }
  for (let at = 0; at < callers.length; at += openAtOnce) {
    await Promise.all(callers.slice(at, at + openAtOnce).map((caller) => caller.open()));
  }
  const now = performance.now();
  // Their chunks are due one after the other, as those of callers who know nothing of each other.
  for (const [index, caller] of callers.entries()) caller.begin(now + (index * chunkMs) / sessions);
  setInterval(tick, tickMs);
  tell({ type: 'streaming' });
}

function tick(): void {
  for (const caller of callers) {
    const lateMs = caller.tick(performance.now());
    if (lateMs !== undefined) lateMicroseconds.record(Math.max(1, Math.round(lateMs * 1000)));
  }
}

function stop(): void {
  tell({ type: 'stopped', lateP99Ms: lateMicroseconds.percentile(99) / 1000 });
  for (const caller of callers) caller.close();
}

function problem(reason: string, fatal: boolean): void {
  tell({ type: 'problem', reason, fatal });
}

function tell(message: FromLoad): void {
  process.send?.(message);
}
