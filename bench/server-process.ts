/**
 * A server in a separate process that measures itself: `embedded`, `instant`, `keyed` and `lifted` are Parley, `bare`
 * is the bare limit. `MeasuredServer` starts it, with the kind and the key of `keyed` as arguments. `--compare` also
 * runs this file of older commits, so its path, kinds and messages must not change.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { WebSocketServer } from 'ws';
import { heldBytes } from '../dev/harness/heap.ts';
import type { ConfigOverrides } from '../src/server/server.ts';

/** `keyed` requires a key, without a limit on client secrets; `lifted` has practically no limits. */
export type ServerKind = 'embedded' | 'instant' | 'keyed' | 'lifted' | 'bare';

export type ToServer =
  | { type: 'begin'; eventLoopResolutionMs: number | undefined }
  | { type: 'end' }
  | { type: 'memory' };
export type FromServer =
  | { type: 'ready'; wsUrl: string }
  | { type: 'usage'; usage: ServerUsage }
  | { type: 'memory'; memory: ServerMemory };

/** Memory in use after a garbage collection. */
export interface ServerMemory {
  heldMB: number;
  residentMB: number;
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

let span: Span | undefined;

process.on('message', (message: ToServer) => {
  if (message.type === 'begin') span = begin(message.eventLoopResolutionMs);
  else if (message.type === 'memory') tell({ type: 'memory', memory: memory() });
  else if (span) tell({ type: 'usage', usage: end(span) });
});
process.on('disconnect', () => process.exit());

const [kind = '', key = ''] = process.argv.slice(2);
const { wsUrl } = await start();
tell({ type: 'ready', wsUrl });

async function start(): Promise<{ wsUrl: string }> {
  if (kind === 'bare') return startBareServer();
  // Deferred, so that the bare limit has no memory for unused code.
  const { apiKey, startServer } = await import('../src/server/server.ts');
  const { instantEngines } = await import('../dev/harness/instant-engines.ts');
  const configs: Record<string, ConfigOverrides> = {
    keyed: { apiKeys: [apiKey('bench', key)], limits: { secretsPerMinute: 1_000_000, storeEntries: 10_000_000 } },
    lifted: { limits: liftedLimits },
  };
  const server = await startServer({
    config: { port: 0, logLevel: 'warn', ...configs[kind] },
    ...(kind !== 'embedded' && { engines: instantEngines() }),
  });
  await server.ready;
  return server;
}

/** The bare limit: a WebSocket server that parses and decodes the same appends, and does nothing else. */
async function startBareServer(): Promise<{ wsUrl: string }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const event: unknown = JSON.parse(data.toString());
      if (typeof event !== 'object' || event === null) return;
      if ('audio' in event && typeof event.audio === 'string') Buffer.from(event.audio, 'base64');
      else socket.send('{"type":"session.updated"}');
    });
    socket.send('{"type":"session.created"}');
  });
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return { wsUrl: `ws://127.0.0.1:${port}/v1/realtime` };
}

function memory(): ServerMemory {
  return { heldMB: heldBytes() / 1e6, residentMB: process.memoryUsage.rss() / 1e6 };
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
