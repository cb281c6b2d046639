/** An hour of conversation, faster than real time: whether anything is left of ended sessions. */

import { setTimeout as delay } from 'node:timers/promises';
import { tone } from '../dev/harness/instant-engines.ts';
import { Load } from './clients.ts';
import type { Section } from './figures.ts';
import { growth } from './growth.ts';
import { wireRateHz } from './recording.ts';
import type { ServerResources } from './server-process.ts';
import { MeasuredServer } from './servers.ts';

export interface SoakPlan {
  /** Generations of sessions, one after the other, and the minutes of audio that each session streams. */
  generations: number;
  minutes: number;
  sessions: number;
}

/** Below the limit of events per second, also with chunks of 20 ms. */
const speed = 20;
const pauseMs = 100;
/** For the server to notice that the clients are gone. */
const settleMs = 1000;

export async function soak({ generations, minutes, sessions }: SoakPlan): Promise<Section> {
  const server = await MeasuredServer.start('instant');
  const after: ServerResources[] = [];
  const warnings: string[] = [];
  let turns = 0;
  try {
    for (let generation = 0; generation < generations; generation++) {
      const load = await Load.start({
        wsUrl: server.wsUrl,
        sessions,
        chunkMs: 20,
        speed,
        detection: 'server_vad',
        questions: [tone(600, wireRateHz)],
        pauseMs,
        spreadMs: 1000,
        listen: true,
      });
      load.begin();
      await load.whileRunning(delay((minutes * 60_000) / speed));
      turns += load.turns.length;
      warnings.push(...(await load.stop()));
      await delay(settleMs);
      after.push(await server.resources());
      process.stderr.write(`generation ${generation + 1} of ${generations}\n`);
    }
  } finally {
    await server.close();
  }
  return {
    title: `${generations * minutes} minutes of conversation, ${sessions} sessions`,
    how:
      `Instant engines. ${generations} generations of ${sessions} sessions stream ${minutes} minutes of audio each, ${speed} times faster than real time, ` +
      `with ${turns} turns in all. After each generation, when its sessions have ended (n): memory after a garbage collection, the resident set, ` +
      'sockets and timers. Growth is from the second generation, by which all code is loaded, to the last.',
    figures: growth(after),
    warnings,
  };
}
