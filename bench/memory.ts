/** Memory of a session, idle and in conversation. */

import { setTimeout as delay } from 'node:timers/promises';
import { tone } from '../dev/harness/instant-engines.ts';
import { Load, RateClients } from './clients.ts';
import type { Figure, Section } from './figures.ts';
import { wireRateHz } from './recording.ts';
import type { ServerMemory } from './server-process.ts';
import { MeasuredServer } from './servers.ts';
import type { Tree } from './tree.ts';

const turnTimeoutMs = 20_000;
const silentMs = 5000;

export async function memory({ idle, live }: { idle: number; live: number }): Promise<Section> {
  const idleFigures = await idleSessions(idle);
  const { before, after, warnings } = await conversationMemory(live);
  return {
    title: 'Memory of a session',
    how:
      `What the server's process has more of with ${idle} sessions that say nothing, and with ${live} that stream in 20 ms chunks and have each ` +
      `asked and been answered once, ${silentMs / 1000} s ago, divided by their number. Held: objects and their buffers after a garbage collection. Resident: as the system counts it.`,
    figures: [...idleFigures, ...figures('live session', before, after, live)],
    warnings,
  };
}

async function idleSessions(count: number): Promise<Figure[]> {
  const server = await MeasuredServer.start('instant');
  const clients = new RateClients();
  try {
    const { wsUrl } = server;
    // The first sessions load and compile code, which belongs to no session.
    await clients.run({ type: 'connect', wsUrl, count: 200, atOnce: 16 });
    const before = await server.memory();
    await clients.run({ type: 'hold', wsUrl, count, atOnce: 16 });
    const after = await server.memory();
    return figures('idle session', before, after, count, 0.3);
  } finally {
    await clients.close();
    await server.close();
  }
}

/**
 * Memory with sessions that stream, after one turn of each, because each turn adds audio, and a span of silence, which is
 * stored too.
 */
export async function conversationMemory(sessions: number, tree?: Tree) {
  const server = await MeasuredServer.start('instant', tree);
  try {
    const start = (count: number) =>
      Load.start({
        wsUrl: server.wsUrl,
        sessions: count,
        chunkMs: 20,
        detection: 'server_vad',
        questions: [tone(600, wireRateHz)],
        pauseMs: turnTimeoutMs,
        spreadMs: 1000,
        listen: true,
      });
    const first = await start(4);
    await first.takeTurns(4, turnTimeoutMs);
    await first.stop();
    const before = await server.memory();
    const load = await start(sessions);
    await load.takeTurns(sessions, turnTimeoutMs);
    await load.whileRunning(delay(silentMs));
    const after = await load.whileRunning(server.memory());
    return { before, after, warnings: await load.stop() };
  } finally {
    await server.close();
  }
}

function figures(name: string, before: ServerMemory, after: ServerMemory, sessions: number, aimMB?: number): Figure[] {
  const each = (grownMB: number) => ({
    n: sessions,
    median: grownMB / sessions,
    p99: grownMB / sessions,
    max: grownMB / sessions,
  });
  return [
    { name: `${name}: held`, unit: 'MB', ...each(after.heldMB - before.heldMB) },
    {
      name: '  resident',
      unit: 'MB',
      ...each(after.residentMB - before.residentMB),
      ...(aimMB !== undefined && { aim: { median: aimMB } }),
    },
  ];
}
