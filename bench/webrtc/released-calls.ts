/** Whether anything is left of calls that were opened and closed. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Section } from '../figures.ts';
import { growth } from '../growth.ts';
import type { ServerResources } from '../server-process.ts';
import { MeasuredServer } from '../servers.ts';
import { Callers } from './callers.ts';

const generations = 4;
const atOnce = 5;
/** For the server to release what it has for calls that have ended. */
const settleMs = 1000;

/** `calls`: in all generations. */
export async function releasedCalls(calls: number): Promise<Section> {
  const server = await MeasuredServer.start('instant');
  const callers = new Callers(server);
  const after: ServerResources[] = [];
  try {
    for (let generation = 0; generation < generations; generation += 1) {
      for (let opened = 0; opened < calls / generations; opened += atOnce) {
        await callers.open(atOnce, atOnce);
        await callers.hangUp();
      }
      await delay(settleMs);
      after.push(await server.resources());
    }
  } finally {
    await callers.close();
    await server.close();
  }
  return {
    title: `${calls} calls over WebRTC that are opened and closed`,
    how:
      `Instant engines, ${atOnce} calls at a time. After each of ${generations} generations, ${settleMs / 1000} s after its last call has ended (n): memory after a garbage collection, the resident set, ` +
      'sockets and timers. Growth is from the second generation, by which all code is loaded, to the last.',
    figures: growth(after),
    warnings: [],
  };
}
