/**
 * A server in a separate process that measures itself. `MeasuredServer` starts it, with the kind and the key of `keyed`
 * as arguments. `--compare` also runs this file of older commits, so its path, kinds and messages must not change.
 */

import { Socket } from 'node:net';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { queryObjects } from 'node:v8';
import { heldBytes } from '../dev/harness/heap.ts';
import { collectLessOften } from '../src/cli/collections.ts';
import type { EngineSet } from '../src/engines/spec/registry.ts';
import type { ConfigOverrides } from '../src/server/server.ts';

/**
 * Parley: with its `embedded` engines, with `instant` ones, `keyed` requires a key, without a limit on client secrets,
 * `lifted` has practically no limits, `silero` has embedded voice activity and otherwise instant engines. The bare limit:
 * `bare`, and `bare-silero` with voice activity, and `bare-peer` of a call over WebRTC. And a peer: `aimock`.
 */
export type ServerKind =
  | 'embedded'
  | 'instant'
  | 'keyed'
  | 'lifted'
  | 'silero'
  | 'bare'
  | 'bare-silero'
  | 'bare-peer'
  | 'aimock';

export type ToServer =
  | { type: 'begin'; eventLoopResolutionMs: number | undefined }
  | { type: 'end' }
  | { type: 'memory' }
  /** Memory and counts. Counting stops the server for seconds. */
  | { type: 'resources' };
export type FromServer =
  | { type: 'ready'; wsUrl: string }
  | { type: 'usage'; usage: ServerUsage }
  | { type: 'memory'; memory: ServerMemory }
  | { type: 'resources'; resources: ServerResources };

/** Memory in use after a garbage collection. */
export interface ServerMemory {
  heldMB: number;
  residentMB: number;
}

export interface ServerResources extends ServerMemory {
  sockets: number;
  timers: number;
}

/** Usage between `begin` and `end`. */
export interface ServerUsage {
  wallMs: number;
  /** CPU time of all threads. */
  cpuMs: number;
  /** CPU time of the main thread. */
  mainThreadMs: number;
  memoryMB: number;
  /** Present if a resolution was given. */
  eventLoopDelay?: { n: number; medianMs: number; p99Ms: number; maxMs: number };
}

interface Span {
  startedAt: number;
  cpu: NodeJS.CpuUsage;
  mainThread: NodeJS.CpuUsage;
  delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
}

/** As far as possible. */
const liftedLimits: ConfigOverrides['limits'] = {
  sessions: 100_000,
  pendingConnections: 100_000,
  frameBytes: 256 * 1024 ** 2,
  frameFragments: 1_000_000,
  messageTimeoutMs: 3_600_000,
  eventsPerSecond: Number.POSITIVE_INFINITY,
  eventBurst: 1_000_000,
  outputQueueBytes: 1024 ** 3,
  appendBytes: 256 * 1024 ** 2,
  inputBufferMs: 3_600_000,
  silenceMs: 3_600_000,
  undetectedAudioMs: 3_600_000,
  keptAudioMs: 86_400_000,
  totalAudioMs: 3_600_000_000,
  items: 1_000_000,
  itemCharacters: 1024 ** 3,
  responsesPerMinute: Number.POSITIVE_INFINITY,
};

/** The class of timers, also of those that do not keep the process alive. */
const Timeout = setTimeout(() => {}).constructor;

let span: Span | undefined;

process.on('message', (message: ToServer) => {
  if (message.type === 'begin') span = begin(message.eventLoopResolutionMs);
  else if (message.type === 'memory') tell({ type: 'memory', memory: memory() });
  else if (message.type === 'resources') tell({ type: 'resources', resources: resources() });
  else if (span) tell({ type: 'usage', usage: end(span) });
});
process.on('disconnect', () => process.exit());

const [kind = '', key = ''] = process.argv.slice(2);
const { wsUrl } = await start();
tell({ type: 'ready', wsUrl });

async function start(): Promise<{ wsUrl: string }> {
  collectLessOften();
  // Deferred, so that the bare limit has no memory for unused code.
  if (kind === 'bare' || kind === 'bare-silero') {
    const { startBareServer } = await import('./capacity/bare-server.ts');
    return startBareServer({ detects: kind === 'bare-silero' });
  }
  if (kind === 'bare-peer') return (await import('./webrtc/bare-peer.ts')).startBarePeer();
  if (kind === 'aimock') return startAimock();
  const { apiKey, startServer } = await import('../src/server/server.ts');
  const configs: Record<string, ConfigOverrides> = {
    keyed: { apiKeys: [apiKey('bench', key)], limits: { secretsPerMinute: 1_000_000, storeEntries: 10_000_000 } },
    lifted: { limits: liftedLimits },
  };
  const server = await startServer({
    config: { port: 0, logLevel: 'warn', ...configs[kind] },
    ...(kind !== 'embedded' && { engines: await engines() }),
  });
  await server.ready;
  return server;
}

async function engines(): Promise<EngineSet> {
  const { instantEngines } = await import('../dev/harness/instant-engines.ts');
  const instant = instantEngines();
  if (kind !== 'silero') return instant;
  const { Silero } = await import('../src/engines/embedded/silero/silero.ts');
  const voiceActivity = new Silero();
  return { ...instant, engines: { ...instant.engines, voiceActivity }, ready: voiceActivity.ready };
}

/** aimock (https://github.com/CopilotKit/aimock), which answers each turn with a fixed text. */
async function startAimock(): Promise<{ wsUrl: string }> {
  const { LLMock } = await import('@copilotkit/aimock');
  const mock = new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent', chunkSize: 1024 });
  mock.onMessage(/./, { content: 'All right.' });
  await mock.start();
  return { wsUrl: `${mock.url.replace('http', 'ws')}/v1/realtime` };
}

function memory(): ServerMemory {
  return { heldMB: heldBytes() / 1e6, residentMB: process.memoryUsage.rss() / 1e6 };
}

function resources(): ServerResources {
  const count = (kind: typeof Timeout) => queryObjects(kind, { format: 'count' });
  return { ...memory(), sockets: count(Socket), timers: count(Timeout) };
}

function begin(resolution: number | undefined): Span {
  const delay = resolution === undefined ? undefined : monitorEventLoopDelay({ resolution });
  delay?.enable();
  return { startedAt: performance.now(), cpu: process.cpuUsage(), mainThread: process.threadCpuUsage(), delay };
}

function end({ startedAt, cpu, mainThread, delay }: Span): ServerUsage {
  delay?.disable();
  return {
    wallMs: performance.now() - startedAt,
    cpuMs: total(process.cpuUsage(cpu)),
    mainThreadMs: total(process.threadCpuUsage(mainThread)),
    memoryMB: process.memoryUsage.rss() / 1e6,
    ...(delay && {
      eventLoopDelay: {
        n: delay.count,
        medianMs: delay.percentile(50) / 1e6,
        p99Ms: delay.percentile(99) / 1e6,
        maxMs: delay.max / 1e6,
      },
    }),
  };
}

function total({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

function tell(message: FromServer): void {
  process.send?.(message);
}
