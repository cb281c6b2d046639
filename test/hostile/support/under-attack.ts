/**
 * A server with a bystander in conversation. During an attack, each of the bystander's turns must produce every event
 * in order. Afterwards nothing of the attack may remain: no session, socket, timer or memory.
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { heldBytes } from '../../../dev/harness/heap.ts';
import { instantEngines } from '../../../dev/harness/instant-engines.ts';
import { RawConnection, type RawConnectionOptions } from '../../../dev/harness/raw-connection.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { createTokenizer } from '../../../src/engines/tokenizer.ts';
import type { ServerEvent } from '../../../src/protocol/index.ts';
import type { ParleyServer, ServerOptions } from '../../../src/server/server.ts';
import { type FakeEngines, fakeEngines, say, silence, tone } from '../../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../../support/server.ts';
import { type ConnectOptions, WireClient } from '../../support/wire-client.ts';
import { CountedClock } from './counted-clock.ts';

const mebibyte = 1024 ** 2;
/** The memory that any run of code retains: compiled code, caches, pools. */
const toleratedBytes = 4 * mebibyte;
const timeoutMs = 20_000;

/** The events of a spoken turn and its response (docs/protocol.md, R3.4), without the deltas. */
const voiceTurn = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
  'conversation.item.added',
  'conversation.item.done',
  'response.created',
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
  'rate_limits.updated',
];

export interface AttackOptions extends Omit<ServerOptions, 'log' | 'engines'> {
  /** The credentials of the bystander: a key, if the server requires one. */
  bystander?: ConnectOptions;
  /** Part of the state before the attack. */
  prepare?: (server: ParleyServer) => Promise<unknown>;
}

/** Runs an attack; fails if the bystander is affected, or if something of the attack remains. */
export async function underAttack(
  t: TestContext,
  { bystander: connect = {}, prepare, ...options }: AttackOptions,
  attack: (scene: Scene) => Promise<void>,
): Promise<void> {
  const log = new KeptLog();
  const engines = fakeEngines();
  // It takes as long per append as a real engine.
  engines.voiceActivity = instantEngines().engines.voiceActivity;
  engines.languageModel.script = () => say('Yes.');
  const clock = new CountedClock(options.clock ?? systemClock);
  // Servers of a process share the encoding, which is loaded in the background.
  await createTokenizer((error) => assert.fail(String(error))).load();
  const server = await newServer(t, { ...options, clock, engines: fakeEngineSet(engines), log });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`, connect);
  const scene = new Scene(server, log, engines, client);
  await scene.bystanderTurn();
  await startFrameThread(client);
  await prepare?.(server);
  const before = await footprint(clock);

  await attack(scene);

  await scene.leave();
  await scene.bystanderTurn();
  await eventually(() => {
    const open = scene.openSessions;
    return open === 1 ? undefined : `${open} sessions are open, of which one is the bystander's`;
  });
  await eventually(async () => {
    const after = await footprint(clock);
    if (after.timers > before.timers) return `${after.timers} timers are set, ${before.timers} before`;
    if (after.handles > before.handles)
      return `${after.handles} sockets and the like are open, ${before.handles} before`;
    const grownBytes = after.bytes - before.bytes;
    return grownBytes < toleratedBytes ? undefined : `${Math.round(grownBytes / 1024)} KiB more are held than before`;
  });
  const faults = log.entries.filter(({ level }) => level === 'error');
  assert.deepEqual(faults, [], 'the log tells of no fault');
}

export class Scene {
  readonly server: ParleyServer;
  readonly log: KeptLog;
  readonly engines: FakeEngines;
  readonly wsUrl: string;
  readonly #bystander: WireClient;
  readonly #clients: WireClient[] = [];
  readonly #connections: RawConnection[] = [];

  constructor(server: ParleyServer, log: KeptLog, engines: FakeEngines, bystander: WireClient) {
    this.server = server;
    this.log = log;
    this.engines = engines;
    this.wsUrl = `${server.wsUrl}?model=gpt-realtime`;
    this.#bystander = bystander;
  }

