import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Clock } from '../../core/clock.ts';
import { responseFailures } from '../../protocol/errors/response-failures.ts';
import { errorEvent, WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ClientEvent, ClientEventOf } from '../../protocol/wire/client-events.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { SessionType } from '../../protocol/wire/session-config.ts';
import { Drain } from '../../session/limits/drain.ts';
import { Lifetime } from '../../session/limits/lifetime.ts';
import { PeerGrace } from '../../session/limits/peer-grace.ts';
import { Observers } from '../../session/observing/observers.ts';
import type { Watcher } from '../../session/observing/watchers.ts';
import type { ExpectedTokens, Meter, Reservation } from '../../session/ports/meter.ts';
import type { CloseReason, Peer } from '../../session/ports/peer.ts';
import type { Session, SessionDescription } from '../../session/session.ts';
import { noMeter, type SessionGrant, type SessionSettings } from '../../session/settings.ts';
import type { HeavyMessageReader } from '../link/connection.ts';
import type { UpstreamEvent } from '../link/json.ts';
import type { UpstreamLimits } from '../link/limits.ts';
import type { UpstreamTarget } from '../link/target.ts';
import { type OpenedUpstream, ownEventId } from '../link/upstream-handshake.ts';
import { UpstreamState } from '../mirror/upstream-state.ts';
import { ClientQueue, type QueuedAudio, type QueuedEvent, type QueuedFrame } from './client-queue.ts';
import { tooManyRefused } from './ending.ts';
import { EventIds } from './event-ids.ts';
import { InputEstimate } from './input-estimate.ts';
import { type Outgoing, outgoingEvent, upstreamSession } from './outgoing.ts';
import { RelayObservations } from './relay-observations.ts';
import type { OwnEvent } from './relayed-audios.ts';
import { RelayedLocks } from './relayed-locks.ts';
import { RelayedPeers } from './relayed-peers.ts';
import { UpstreamLink } from './upstream-link.ts';
import type { UpstreamLog } from './upstream-log.ts';
import { UsageGuard } from './usage-guard.ts';

export interface RelayedSessionOptions {
  id?: string;
  type?: SessionType;
  /** The client's name for it; empty for a transcription session. */
  model: string;
  target: UpstreamTarget;
  /** How long the session continues after its last peer has left, in milliseconds; by default it ends immediately. */
  graceMs?: number;
  readHeavy?: HeavyMessageReader | undefined;
  limits: UpstreamLimits;
  clock: Clock;
  ids: IdSource;
  settings: SessionSettings;
  log: UpstreamLog;
  observers?: Observers;
  grant?: SessionGrant;
  meter?: Meter;
}

/** `opening`: the first connection is being established. `restoring`: it was lost, and is being replaced. */
type Phase = 'opening' | 'live' | 'restoring' | 'ended';

/**
 * A session on another Realtime endpoint. Its clients' events are sent to the upstream as GA events, the upstream's
 * events to all peers, errors only to the peer that caused them; docs/upstream.md describes the loss of an upstream.
 */
export class RelayedSession implements Session {
  readonly id: string;
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #options: RelayedSessionOptions;
  readonly #type: SessionType;
  readonly #locks: RelayedLocks;
  readonly #usageGuard: UsageGuard;
  readonly #observations: RelayObservations;
  readonly #expected = new InputEstimate();
  readonly #lifetime: Lifetime;
  readonly #grace: PeerGrace;
  readonly #lifeSeconds: number;
  readonly #endsAt: number;
  readonly #queue: ClientQueue;
  readonly #peers: RelayedPeers;
  readonly #link: UpstreamLink;
  readonly #drain = new Drain();
  /** A response to a turn that was pending when the drain began. */
  #answerOwed = false;
  #phase: Phase = 'opening';
  /** Undefined until the upstream has opened the session. */
  #relay: UpstreamState | undefined;
  readonly #eventIds = new EventIds();
  #sequence = 0;
  /** A response waits for admission, or audio for a resampler; later events wait too. */
  #blocked = false;

