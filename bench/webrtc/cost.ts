/** The CPU and memory of a call in conversation, beside a bare peer. */

import { setTimeout as delay } from 'node:timers/promises';
import { concatSamples, samplesIn } from '../../src/audio/pcm.ts';
import { type Figure, type Section, summarise } from '../figures.ts';
import { quietSamples, wireRateHz } from '../recording.ts';
import type { ServerMemory, ServerUsage } from '../server-process.ts';
import { type Called, withServers } from './callers.ts';

const numbersOfCalls = [1, 10, 30] as const;
const mostCalls = numbersOfCalls[2];
const openedAtOnce = 3;
const warmUpMs = 1000;
const voiceMs = 1000;
const silenceMs = 1500;
/** As long as what the callers repeat, so that each span has one turn of each call. */
const spanMs = voiceMs + silenceMs;
/** The bare peer has at most 1 / 0.8 times the capacity. */
const toleratedCost = 1 / 0.8;
const framesPerSecond = 50;
/** Below these shares of what is due, the machine is overloaded. A turn may fall just outside its span. */
const leastShares = { packets: 0.9, turns: 0.5 };

type NumberOfCalls = (typeof numbersOfCalls)[number];

interface Measured {
  readonly usages: Map<NumberOfCalls, ServerUsage[]>;
  /** With the most calls. */
  memory: ServerMemory | undefined;
  readonly warnings: string[];
}

/** `rounds`: how often each server is measured with each number of calls. */
export function callCost(rounds: number, question: Int16Array): Promise<Section> {
  const repeated = conversation(question);
  return withServers('silero', async (bare, parley) => {
    const [least, most] = [nothing(), nothing()];
    for (const called of [bare, parley]) await warmUp(called, repeated);
    const empty = { bare: await bare.server.memory(), parley: await parley.server.memory() };
    for (let round = 1; round <= rounds; round += 1) {
      for (const [who, called, measured] of [
        ['bare peer', bare, least],
        ['Parley', parley, most],
      ] as const) {
        await measure(who, called, measured);
        // Collecting garbage stops the server, so it comes last.
        if (round === rounds) measured.memory = await called.server.memory();
        await called.callers.hangUp();
      }
    }
    const figures = numbersOfCalls.flatMap((calls) => {
      const limit = share(`CPU of a call, ${calls} at a time: bare peer`, least.usages.get(calls), calls);
      const figure = share('  Parley', most.usages.get(calls), calls);
      const aim = calls === mostCalls && { aim: { median: toleratedCost * limit.median } };
      return [limit, { ...figure, timesBare: figure.median / limit.median, ...aim }];
    });
    const memory = (name: string, of: (memory: ServerMemory) => number): Figure[] => [
      grown(`memory of a call, ${name}: bare peer`, empty.bare, least.memory, of),
      grown('  Parley', empty.parley, most.memory, of),
    ];
    return {
      title: 'The cost of a call over WebRTC, embedded voice activity and otherwise instant engines',
      how:
        `Each call streams, as Opus, ${voiceMs / 1000} s of a question and ${silenceMs / 1000} s of a quiet room, and gets a sound of 500 ms as the answer. The bare peer, of the same library, decodes, ` +
        `runs Silero, ends turns after 500 ms of silence, and encodes and sends the same sound or silence. It and Parley are measured in turns (n): process.cpuUsage in ${spanMs / 1000} s, divided by the time and ` +
        `by the calls; × is how many times the bare peer's. Memory: growth from none to ${mostCalls} calls in the last round, divided by the calls. The first calls are not counted.`,
      figures: [
        ...figures,
        ...memory('held', ({ heldMB }) => heldMB),
        ...memory('resident', ({ residentMB }) => residentMB),
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
  return { usages: new Map(), memory: undefined, warnings: [] };
}

/** The first calls load code, which belongs to none of them. */
async function warmUp({ callers }: Called, repeated: Int16Array): Promise<void> {
  await callers.stream(repeated);
  await callers.open(openedAtOnce, openedAtOnce);
  await delay(spanMs);
  await callers.hangUp();
}

async function measure(who: string, { server, callers }: Called, measured: Measured): Promise<void> {
  let open = 0;
  for (const calls of numbersOfCalls) {
    await callers.open(calls - open, openedAtOnce);
    open = calls;
    await delay(warmUpMs);
    await callers.count();
    const usage = await server.measure(spanMs);
    const { packets, turns } = await callers.count();
    const due = { packets: calls * framesPerSecond * (usage.wallMs / 1000), turns: calls };
    for (const [what, share] of [
      ['packets', packets / due.packets],
      ['turns', turns / due.turns],
    ] as const) {
      if (share >= leastShares[what]) continue;
      measured.warnings.push(`${who}, ${calls} calls: callers got ${Math.round(100 * share)} % of the ${what}.`);
    }
    measured.usages.set(calls, [...(measured.usages.get(calls) ?? []), usage]);
  }
}

function share(name: string, usages: readonly ServerUsage[] = [], calls: number): Figure {
  const percents = usages.map(({ cpuMs, wallMs }) => (100 * cpuMs) / wallMs / calls);
  return { name, unit: '% of a core', ...summarise(percents) };
}

function grown(
  name: string,
  before: ServerMemory,
  after: ServerMemory | undefined,
  of: (memory: ServerMemory) => number,
): Figure {
  const samples = after ? [(of(after) - of(before)) / mostCalls] : [];
  return { name, unit: 'MB', ...summarise(samples) };
}