  /** Number of open sessions. */
  get openSessions(): number {
    const count = (event: string) => this.log.entries.filter((entry) => entry.event === event).length;
    return count('session_opened') - count('session_closed');
  }

  /** A hostile client with a session; closed at the end of the attack. */
  async client(options: ConnectOptions = {}): Promise<WireClient> {
    const client = await WireClient.open(this.wsUrl, options);
    this.#clients.push(client);
    return client;
  }

  /** A hostile TCP connection; closed at the end of the attack. */
  connection(options: Omit<RawConnectionOptions, 'port'> = {}): RawConnection {
    const connection = new RawConnection({ port: this.server.port, ...options });
    this.#connections.push(connection);
    return connection;
  }

  /** A hostile WebSocket whose frames are written by hand. */
  async webSocket(
    options: Omit<RawConnectionOptions, 'port'> & { headers?: readonly string[] } = {},
  ): Promise<RawConnection> {
    const { headers = [], ...rest } = options;
    const connection = this.connection(rest);
    connection.write(upgradeRequest(headers));
    const { status } = await connection.head;
    assert.equal(status, 101);
    return connection;
  }

  /** The bystander speaks and gets a response, with all events in order and no others. */
  async bystanderTurn(): Promise<void> {
    const chunk = 2400;
    const samples = Int16Array.of(...tone(400, 24_000), ...silence(700, 24_000));
    for (let at = 0; at < samples.length; at += chunk) {
      const audio = Buffer.from(samples.slice(at, at + chunk).buffer).toString('base64');
      this.#bystander.send({ type: 'input_audio_buffer.append', audio });
    }
    const types: string[] = [];
    let event: ServerEvent;
    do {
      event = await this.#bystander.next();
      types.push(event.type);
    } while (event.type !== 'rate_limits.updated');
    assert.deepEqual(
      types.filter((type) => !type.endsWith('.delta')),
      voiceTurn,
    );
    assert.ok(types.includes('response.output_audio.delta'));
    assert.equal(this.#bystander.waiting, 0);
  }

  /** Repeats waves of the attack for the duration of one turn of the bystander. */
  async waves(wave: () => Promise<void>): Promise<void> {
    let over = false;
    const turn = this.bystanderTurn().finally(() => {
      over = true;
    });
    do await wave();
    while (!over);
    await turn;
  }

  /** Closes the connections of the attack. */
  async leave(): Promise<void> {
    for (const { socket } of this.#clients) socket.terminate();
    for (const { socket } of this.#connections) socket.destroy();
    await Promise.all([...this.#clients, ...this.#connections].map(({ closed }) => closed));
    this.#clients.length = 0;
    this.#connections.length = 0;
  }
}

/** The thread that parses large messages is part of the state before an attack. */
async function startFrameThread(client: WireClient): Promise<void> {
  client.send({ type: 'nope', values: Array.from({ length: 2500 }, () => null) });
  await client.until('error');
}

/** An upgrade request with additional headers. */
export function upgradeRequest(headers: readonly string[] = [], target = '/v1/realtime?model=gpt-realtime'): string {
  return [
    `GET ${target} HTTP/1.1`,
    ...(headers.some((line) => line.startsWith('Host:')) ? [] : ['Host: localhost']),
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** Waits until `problem` returns nothing. Resources are freed after a delay that no event reports. */
export async function eventually(problem: () => string | undefined | Promise<string | undefined>): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const found = await problem();
    if (found === undefined) return;
    assert.ok(performance.now() < until, found);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function footprint(clock: CountedClock): Promise<{ bytes: number; handles: number; timers: number }> {
  // Objects that were closed in this turn of the event loop are freed in the next.
  await new Promise<void>((resolve) => setImmediate(resolve));
  return { bytes: heldBytes(), handles: process.getActiveResourcesInfo().length, timers: clock.pending };
}
