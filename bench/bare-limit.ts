/** The cost of a session that streams audio, beside the minimum cost. */

import { setTimeout as delay } from 'node:timers/promises';
import { Load } from './clients.ts';
import { type Figure, type Section, summarise } from './figures.ts';
import type { ServerUsage } from './server-process.ts';
import { MeasuredServer } from './servers.ts';

const warmUpMs = 3000;

interface Amount {
  sessions: number;
  spans: number;
  spanMs: number;
}

export async function bareLimit(amount: Amount): Promise<Section> {
  const bare = await MeasuredServer.start('bare');
  const parley = await MeasuredServer.start('embedded');
  const figures: Figure[] = [];
  const memory: Figure[] = [];
  const warnings: string[] = [];
  try {
    for (const chunkMs of [20, 100]) {
      const run = async (server: MeasuredServer, detection: 'server_vad' | 'none') => {
        const { usages, problems } = await stream(server, { ...amount, chunkMs, detection });
        const who = server === bare ? 'bare ws' : `Parley, ${detection === 'none' ? 'turn_detection null' : detection}`;
        warnings.push(...problems.map((problem) => `${who}, ${chunkMs} ms: ${problem}`));
        return usages;
      };
      const limit = await run(bare, 'none');
      const deaf = await run(parley, 'none');
      const listening = await run(parley, 'server_vad');
      const { sessions } = amount;
      if (chunkMs === 20)
        memory.push(memoryFigure('memory: bare ws', limit), memoryFigure('  Parley, server_vad', listening));
      const least = share(`CPU, ${chunkMs} ms chunks: bare ws, JSON.parse, base64`, limit, (u) => u.cpuMs, sessions);
      const beside = (figure: Figure): Figure => ({ ...figure, timesBare: figure.median / least.median });
      figures.push(
        least,
        beside(share('  Parley, turn_detection null', deaf, (usage) => usage.cpuMs, sessions)),
        beside(share('  Parley, server_vad (Silero in its thread)', listening, (usage) => usage.cpuMs, sessions)),
        beside(share("    of it the event loop's thread", listening, (usage) => usage.mainThreadMs, sessions)),
      );
    }
  } finally {
    await bare.close();
    await parley.close();
  }
  return {
    title: `A session that streams, ${amount.sessions} sessions`,
    how:
      `Sessions stream a quiet room (noise at −75 dBFS) in real time. After ${warmUpMs / 1000} s, ${amount.spans} spans of ${amount.spanMs / 1000} s are ` +
      'measured one after the other (n): process.cpuUsage of the server, divided by the time and by the sessions. The bare limit does nothing ' +
      'but parse each event and decode its audio; × is how many times its median. Memory is the resident set of the whole process, models included.',
    figures: [...figures, ...memory],
    warnings,
  };
}

async function stream(
  server: MeasuredServer,
  { sessions, spans, spanMs, chunkMs, detection }: Amount & { chunkMs: number; detection: 'server_vad' | 'none' },
): Promise<{ usages: ServerUsage[]; problems: string[] }> {
  const load = await Load.start({
    wsUrl: server.wsUrl,
    sessions,
    chunkMs,
    detection,
    questions: [],
    pauseMs: 0,
    spreadMs: 0,
    listen: true,
  });
  await load.whileRunning(delay(warmUpMs));
  load.begin();
  const usages: ServerUsage[] = [];
  for (let span = 0; span < spans; span++) usages.push(await load.whileRunning(server.measure(spanMs)));
  return { usages, problems: await load.stop() };
}

function memoryFigure(name: string, usages: readonly ServerUsage[]): Figure {
  return { name, unit: 'MB', ...summarise(usages.map((usage) => usage.memoryMB)) };
}

function share(
  name: string,
  usages: readonly ServerUsage[],
  time: (usage: ServerUsage) => number,
  sessions: number,
): Figure {
  const percents = usages.map((usage) => (100 * time(usage)) / usage.wallMs / sessions);
  return { name, unit: '% of a core', ...summarise(percents) };
}
