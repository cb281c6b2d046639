/** Clients that come as fast as they are let in, in a process of their own. It is run by `RateClient`. */

import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';

export type RateJob =
  /** Connects, waits for the first event, and leaves. */
  | { type: 'connect'; wsUrl: string; count: number; atOnce: number }
  /** Mints client secrets over connections that are kept. */
  | { type: 'mint'; url: string; key: string; count: number; atOnce: number }
  /** Connects and stays. */
  | { type: 'hold'; wsUrl: string; count: number; atOnce: number }
  /** Streams appends of 20 ms over sessions of its own, as fast as they are taken, and leaves. */
  | { type: 'append'; wsUrl: string; sessions: number; appends: number };

export type FromRateClient = { type: 'streaming' } | { type: 'done'; ms: number } | { type: 'failed'; reason: string };

const held: WebSocket[] = [];
const frame = JSON.stringify({
  type: 'input_audio_buffer.append',
  audio: Buffer.alloc((2 * 24_000 * 20) / 1000).toString('base64'),
});
const update = JSON.stringify({
  type: 'session.update',
  session: { type: 'realtime', audio: { input: { turn_detection: null } } },
});

process.on('message', (job: RateJob) => {
  run(job).then(
    (ms) => tell({ type: 'done', ms }),
    (error: unknown) => tell({ type: 'failed', reason: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

async function run(job: RateJob): Promise<number> {
  if (job.type === 'append') return append(job);
  const agent = new Agent({ keepAlive: true, maxSockets: job.atOnce });
  const startedAt = performance.now();
  let left = job.count;
  const lane = async () => {
    while (left-- > 0) {
      if (job.type === 'mint') await mint(job, agent);
      else {
        const socket = await open(job.wsUrl);
        if (job.type === 'hold') held.push(socket);
        else socket.terminate();
      }
    }
  };
  await Promise.all(Array.from({ length: job.atOnce }, lane));
  agent.destroy();
  return performance.now() - startedAt;
}

async function append({ wsUrl, sessions, appends }: Extract<RateJob, { type: 'append' }>): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: sessions }, () => open(wsUrl)));
  for (const socket of sockets) socket.send(update);
  await Promise.all(sockets.map((socket) => next(socket, 'session.updated')));
  tell({ type: 'streaming' });
  const startedAt = performance.now();
  for (let sent = 0; sent < appends; sent++) for (const socket of sockets) socket.send(frame);
  for (const socket of sockets) socket.send('{"type":"input_audio_buffer.clear"}');
  await Promise.all(sockets.map((socket) => next(socket, 'input_audio_buffer.cleared')));
  const ms = performance.now() - startedAt;
  for (const socket of sockets) socket.terminate();
  return ms;
}

function open(wsUrl: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${wsUrl}?model=gpt-realtime`, { perMessageDeflate: false });
    socket.once('error', reject);
    socket.once('message', () => resolve(socket));
  });
}

function next(socket: WebSocket, type: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error(`the connection ended before ${type}`)));
    socket.on('message', (data) => {
      if (data.toString().includes(`"${type}"`)) resolve();
    });
  });
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

function tell(message: FromRateClient): void {
  process.send?.(message);
}
