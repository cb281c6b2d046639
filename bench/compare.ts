/** `--compare REF`: measures this tree and another commit alternately, with the same clients, and prints ratios. */

import { setTimeout as delay } from 'node:timers/promises';
import { tone } from '../dev/harness/instant-engines.ts';
import { type Ratio, ratioOf } from '../dev/harness/ratio.ts';
import { Load, RateClients } from './clients.ts';
import { summarise, type Unit } from './figures.ts';
import { conversationMemory } from './memory.ts';
import type { ComparePlan } from './options.ts';
import { wireRateHz } from './recording.ts';
import { benchKey, MeasuredServer, ParleyProcess } from './servers.ts';
import { type Tree, thisTree } from './tree.ts';
import { takeTurns } from './turn-latency.ts';

interface Compared {
  name: string;
  unit: Unit;
}

/** In print order. For rates more is better, for everything else less. */
const compared = {
  listening: { name: 'process start → listening', unit: 'ms' },
  ready: { name: 'process start → ready for a turn', unit: 'ms' },
  audible: { name: 'embedded: speech_stopped → audible answer, median', unit: 'ms' },
  slowest: { name: '  slowest of a round', unit: 'ms' },
  embeddedAudio: { name: '  → first audio, median', unit: 'ms' },
  share: { name: 'instant: append that ends the turn → first audio, median', unit: 'ms' },
  shareP99: { name: '  p99', unit: 'ms' },
  instantAudio: { name: '  speech_stopped → first audio, median', unit: 'ms' },
  talking: { name: 'CPU of a session that streams and takes turns', unit: '% of a core' },
  append: { name: "CPU of an append of 20 ms, event loop's thread", unit: 'µs' },
  liveHeld: { name: 'memory of a session that streams, after a turn and a pause, held', unit: 'MB' },
  idleHeld: { name: 'memory of an idle session, held', unit: 'MB' },
  idleResident: { name: '  resident', unit: 'MB' },
  connections: { name: 'connections accepted', unit: '/s' },
  secrets: { name: 'client secrets minted', unit: '/s' },
} as const satisfies Record<string, Compared>;

type Key = keyof typeof compared;
type Round = Record<Key, number>;

/** A figure of this tree relative to that of the other commit. */
export interface Comparison extends Compared, Ratio {
  /** Medians of all rounds. */
  here: number;
  there: number;
}

const turnTimeoutMs = 15_000;
const atOnce = 16;

export async function compare(
  there: Tree,
  plan: ComparePlan,
  questions: readonly Int16Array[],
  onRound: (done: number) => void,
): Promise<Comparison[]> {
  // Warm-up starts: the first one of a tree reads its files from disk.
  for (const tree of [thisTree, there]) await (await ParleyProcess.start(tree)).close();
  const rounds: { here: Round; there: Round }[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    // The order alternates, so that a machine that slows down over time favours neither.
    const first = await measure(round % 2 === 0 ? thisTree : there, plan, questions);
    const second = await measure(round % 2 === 0 ? there : thisTree, plan, questions);
    rounds.push(round % 2 === 0 ? { here: first, there: second } : { here: second, there: first });
    onRound(round + 1);
  }
  const keys = Object.keys(compared) as Key[];
  return keys.map((key) =>
    comparisonOf(
      compared[key],
      rounds.map(({ here, there }) => [here[key], there[key]]),
    ),
  );
}

function comparisonOf(figure: Compared, pairs: readonly (readonly [number, number])[]): Comparison {
  return {
    ...figure,
    here: summarise(pairs.map(([here]) => here)).median,
    there: summarise(pairs.map(([, there]) => there)).median,
    ...ratioOf(pairs, figure.unit === '/s' ? 'more' : 'less'),
  };
}

/** All figures of one tree once, with newly started servers. */
async function measure(tree: Tree, plan: ComparePlan, questions: readonly Int16Array[]): Promise<Round> {
  const embedded = await measureEmbedded(tree, plan, questions);
  const conversations = await measureConversations(tree, plan);
  const visits = await measureVisits(tree, plan);
  const memory = await conversationMemory(plan.sessions, tree);
  const liveHeld = (memory.after.heldMB - memory.before.heldMB) / plan.sessions;
  return { ...embedded, ...conversations, liveHeld, ...visits, secrets: await mintRate(tree, plan) };
}

