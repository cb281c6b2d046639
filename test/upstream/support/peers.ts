/** Clients of a relayed session without sockets, so that several can be attached to it. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  betaDialect,
  ClientEventError,
  type Dialect,
  gaDialect,
  type OutgoingEvent,
  randomId,
} from '../../../src/protocol/index.ts';
import { logSession } from '../../../src/server/session-log.ts';
import { Observers } from '../../../src/session/observing/observers.ts';
import type { Meter } from '../../../src/session/ports/meter.ts';
import type { SessionObserver } from '../../../src/session/ports/observer.ts';
import type { CloseReason, Peer } from '../../../src/session/ports/peer.ts';
import type { Playback } from '../../../src/session/ports/playback.ts';
import { defaultSessionSettings, noMeter, type SessionGrant } from '../../../src/session/settings.ts';
import { base64Audio } from '../../../src/transport/base64-audio.ts';
import { defaultUpstreamLimits, type UpstreamLimits } from '../../../src/upstream/link/limits.ts';
import { RelayedSession } from '../../../src/upstream/relay/relayed-session.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { frameCheck } from '../../support/frame-check.ts';
import { KeptLog } from '../../support/server.ts';
import { FakeUpstream, type UpstreamSide } from './fake-upstream.ts';

export type Json = Record<string, unknown> & { type: string };

export interface PeerOptions {
  dialect?: Dialect;
  /** False for events that are not part of the official document. */
  checked?: boolean;
  /** For a peer that carries audio itself. */
  playback?: Playback;
  sideband?: boolean;
}

export class AttachedPeer implements Peer {
  readonly id = 'peer';
  readonly codec = base64Audio;
  readonly playback: Playback | undefined;
  readonly sideband: boolean;
  readonly events: Json[] = [];
  closed: CloseReason | undefined;
  readonly #session: RelayedSession;
  readonly #dialect: Dialect;
  readonly #check: (frame: string) => void;
  #wake: () => void = () => {};

  constructor(
    session: RelayedSession,
    { dialect = gaDialect, checked = true, playback, sideband = false }: PeerOptions = {},
  ) {
    this.playback = playback;
    this.sideband = sideband;
    this.#session = session;
    this.#dialect = dialect;
    this.#check = checked ? frameCheck(dialect.name) : () => {};
    session.attach(this);
  }

  send(event: OutgoingEvent): void {
    assert.equal(this.closed, undefined, 'nothing is sent after the close');
    const frame = this.#dialect.serialise(event);
    if (frame === undefined) return;
    this.#check(frame);
    this.events.push(JSON.parse(frame) as Json);
    this.#wake();
  }

  close(reason: CloseReason): void {
    this.closed = reason;
    this.#wake();
  }

  /** Sends one event. */
  post(event: object): void {
    void this.say(event);
  }

  /** Sends one event; returns a promise if this client should wait. */
  say(event: object): void | Promise<void> {
    try {
      return this.#session.receive(this.#dialect.parse(JSON.stringify(event)), this);
    } catch (error) {
      if (!(error instanceof ClientEventError)) throw error;
      this.#session.refuse(error.wireError, error.clientEventId, this);
    }
  }

  /** The first event of a type from a position on, when it arrives. */
  async next(type: string, from = 0): Promise<Json> {
    for (;;) {
      const found = this.events.slice(from).find((event) => event.type === type);
      if (found) return found;
      await this.#change();
    }
  }

  async closing(): Promise<CloseReason> {
    while (this.closed === undefined) await this.#change();
    return this.closed;
  }

  types(from = 0): string[] {
    return this.events.slice(from).map(({ type }) => type);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export const beta: PeerOptions = { dialect: betaDialect };

export interface Relayed {
  upstream: FakeUpstream;
  side: UpstreamSide;
  session: RelayedSession;
  clock: FakeClock;
  log: KeptLog;
  client: AttachedPeer;
}

export interface RelayedOptions extends PeerOptions {
  type?: 'realtime' | 'transcription';
  limits?: Partial<UpstreamLimits>;
  grant?: SessionGrant;
  meter?: Partial<Meter>;
  observers?: readonly SessionObserver[];
  sessionMinutes?: number;
  responsesPerMinute?: number;
  graceMs?: number;
  keptAudioMs?: number;
}

/** A relayed session that is still connecting, with its first client. */
export async function openingSession(t: TestContext, options: RelayedOptions = {}): Promise<Relayed> {
  const { limits, meter, observers = [], grant, type = 'realtime', ...others } = options;
  const { sessionMinutes = 60, responsesPerMinute = 600, graceMs = 0, keptAudioMs = 600_000, ...peer } = others;
  const upstream = await FakeUpstream.start(t);
  const clock = new FakeClock();
  const log = new KeptLog();
  const session = new RelayedSession({
    type,
    model: type === 'realtime' ? 'gpt-realtime' : '',
    target: {
      name: 'fake',
      url: upstream.url,
      key: 'sk-secret-0123456789',
      keyHeader: 'authorization',
      transcription: true,
    },
    limits: { ...defaultUpstreamLimits, ...limits },
    clock,
    graceMs,
    ids: randomId,
    settings: {
      ...defaultSessionSettings,
      sessionMinutes,
      limits: { ...defaultSessionSettings.limits, responsesPerMinute, keptAudioMs },
    },
    log,
    observers: new Observers({ clock, observers: [logSession(log), ...observers], relayed: true }),
    ...(grant && { grant }),
    meter: { ...noMeter, ...meter },
  });
  t.after(() => session.close({ code: 1001, reason: 'the test is over' }));
  const client = new AttachedPeer(session, peer);
  return { upstream, side: await upstream.connection(), session, clock, log, client };
}

/** A relayed session whose upstream is connected. */
export async function liveSession(t: TestContext, options: RelayedOptions = {}): Promise<Relayed> {
  const relayed = await openingSession(t, options);
  relayed.side.create();
  await relayed.client.next('session.created');
  return relayed;
}
