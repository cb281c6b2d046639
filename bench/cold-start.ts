/** Time from starting a server to its first possible turn, and the duration of that turn. */

import type { TurnTimes } from './caller.ts';
import { Load } from './clients.ts';
import { type Section, summarise, turnFigure } from './figures.ts';
import { ParleyProcess } from './servers.ts';

const turnTimeoutMs = 30_000;

export async function coldStart({ runs, question }: { runs: number; question: Int16Array }): Promise<Section> {
  const listening: number[] = [];
  const ready: number[] = [];
  const firstTurns: TurnTimes[] = [];
  const warnings: string[] = [];
  for (let run = 0; run < runs; run++) {
    const server = await ParleyProcess.start();
    try {
      listening.push(server.listeningMs);
      ready.push(server.readyMs);
      const load = await Load.start({
        wsUrl: server.wsUrl,
        sessions: 1,
        chunkMs: 20,
        detection: 'server_vad',
        questions: [question],
        pauseMs: 0,
        spreadMs: 0,
        listen: true,
      });
      await load.takeTurns(1, turnTimeoutMs);
      firstTurns.push(...load.turns.slice(0, 1));
      warnings.push(...(await load.stop()));
    } finally {
      await server.close();
    }
  }
  return {
    title: 'Cold start',
    how:
      '`parley serve --port 0`, from just before the process is made: until it prints that it listens, and until /readyz ' +
      '(asked every 10 ms) answers 200, when the first turn can be taken. Each run also takes that first turn. Files come ' +
      "from the system's cache after the first run, which is the maximum.",
    figures: [
      { name: 'process start → listening', unit: 'ms', ...summarise(listening), aim: { median: 1000 } },
      { name: 'process start → ready for a turn', unit: 'ms', ...summarise(ready), aim: { median: 2000 } },
      turnFigure('very first turn: speech_stopped → audible answer', firstTurns, (turn) => turn.heardMs),
    ],
    warnings,
  };
}