  constructor(options: RelayedSessionOptions) {
    const { type = 'realtime', grant = {}, meter = noMeter, clock, settings, limits } = options;
    this.#options = options;
    this.id = options.id ?? options.ids('sess');
    this.ended = this.#ended.promise;
    this.#type = type;
    this.#locks = new RelayedLocks(grant.locked ?? [], type);
    this.#observations = new RelayObservations(options.observers ?? new Observers({ clock }), clock);
    this.#usageGuard = new UsageGuard({ meter, clock, limits: settings.limits, observations: this.#observations });
    this.#queue = new ClientQueue(limits.upstreamQueueBytes);
    this.#lifeSeconds = Math.min(settings.sessionMinutes * 60, grant.maxSeconds ?? Number.POSITIVE_INFINITY);
    this.#endsAt = Math.floor(clock.epochMs() / 1000 + this.#lifeSeconds);
    this.#grace = new PeerGrace(clock, options.graceMs ?? 0, () => this.#end());
    const life = { lifeMs: this.#lifeSeconds * 1000, idleMs: settings.idleMinutes * 60_000 };
    this.#lifetime = new Lifetime(clock, life, {
      expired: () => this.#endWith(wireErrors.sessionExpired(this.#lifeSeconds)),
      idle: () => this.#endWith(wireErrors.sessionIdle(settings.idleMinutes * 60)),
      busyUntil: () => (this.#relay?.running ? Number.POSITIVE_INFINITY : this.#peers.audio.endsAt),
    });
    const odd = (problem: string) => this.#link.reportOddity(problem);
    this.#peers = new RelayedPeers(options.ids, { limitMs: settings.limits.keptAudioMs, odd });
    this.#link = new UpstreamLink(
      { ...options, kind: { type, model: options.model } },
      { update: grant.initial && upstreamSession(grant.initial).session },
      {
        opened: (upstream) => this.#opened(upstream),
        event: (event) => this.#take(event),
        lost: () => this.#lost(),
        setup: () => this.#requireState().setup(),
        expired: () => this.#relay?.expired ?? false,
        closed: (reason) => this.close(reason),
        unavailable: (error) => this.#endWith(error),
      },
    );
  }

  describe(): SessionDescription {
    const { model } = this.#options;
    return { id: this.id, type: this.#type, model, expiresAt: this.#endsAt, peers: this.#peers.count };
  }

  // ---- Peers ----

  attach(peer: Peer): void {
    this.#grace.stop();
    this.#peers.add(peer);
    if (!this.#relay || peer.sideband) return;
    peer.send(this.#relay.session.event('session.created', this.#options.ids('event')));
  }

  detach(peer: Peer): void {
    if (this.#peers.numberOf(peer) === undefined) return;
    this.#peers.remove(peer);
    if (this.#peers.count === 0) this.#grace.start();
  }

  watch(watcher: Watcher): () => void {
    return this.#peers.watchers.add(watcher);
  }

  receive(event: ClientEvent, from: Peer): void | Promise<void> {
    const number = this.#peers.numberOf(from);
    if (number !== undefined) return this.#enqueue({ from, sent: this.#outgoing(event, number) });
  }

  write({ samples, sampleRateHz }: AudioClip, from: Peer): void | Promise<void> {
    if (this.#peers.numberOf(from) === undefined) return;
    return this.#enqueue({ from, audio: { samples: samples.slice(), sampleRateHz } });
  }

  /** Peers are removed at the end of the session, after which nothing is queued. */
  #enqueue(frame: QueuedFrame): void | Promise<void> {
    this.#lifetime.touched();
    this.#queue.push(frame);
    this.#work();
    const { connection } = this.#link;
    if (this.#queue.full) return this.#queue.room();
    if (connection?.congested) return connection.drained();
  }

  refuse(refusal: WireError, clientEventId: string | null, to: Peer): void {
    if (this.#peers.numberOf(to) === undefined) return;
    if (this.#queue.overflowing) {
      to.close(tooManyRefused);
      queueMicrotask(() => this.detach(to));
      return;
    }
    this.#queue.push({ from: to, refusal, clientEventId });
    this.#work();
  }

  drain(): Promise<void> {
    if (!this.#drain.begun) this.#answerOwed = this.#relay?.owesAnswer ?? false;
    return this.#drain.begin({
      inputHandled: async () => {},
      transcribed: async () => {},
      busy: () => this.#blocked || (this.#relay?.busy ?? false),
      drained: () => {},
    });
  }

  close(reason: CloseReason): void {
    const peers = this.#peers.all;
    this.#end();
    for (const peer of peers) peer.close(reason);
  }

  // ---- To the upstream ----

  /** Processes the queue in order, as far as currently possible. */
  #work(): void {
    while (this.#phase === 'live' && !this.#blocked) {
      const next = this.#queue.take();
      if (!next) return;
      this.#handle(next);
    }
  }

  #handle(next: QueuedFrame): void {
    if ('refusal' in next) return this.#peers.sendTo(next.from, errorEvent(next.refusal, next.clientEventId));
    if ('audio' in next) return this.#append(next);
    const { event } = next.sent;
    try {
      if (event.type === 'session.update') this.#locks.refuseUpdate(this.#requireState().session, event.session);
      if (event.type === 'response.create') return this.#admit(next, event);
      if (event.type === 'output_audio_buffer.clear') return this.#sendOwn(this.#peers.audio.clear());
      this.#observations.sent(event, next.from.codec, this.#requireState().inputFormat);
      this.#send(next.sent);
    } catch (error) {
      this.#refuse(next, error);
    }
  }

  #outgoing(event: ClientEvent, peer: number): Outgoing {
    const sequence = ++this.#sequence;
    const eventId = this.#eventIds.encode({ peer, sequence, clientEventId: event.event_id ?? null });
    return outgoingEvent(event, { eventId, sequence, ids: this.#options.ids });
  }

  /** A response is requested only if the quota admits it; later events wait, to preserve the order. */
  #admit(next: QueuedEvent, event: Extract<ClientEvent, { type: 'response.create' }>): void {
    if (this.#drain.begun) throw wireErrors.shuttingDown();
    this.#usageGuard.requireQuota();
    this.#locks.refuseResponse(this.#requireState().session, event.response ?? {});
    this.#blocked = true;
    void this.#usageGuard.admit(this.#expectedTokens(event)).then(({ refusal, reservation }) => {
      this.#blocked = false;
      if (this.#phase !== 'live' || this.#drain.begun) reservation?.settle(0);
      if (this.#phase === 'ended') return;
      if (this.#phase !== 'live') this.#queue.putBack(next);
      else if (this.#drain.begun) this.#refuse(next, wireErrors.shuttingDown());
      else if (refusal) this.#refuse(next, refusal);
      else this.#ask(next.sent, reservation);
      this.#drain.check();
      this.#work();
    });
  }

  /** Audio is encoded in the input format that applies after all preceding events. */
  #append({ audio, from }: QueuedAudio): void {
    const format = this.#requireState().inputFormat;
    const encoded = this.#peers.audio.encode(audio, from, format);
    const send = (text: string) => {
      const number = this.#peers.numberOf(from);
      if (number === undefined || text === '') return;
      const event = { type: 'input_audio_buffer.append' as const, audio: text };
      this.#observations.sent(event, from.codec, format);
      this.#send(this.#outgoing(event, number));
    };
    if (typeof encoded === 'string') return send(encoded);
    this.#blocked = true;
    void encoded
      .then(send, (error: unknown) => this.#fail(error, { from, what: 'taking audio', eventId: null }))
      .finally(() => {
        this.#blocked = false;
        this.#work();
      });
  }

  /** Counted now rather than when the upstream answers, because otherwise any number could be requested until then. */
  #ask(sent: Outgoing, reservation: Reservation | undefined): void {
    this.#usageGuard.responseRequested(sent.sequence, reservation);
    this.#send(sent);
  }

  #expectedTokens(event?: ClientEventOf<'response.create'>): ExpectedTokens {
    const output = event?.response?.max_output_tokens ?? this.#requireState().config.max_output_tokens;
    return { input: this.#expected.estimate(event), output };
  }

  #send(sent: Outgoing): void {
    const answer = this.#relay?.answer(sent);
    if (answer) return this.#peers.emit(answer);
    this.#relay?.sent(sent);
    this.#expected.sent(sent.event);
    this.#link.connection?.send(sent.frame);
  }

  #refuse({ from, sent }: QueuedEvent, error: unknown): void {
    const { type, event_id = null } = sent.event;
    this.#fail(error, { from, what: `handling '${type}'`, eventId: event_id });
  }

  #fail(error: unknown, { from, what, eventId }: { from: Peer; what: string; eventId: string | null }): void {
    if (!(error instanceof WireError)) this.#observations.fault(error);
    const failure = error instanceof WireError ? error : wireErrors.internal(what);
    this.#peers.sendTo(from, errorEvent(failure, eventId));
  }

  // ---- From the upstream ----

  #opened(upstream: OpenedUpstream): void {
    if (this.#relay) this.#resume(this.#relay, upstream);
    else this.#begin(upstream);
    this.#work();
  }

  #begin({ session }: OpenedUpstream): void {
    const { settings, ids, grant } = this.#options;
    const initial = grant?.initial && upstreamSession(grant.initial);
    this.#relay = new UpstreamState({
      initial: initial?.session,
      lockedFields: this.#locks.fields,
      ...{ session, type: this.#type, endsAt: this.#endsAt, limits: settings.limits, ids, eventIds: this.#eventIds },
      rateLimits: () => this.#usageGuard.rateLimits(),
      odd: (problem) => this.#link.reportOddity(problem),
    });
    this.#relay.session.temperature = initial?.temperature;
    this.#phase = 'live';
    this.#peers.deliverOpening(this.#relay.session.event('session.created', ids('event')));
  }

  #resume(relay: UpstreamState, upstream: OpenedUpstream): void {
    const { deleted, again } = relay.resume(upstream);
    this.#phase = 'live';
    for (const event of deleted) this.#peers.emit(event);
    this.#peers.deliver(relay.session.event('session.updated', this.#options.ids('event')));
    for (const sent of again) this.#send(sent);
  }

  #take(event: UpstreamEvent): void {
    const delivery = this.#relay?.take(event);
    if (!delivery) return;
    const { answers, event: delivered, to } = delivery;
    const { known } = delivered;
    this.#sendOwn(this.#peers.deliverRelayed(delivered, to, this.#requireState()));
    if (known) for (const each of [this.#usageGuard, this.#expected, this.#observations]) each.received(known);
    if (known?.type === 'response.created') this.#begun(known.response.id, answers);
    else if (delivered.relayed.type === 'error' && answers !== undefined) this.#usageGuard.requestRefused(answers);
    if (known?.type === 'response.done') this.#lifetime.touched();
    this.#drain.check();
  }

  /** The upstream answers turns by itself; a response that the quota does not admit is cancelled. */
  #begun(response_id: string, asked: number | undefined): void {
    if (asked !== undefined) return this.#usageGuard.responseBegun(response_id, asked);
    const cancel = (error: WireError) => {
      if (this.#phase !== 'live') return;
      this.#sendOwn([{ type: 'response.cancel', event_id: ownEventId('cancel'), response_id }]);
      this.#peers.emit(errorEvent(error, null));
    };
    const admitted = this.#usageGuard.unrequestedResponse(response_id, this.#expectedTokens());
    if (this.#drain.begun && !this.#answerOwed) return cancel(wireErrors.shuttingDown());
    this.#answerOwed = false;
    void admitted.then((refusal) => refusal && cancel(refusal));
  }

  /** Sends events that no client requested. */
  #sendOwn(events: readonly OwnEvent[]): void {
    for (const event of events) this.#link.connection?.send(JSON.stringify(event));
  }

  /** The connection was lost and is being replaced. */
  #lost(): void {
    this.#phase = 'restoring';
    for (const event of this.#relay?.lose(responseFailures.upstreamLost(this.#options.target.name)) ?? []) {
      this.#peers.emit(event);
      this.#observations.received(event);
      if (event.type === 'response.done') this.#usageGuard.responseEnded(event.response.id);
    }
    this.#drain.check();
  }

  // ---- Reports, and the end ----

  #requireState(): UpstreamState {
    if (!this.#relay) throw wireErrors.internal('opening the session');
    return this.#relay;
  }

  #endWith(error: WireError): void {
    this.#peers.emit(errorEvent(error, null));
    this.close({ code: error.closeCode ?? 1001, reason: error.closeReason });
  }

  #end(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#lifetime.stop();
    this.#grace.stop();
    this.#link.close();
    this.#observations.sessionEnded(this.#relay?.openResponses ?? []);
    this.#usageGuard.end();
    this.#peers.clear();
    this.#queue.clear();
    this.#drain.end();
    this.#ended.resolve();
  }
}
