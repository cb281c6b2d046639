/** The CPU and memory of a call in conversation, beside a bare peer. */

import { setTimeout as delay } from 'node:timers/promises';
import { concatSamples, samplesIn } from '../../src/audio/pcm.ts';
import { type Figure, type Section, summarise } from '../figures.ts';
import { quietSamples, wireRateHz } from '../recording.ts';
import type { ServerMemory, ServerUsage } from '../server-process.ts';
import { type Called, withServers } from './callers.ts';

const numbersOfCalls = [1, 10, 30] as const;
const openedAtOnce = 3;
const warmUpMs = 1000;
const voiceMs = 1000;
const silenceMs = 1500;
/** As long as what the callers repeat, so that each span has one turn of each call. */
const spanMs = voiceMs + silenceMs;
/** The bare peer has at most 1 / 0.8 times the capacity. */
const toleratedCost = 1 / 0.8;
const framesPerSecond = 50;
/** Below this share of the frames or turns that are due, the machine is overloaded. */
const leastShare = 0.9;

type NumberOfCalls = (typeof numbersOfCalls)[number];

interface Measured {
  readonly usages: Map<NumberOfCalls, ServerUsage[]>;
  readonly heldMB: number[];
  readonly residentMB: number[];
  readonly warnings: string[];
}

/** `rounds`: how often each server is measured with each number of calls. */
export function callCost(rounds: number, question: Int16Array): Promise<Section> {
  const repeated = conversation(question);
  return withServers('silero', async (bare, parley) => {
    const [least, most] = [nothing(), nothing()];
    for (const called of [bare, parley]) await warmUp(called, repeated);
    for (let round = 0; round < rounds; round += 1) {
      await measure('bare peer', bare, least);
      await measure('Parley', parley, most);
    }
    const most30 = numbersOfCalls.at(-1);
    const figures = numbersOfCalls.flatMap((calls) => {
      const limit = share(`CPU of a call, ${calls} at a time: bare peer`, least.usages.get(calls), calls);
      const figure = share('  Parley', most.usages.get(calls), calls);
      const aim = calls === most30 && { aim: { median: toleratedCost * limit.median } };
      return [limit, { ...figure, timesBare: figure.median / limit.median, ...aim }];
    });
    return {
      title: 'The cost of a call over WebRTC, embedded voice activity and otherwise instant engines',
      how:
        `Each call streams, as Opus, ${voiceMs / 1000} s of a question and ${silenceMs / 1000} s of a quiet room, and gets a sound of 500 ms as the answer. The bare peer, of the same library, decodes, ` +
        `runs Silero, ends turns after 500 ms of silence, and encodes and sends the same sound or silence. It and Parley are measured in turns (n): process.cpuUsage in ${spanMs / 1000} s, divided by the time and ` +
        `by the calls; × is how many times the bare peer's. Memory: growth from none to ${most30} calls that have had a few turns, divided by the calls. The first calls are not counted.`,
      figures: [
        ...figures,
        memory('memory of a call, held: bare peer', least.heldMB),
        memory('  Parley', most.heldMB),
        memory('  resident: bare peer', least.residentMB),
        memory('  Parley', most.residentMB),
      ],
      warnings: [...least.warnings, ...most.warnings],
    };
  });
}

/** The start of the question, and a quiet room. */
function conversation(question: Int16Array): Int16Array {
  const voice = new Int16Array(samplesIn(voiceMs, wireRateHz));
  voice.set(question.subarray(0, voice.length));
  const room = concatSamples([quietSamples(), quietSamples()]).subarray(0, samplesIn(silenceMs, wireRateHz));
  return concatSamples([voice, room]);
}

function nothing(): Measured {
  return { usages: new Map(), heldMB: [], residentMB: [], warnings: [] };
}

/** The first calls load code, which belongs to none of them. */
async function warmUp({ callers }: Called, repeated: Int16Array): Promise<void> {
  await callers.stream(repeated);
  await callers.open(openedAtOnce, openedAtOnce);
  await delay(spanMs);
  await callers.hangUp();
}

async function measure(who: string, { server, callers }: Called, measured: Measured): Promise<void> {
  const empty = await server.memory();
  let open = 0;
  for (const calls of numbersOfCalls) {
    await callers.open(calls - open, openedAtOnce);
    open = calls;
    await delay(warmUpMs);
    await callers.count();
    const usage = await server.measure(spanMs);
    const { packets, turns } = await callers.count();
    const seconds = usage.wallMs / 1000;
    const shares = { packets: packets / (calls * framesPerSecond * seconds), turns: turns / calls };
    for (const [what, received] of Object.entries(shares)) {
      if (received < leastShare) {
        measured.warnings.push(`${who}, ${calls} calls: callers got ${Math.round(100 * received)} % of the ${what}.`);
      }
    }
    const usages = measured.usages.get(calls) ?? [];
    measured.usages.set(calls, [...usages, usage]);
  }
  const full: ServerMemory = await server.memory();
  measured.heldMB.push((full.heldMB - empty.heldMB) / open);
  measured.residentMB.push((full.residentMB - empty.residentMB) / open);
  await callers.hangUp();
}

function share(name: string, usages: readonly ServerUsage[] = [], calls: number): Figure {
  const percents = usages.map(({ cpuMs, wallMs }) => (100 * cpuMs) / wallMs / calls);
  return { name, unit: '% of a core', ...summarise(percents) };
}

function memory(name: string, grownMB: readonly number[]): Figure {
  return { name, unit: 'MB', ...summarise(grownMB) };
}
