/**
 * The clients of a benchmark, in a separate process so that they do not delay the server's event loop: callers that
 * stream in real time, or clients that work at full speed. Started by `Load` and `RateClients`.
 */

import { Agent, request } from 'node:http';
import { createHistogram, performance } from 'node:perf_hooks';
import { RealtimeClient } from '../src/cli/realtime-client.ts';
import { Caller, type TurnTimes } from './caller.ts';
import { appendEvent, quietRoom, recordingOf, wireRateHz } from './recording.ts';

export interface LoadJob {
  wsUrl: string;
  sessions: number;
  chunkMs: number;
  /** Seconds of audio that are sent in a second (default 1). */
  speed?: number;
  detection: 'server_vad' | 'none';
  /** Silence that ends a turn, if not the default. */
  silenceMs?: number;
  /** At 24 kHz. Empty: silence is streamed. */
  questions: readonly Int16Array[];
  pauseMs: number;
  /** The first questions of the callers are spread over this time. */
  spreadMs: number;
  /** Whether answers are played to their end; otherwise they are cancelled once audible. */
  listen: boolean;
}

export type RateJob =
  /** Connects, waits for the first event, and disconnects. */
  | { type: 'connect'; wsUrl: string; count: number; atOnce: number }
  /** Creates client secrets over keep-alive connections. */
  | { type: 'mint'; url: string; key: string; count: number; atOnce: number }
  /** Connects and stays connected. */
  | { type: 'hold'; wsUrl: string; count: number; atOnce: number }
  /** Opens sessions, streams appends of 20 ms at full speed, and disconnects. */
  | { type: 'append'; wsUrl: string; sessions: number; appends: number }
  /** Opens sessions that each take turns of text, one after the other, and disconnects. */
  | { type: 'text'; wsUrl: string; sessions: number; turns: number };

export type ToClient = { type: 'load'; job: LoadJob } | { type: 'begin' } | { type: 'stop' } | RateJob;
export type FromClient =
  | { type: 'streaming' }
  | { type: 'turn'; times: TurnTimes }
  | { type: 'problem'; reason: string; fatal: boolean }
  | { type: 'stopped'; lateP99Ms: number }
  | { type: 'done'; ms: number };

const tickMs = 2;
const openAtOnce = 20;

const callers: Caller[] = [];
const lateMicroseconds = createHistogram();
const held: RealtimeClient[] = [];

process.on('message', (message: ToClient) => {
  if (message.type === 'begin') lateMicroseconds.reset();
  else if (message.type === 'stop') stop();
  else run(message).catch((error: unknown) => report(String(error), true));
});
process.on('disconnect', () => process.exit());

async function run(message: Exclude<ToClient, { type: 'begin' | 'stop' }>): Promise<void> {
  if (message.type === 'load') return startCallers(message.job);
  if (message.type === 'append') send({ type: 'done', ms: await append(message) });
  else if (message.type === 'text') send({ type: 'done', ms: await takeTextTurns(message) });
  else send({ type: 'done', ms: await visit(message) });
}

async function startCallers(job: LoadJob): Promise<void> {
  const { sessions, chunkMs, questions, spreadMs, ...shared } = job;
  const quiet = quietRoom(chunkMs);
  const recordings = questions.map((samples) => recordingOf(samples, chunkMs));
  for (let index = 0; index < sessions; index++) {
    callers.push(
      new Caller({
        ...shared,
        chunkMs,
        speed: shared.speed ?? 1,
        quiet,
        questions: recordings,
        firstQuestion: index,
        firstPauseMs: 500 + (index * spreadMs) / sessions,
        onTurn: (times) => send({ type: 'turn', times }),
        onProblem: report,
      }),
    );
  }
  for (let at = 0; at < callers.length; at += openAtOnce) {
    await Promise.all(callers.slice(at, at + openAtOnce).map((caller) => caller.open()));
  }
  const now = performance.now();
  // Spread over one chunk: independent callers do not send at the same instant.
  for (const [index, caller] of callers.entries()) caller.begin(now + (index * chunkMs) / sessions);
  setInterval(tick, tickMs);
  send({ type: 'streaming' });
}

function tick(): void {
  for (const caller of callers) {
    const lateMs = caller.tick(performance.now());
    if (lateMs !== undefined) lateMicroseconds.record(Math.max(1, Math.round(lateMs * 1000)));
  }
}

function stop(): void {
  send({ type: 'stopped', lateP99Ms: lateMicroseconds.percentile(99) / 1000 });
  for (const caller of callers) caller.close();
}

/** Milliseconds for `count` visits, `atOnce` of them concurrent. */
async function visit(job: Exclude<RateJob, { type: 'append' | 'text' }>): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: job.atOnce });
  const startedAt = performance.now();
  let left = job.count;
  const lane = async () => {
    while (left-- > 0) {
      if (job.type === 'mint') await mint(job, agent);
      else {
        const client = await open(job.wsUrl);
        if (job.type === 'hold') held.push(client);
        else client.socket.terminate();
      }
    }
  };
  await Promise.all(Array.from({ length: job.atOnce }, lane));
  agent.destroy();
  return performance.now() - startedAt;
}

async function append({ wsUrl, sessions, appends }: Extract<RateJob, { type: 'append' }>): Promise<number> {
  const frame = appendEvent(new Int16Array((wireRateHz * 20) / 1000));
  const clients = await Promise.all(Array.from({ length: sessions }, () => open(wsUrl)));
  const audio = { input: { turn_detection: null } };
  for (const client of clients) client.send({ type: 'session.update', session: { type: 'realtime', audio } });
  await Promise.all(clients.map((client) => client.until('session.updated')));
  send({ type: 'streaming' });
  const startedAt = performance.now();
  for (let sent = 0; sent < appends; sent++) for (const { socket } of clients) socket.send(frame);
  for (const client of clients) client.send({ type: 'input_audio_buffer.clear' });
  await Promise.all(clients.map((client) => client.until('input_audio_buffer.cleared')));
  const ms = performance.now() - startedAt;
  for (const { socket } of clients) socket.terminate();
  return ms;
}

async function takeTextTurns({ wsUrl, sessions, turns }: Extract<RateJob, { type: 'text' }>): Promise<number> {
  const clients = await Promise.all(Array.from({ length: sessions }, () => open(wsUrl)));
  send({ type: 'streaming' });
  const startedAt = performance.now();
  const content = [{ type: 'input_text', text: 'Hello.' }];
  const converse = async (client: RealtimeClient) => {
    for (let turn = 0; turn < turns; turn++) {
      client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      client.send({ type: 'response.create', response: { output_modalities: ['text'] } });
      await client.until('response.done');
    }
  };
  await Promise.all(clients.map(converse));
  const ms = performance.now() - startedAt;
  for (const { socket } of clients) socket.terminate();
  return ms;
}

async function open(wsUrl: string): Promise<RealtimeClient> {
  const client = new RealtimeClient(`${wsUrl}?model=gpt-realtime`, { perMessageDeflate: false });
  await client.next();
  return client;
}

function mint({ url, key }: Extract<RateJob, { type: 'mint' }>, agent: Agent): Promise<void> {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Length': 0 };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/realtime/client_secrets`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`minting was answered with ${response.statusCode}`)),
      );
    });
    sent.on('error', reject).end();
  });
}

function report(reason: string, fatal: boolean): void {
  send({ type: 'problem', reason, fatal });
}

function send(message: FromClient): void {
  process.send?.(message);
}