async function measureEmbedded(tree: Tree, { turns: count }: ComparePlan, questions: readonly Int16Array[]) {
  const server = await ParleyProcess.start(tree);
  try {
    const { turns } = await takeTurns(server.wsUrl, { questions, count, pauseMs: 100 });
    const audible = summarise(turns.map(({ heardMs }) => heardMs));
    const firstAudio = summarise(turns.map(({ audioMs }) => audioMs));
    return {
      listening: server.listeningMs,
      ready: server.readyMs,
      audible: audible.median,
      slowest: audible.max,
      embeddedAudio: firstAudio.median,
    };
  } finally {
    await server.close();
  }
}

/** Clients that connect and leave, and appends at full speed. */
async function measureVisits(tree: Tree, { connections, appends, idle }: ComparePlan) {
  const server = await MeasuredServer.start('instant', tree);
  const clients = new RateClients();
  const idlers = new RateClients();
  const { wsUrl } = server;
  const connect = () => clients.run({ type: 'connect', wsUrl, count: connections, atOnce });
  const append = { type: 'append', wsUrl, sessions: atOnce, appends } as const;
  try {
    await connect();
    const before = await server.memory();
    await idlers.run({ type: 'hold', wsUrl, count: idle, atOnce });
    const after = await server.memory();
    await idlers.close();
    const connectMs = await connect();
    await clients.run(append);
    await clients.run(append, () => server.begin());
    const { mainThreadMs } = await server.end();
    return {
      connections: (1000 * connections) / connectMs,
      append: (1000 * mainThreadMs) / (atOnce * appends),
      idleHeld: (after.heldMB - before.heldMB) / idle,
      idleResident: (after.residentMB - before.residentMB) / idle,
    };
  } finally {
    await Promise.all([clients.close(), idlers.close(), server.close()]);
  }
}

/** Sessions that stream continuously, each with a turn every 1.5 s. */
async function measureConversations(tree: Tree, { sessions, spanMs, connections }: ComparePlan) {
  const server = await MeasuredServer.start('instant', tree);
  const clients = new RateClients();
  try {
    // The first sessions load and compile code, which belongs to no session.
    await clients.run({ type: 'connect', wsUrl: server.wsUrl, count: connections, atOnce });
    const load = await Load.start({
      wsUrl: server.wsUrl,
      sessions,
      chunkMs: 20,
      detection: 'server_vad',
      questions: [tone(600, wireRateHz)],
      pauseMs: 400,
      spreadMs: 1500,
      listen: true,
    });
    // A warm-up round: code is compiled on first use.
    await load.takeTurns(sessions, turnTimeoutMs);
    load.begin();
    server.begin();
    await load.whileRunning(delay(spanMs));
    const { cpuMs, wallMs } = await server.end();
    const turns = [...load.turns];
    await load.stop();
    const share = summarise(turns.map(({ appendToAudioMs }) => appendToAudioMs));
    return {
      share: share.median,
      shareP99: share.p99,
      instantAudio: summarise(turns.map(({ audioMs }) => audioMs)).median,
      talking: (100 * cpuMs) / wallMs / sessions,
    };
  } finally {
    await Promise.all([clients.close(), server.close()]);
  }
}

async function mintRate(tree: Tree, { secrets }: ComparePlan): Promise<number> {
  const server = await MeasuredServer.start('keyed', tree);
  const clients = new RateClients();
  try {
    const url = server.wsUrl.replace(/^ws(.*)\/v1\/realtime$/, 'http$1');
    const mint = () => clients.run({ type: 'mint', url, key: benchKey, count: secrets, atOnce });
    await mint();
    return (1000 * secrets) / (await mint());
  } finally {
    await Promise.all([clients.close(), server.close()]);
  }
}
