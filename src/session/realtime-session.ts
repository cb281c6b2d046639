import type { AudioClip } from '../audio/audio-clip.ts';
import type { Clock } from '../core/clock.ts';
import { errorEvent, WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { ClientEvent } from '../protocol/wire/client-events.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import type { ResponseInputItem } from '../protocol/wire/items.ts';
import type { UnsentEvent } from '../protocol/wire/server-events.ts';
import {
  applyUpdate,
  defaultRealtimeConfig,
  type RealtimeConfig,
  type SessionType,
  type SessionUpdate,
  sessionView,
} from '../protocol/wire/session-config.ts';
import { AudioBudget, AudioQuota } from './conversation/audio-budget.ts';
import { AudioRetention } from './conversation/audio-retention.ts';
import { Conversation } from './conversation/conversation.ts';
import { type DecodedAudio, decodeItems } from './conversation/item-audio.ts';
import { ItemOperations } from './conversation/item-operations.ts';
import type { UserAudio } from './conversation/user-audio.ts';
import { type DetectedTurn, InputAudio } from './input/input-audio.ts';
import { Transcription } from './input/transcription.ts';
import { Lifetime } from './limits/lifetime.ts';
import { Locks } from './limits/locks.ts';
import { ResponseQuota } from './limits/response-quota.ts';
import { updatedConfig } from './limits/update.ts';
import { Mailbox } from './mailbox.ts';
import type { Engines } from './ports/engines.ts';
import type { ImageFetcher } from './ports/image-fetcher.ts';
import type { TokenCounter } from './ports/language-model.ts';
import type { Meter } from './ports/meter.ts';
import type { CloseReason, Peer } from './ports/peer.ts';
import type { Response } from './response/response.ts';
import { Responses } from './response/responses.ts';
import type { Session, SessionDescription } from './session.ts';
import {
  noImages,
  noMeter,
  roughTokens,
  type SessionGrant,
  type SessionLog,
  type SessionSettings,
  type SessionTools,
} from './settings.ts';
import { IdleTimer, idleTimeoutMs } from './turns/idle-timer.ts';
import { PendingResponse } from './turns/pending-response.ts';
import { TurnLedger } from './turns/turn-ledger.ts';
import { warmEngines } from './warm.ts';

export interface RealtimeSessionOptions {
  id?: string;
  /** The name of the API key that it was opened with: the keys of a server share its engines fairly. */
  key?: string;
  /** A transcription session hears and writes down, and answers nothing. */
  type?: SessionType;
  model: string;
  engines: Engines;
  clock: Clock;
  ids: IdSource;
  settings: SessionSettings;
  log: SessionLog;
  /** What a client secret fixed for it. */
  grant?: SessionGrant;
  meter?: Meter;
  tokens?: TokenCounter;
  images?: ImageFetcher;
  /** What all sessions share; without it each has its own bounds alone. */
  audioBudget?: AudioBudget;
}

/**
 * A conversation as a single-threaded actor: client events are taken in order, engines report back between them,
 * and every event goes to all peers, but an error only to the one who caused it.
 */
export class RealtimeSession implements Session {
  readonly id: string;
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #type: SessionType;
  readonly #tools: SessionTools;
  readonly #peers = new Set<Peer>();
  readonly #conversation: Conversation;
  readonly #inputAudio: InputAudio;
  readonly #transcription: Transcription;
  readonly #responses: Responses;
  readonly #items: ItemOperations;
  readonly #ledger: TurnLedger;
  readonly #pendingResponse = new PendingResponse();
  readonly #mailbox = new Mailbox({
    earsSettled: () => this.#inputAudio.settled(),
    handle: (event, from) => this.#handle(event, from),
  });
  #config: RealtimeConfig;
  #turnItemId: string | undefined;
  readonly #idle: IdleTimer;
  readonly #held: AudioQuota;
  readonly #lifetime: Lifetime;
  readonly #lifeSeconds: number;
  readonly #locks: Locks;
  readonly #quota: ResponseQuota;
  #closed = false;

  constructor({ id, key = '', type = 'realtime', model, grant = {}, ...given }: RealtimeSessionOptions) {
    this.#type = type;
    this.ended = this.#ended.promise;
    this.id = id ?? given.ids('sess');
    const claim = { key, session: this.id };
    const tools = { meter: noMeter, tokens: roughTokens, images: noImages, ...given, claim };
    this.#tools = tools;
    const { clock, ids, settings } = tools;
    this.#lifeSeconds = Math.min(settings.sessionMinutes * 60, grant.maxSeconds ?? Number.POSITIVE_INFINITY);
    const expiresAt = Math.floor(clock.epochMs() / 1000 + this.#lifeSeconds);
    const initial = defaultRealtimeConfig({ id: this.id, model, expiresAt });
    this.#config = grant.initial ? applyUpdate(initial, grant.initial) : initial;
    if (this.#config.audio.input.noise_reduction) tools.log.warn('noise_reduction_unavailable', {});
    this.#locks = new Locks(grant.locked ?? [], type);
    this.#quota = new ResponseQuota(clock, settings.limits.responsesPerMinute);
    this.#conversation = new Conversation(ids('conv'));
    const retention = new AudioRetention(settings.limits.keptAudioMs);
    this.#ledger = new TurnLedger(clock);
    const budget = given.audioBudget ?? new AudioBudget(Number.POSITIVE_INFINITY);
    this.#held = new AudioQuota(budget, retention, () => this.#inputAudio.bufferedMs);
    this.#inputAudio = new InputAudio(this.#config.audio.input, tools, {
      requireRoom: (addedMs) => this.#held.require(addedMs),
      speechStarted: (audioStartMs) => this.#speechStarted(audioStartMs),
      turnEnded: (turn) => this.#attempt('ending a turn', () => this.#turnEnded(turn)),
      failed: (error) => {
        tools.log.error('voice_activity_failed', { error: error.message });
        this.#emit(errorEvent(wireErrors.stageFailed(error.code, error.forClients), null));
      },
    });
    this.#transcription = new Transcription({
      tools,
      emit: (event) => this.#emit(event),
      has: (entry) => this.#conversation.find(entry.item.id) === entry,
    });
    this.#responses = new Responses({
      tools,
      conversation: this.#conversation,
      retention,
      config: () => this.#config,
      emit: (event) => this.#emit(event),
      rateLimits: () => [...this.#quota.rateLimits(), ...tools.meter.rateLimits()],
      resolveInput: (input, audio) => this.#items.resolveInput(input, audio),
      ended: (response) => this.#responseEnded(response),
    });
    this.#items = new ItemOperations({
      tools,
      conversation: this.#conversation,
      retention,
      transcription: this.#transcription,
      config: () => this.#config,
      transcriptionSetting: () => this.#config.audio.input.transcription ?? (type === 'transcription' ? {} : null),
      emit: (event) => this.#emit(event),
      playbackStopped: () => this.#responses.playbackStopped(),
      release: (itemId) => this.#responses.release(itemId),
    });
    this.#idle = new IdleTimer(clock, {
      positionMs: () => this.#inputAudio.positionMs,
      over: (silentFromMs) => this.#attempt('breaking a silence', () => this.#breakSilence(silentFromMs)),
    });
    const life = { lifeMs: this.#lifeSeconds * 1000, idleMs: settings.idleMinutes * 60_000 };
    this.#lifetime = new Lifetime(clock, life, {
      expired: () => this.#endWith(wireErrors.sessionExpired(this.#lifeSeconds)),
      idle: () => this.#endWith(wireErrors.sessionIdle(settings.idleMinutes * 60)),
      busyUntil: () => (this.#responses.running ? Number.POSITIVE_INFINITY : this.#responses.playbackEndsAt),
    });
  }

  describe(): SessionDescription {
    const { model, expires_at: expiresAt } = this.#config;
    return { id: this.id, type: this.#type, model, expiresAt, peers: this.#peers.size };
  }

  attach(peer: Peer): void {
    this.#peers.add(peer);
    this.#sendTo(peer, { type: 'session.created', session: sessionView(this.#config, this.#type) });
  }

  detach(peer: Peer): void {
    this.#peers.delete(peer);
    if (this.#peers.size === 0) this.#end();
  }

  receive(event: ClientEvent, from: Peer): void | Promise<void> {
    if (this.#closed) return;
    this.#lifetime.touched();
    const handled = this.#mailbox.receive(event, from);
    return handled ? handled.then(() => this.#caughtUp()) : this.#caughtUp();
  }

  /** A promise where more is under way than should be: the client is read no further until it resolves. */
  #caughtUp(): void | Promise<void> {
    if (this.#closed) return;
    if (this.#inputAudio.behind) return this.#inputAudio.settled();
    if (this.#transcription.behind) return this.#transcription.settled();
  }

  refuse(error: WireError, clientEventId: string | null, to: Peer): void {
    this.#sendTo(to, errorEvent(error, clientEventId));
  }

  drain(): Promise<void> {
    return this.#responses.drain();
  }

  close(reason: CloseReason): void {
    const peers = [...this.#peers];
    this.#end();
    for (const peer of peers) peer.close(reason);
  }

  #handle(event: ClientEvent, from: Peer): void | Promise<void> {
    const tell = (error: WireError) => this.refuse(error, event.event_id ?? null, from);
    const what = `handling '${event.type}'`;
    const handled = this.#attempt(what, () => this.#dispatch(event), tell);
    this.#held.count();
    return handled?.catch((error: unknown) => this.#failed(what, error, tell)).then(() => this.#held.count());
  }

  /** Tells of what goes wrong: everyone, where no client's event is at fault. */
  #attempt<T>(
    what: string,
    act: () => T,
    tell = (error: WireError) => this.#emit(errorEvent(error, null)),
  ): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#failed(what, error, tell);
      return undefined;
    }
  }

  #failed(what: string, error: unknown, tell: (error: WireError) => void): void {
    if (error instanceof WireError) return tell(error);
    this.#tools.log.error('session_fault', { error: describe(error) });
    tell(wireErrors.internal(what));
  }

  #dispatch(event: ClientEvent): void | Promise<void> {
    switch (event.type) {
      case 'session.update':
        return this.#update(event.session);
      case 'input_audio_buffer.append':
        return this.#inputAudio.append(event.audio);
      case 'input_audio_buffer.commit':
        return this.#commit();
      case 'input_audio_buffer.clear':
        this.#inputAudio.clear();
        this.#turnItemId = undefined;
        this.#emit({ type: 'input_audio_buffer.cleared' });
        return this.#answerIfDue();
      case 'output_audio_buffer.clear':
        throw wireErrors.noOutputBuffer();
      case 'conversation.item.create':
        return this.#withAudio([event.item], (audio) => this.#items.create(event, audio));
      case 'conversation.item.truncate':
        return this.#items.truncate(event);
      case 'conversation.item.delete':
        return this.#items.delete(event.item_id);
      case 'conversation.item.retrieve':
        return this.#items.retrieve(event.item_id);
      case 'response.create':
        if (this.#type === 'transcription') throw wireErrors.notInTranscriptionSession(event.type);
        this.#quota.require();
        this.#locks.refuseResponse(this.#config, event.response ?? {});
        return this.#withAudio(event.response?.input ?? [], (audio) => this.#respond(event.response ?? {}, audio));
      case 'response.cancel':
        return this.#responses.cancel(event.response_id ?? undefined);
    }
  }

  /** Decodes the audio of items first, and goes on at once where that is quickly done. */
  #withAudio(items: readonly ResponseInputItem[], act: (audio: DecodedAudio) => void): void | Promise<void> {
    const decoded = decodeItems(items, this.#config.audio.input.format);
    if (!(decoded instanceof Promise)) return act(decoded);
    return decoded.then((audio) => {
      if (!this.#closed) act(audio);
    });
  }

  // ---- Configuration ----

  #update(update: SessionUpdate): void {
    const next = updatedConfig(update, {
      type: this.#type,
      config: this.#config,
      locks: this.#locks,
      tools: this.#tools,
      hasSpoken: this.#responses.hasSpoken,
      responding: this.#responses.active !== undefined,
    });
    if (next.audio.input.noise_reduction && !this.#config.audio.input.noise_reduction) {
      this.#tools.log.warn('noise_reduction_unavailable', {});
    }
    this.#config = next;
    this.#inputAudio.configure(next.audio.input);
    if (idleTimeoutMs(next.audio.input.turn_detection) === null) this.#idle.stop();
    this.#emit({ type: 'session.updated', session: sessionView(next, this.#type) });
    this.#answerIfDue();
  }

  // ---- Turns ----

  #speechStarted(audioStartMs: number): void {
    this.#idle.stop();
    this.#turnItemId = this.#tools.ids('item');
    this.#emit({ type: 'input_audio_buffer.speech_started', audio_start_ms: audioStartMs, item_id: this.#turnItemId });
    if (this.#config.audio.input.turn_detection?.interrupt_response) this.#responses.interrupt();
    warmEngines(this.#tools.engines);
  }

  #turnEnded(turn: DetectedTurn): void {
    const itemId = this.#turnItemId ?? this.#tools.ids('item');
    this.#emit({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: turn.audioEndMs, item_id: itemId });
    this.#ledger.turnDecided(this.#config.audio.input.turn_detection);
    const wanted = this.#type === 'realtime' && (this.#config.audio.input.turn_detection?.create_response ?? false);
    const heard = this.#commitAudio(itemId, turn.clip, turn.speech);
    this.#answerOnceHeard(heard, wanted);
  }

  #answerOnceHeard(heard: UserAudio, wanted: boolean): void {
    const understood = this.#pendingResponse.await(wanted);
    const asSound = this.#tools.engines.languageModel.hearsAudio && heard.hasAudio;
    void (asSound ? Promise.resolve(undefined) : heard.transcript).then((transcript) => {
      understood(transcript);
      this.#ledger.transcriptKnown({ transcribed: !asSound });
      this.#answerIfDue();
    });
  }

  /** Starts the automatic response once all turns are understood, nobody speaks and none is running. */
  #answerIfDue(): void {
    if (!this.#pendingResponse.ready || this.#closed || this.#inputAudio.speaking) return;
    if (this.#responses.active || this.#responses.closing) return;
    this.#attempt('answering a turn', () => {
      this.#pendingResponse.answered();
      this.#respond({});
    });
  }

  /** The user has said nothing for `idle_timeout_ms`: the silence becomes an item, and the model is asked to go on. */
  #breakSilence(silentFromMs: number): void {
    if (this.#responses.active || this.#responses.closing || this.#inputAudio.speaking) return;
    this.#items.requireRoom();
    const itemId = this.#tools.ids('item');
    const clip = this.#inputAudio.takeSilence(silentFromMs);
    this.#emit({
      type: 'input_audio_buffer.timeout_triggered',
      audio_start_ms: Math.round(silentFromMs),
      audio_end_ms: Math.round(this.#inputAudio.positionMs),
      item_id: itemId,
    });
    this.#items.commit(itemId, clip, clip);
    this.#respond({});
  }

  #commit(): void {
    this.#items.requireRoom();
    const clip = this.#inputAudio.commit();
    const itemId = this.#turnItemId ?? this.#tools.ids('item');
    const heard = this.#commitAudio(itemId, clip, clip);
    // Not answered by itself; but an earlier turn may be, which had to wait for this one.
    this.#answerOnceHeard(heard, false);
  }

  #commitAudio(itemId: string, clip: AudioClip, speech: AudioClip): UserAudio {
    this.#turnItemId = undefined;
    return this.#items.commit(itemId, clip, speech);
  }

  // ---- Responses ----

  #respond(parameters: Parameters<Responses['create']>[0], audio?: DecodedAudio): void {
    if (parameters.conversation !== 'none') this.#items.requireRoom();
    const response = this.#responses.create(parameters, audio);
    this.#quota.count();
    if (parameters.conversation === 'none') return;
    this.#idle.stop();
    this.#pendingResponse.answered();
    this.#ledger.responseCreated(response);
  }

  #responseEnded(response: Response): void {
    this.#lifetime.touched();
    const { log, meter } = this.#tools;
    const { id, status } = response;
    const times = this.#ledger.close(response);
    log.info('response_done', { response: id, status, ...times });
    meter.responseEnded(status, times);
    if (status === 'completed' && response.options.conversationId !== null) {
      this.#idle.start(this.#responses.playbackEndsAt, idleTimeoutMs(this.#config.audio.input.turn_detection));
    }
    this.#answerIfDue();
  }

  // ---- Peers, and the end ----

  #emit(event: UnsentEvent): void {
    if (this.#closed) return;
    const sent = { ...event, event_id: this.#tools.ids('event') };
    for (const peer of this.#peers) peer.send(sent);
  }

  #sendTo(peer: Peer, event: UnsentEvent): void {
    if (!this.#peers.has(peer)) return;
    peer.send({ ...event, event_id: this.#tools.ids('event') });
  }

  #endWith(error: WireError): void {
    this.#emit(errorEvent(error, null));
    this.close({ code: error.closeCode ?? 1001, reason: error.closeReason });
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lifetime.stop();
    this.#idle.stop();
    this.#peers.clear();
    this.#mailbox.close();
    this.#inputAudio.close();
    this.#transcription.close();
    this.#responses.close();
    this.#held.release();
    this.#ended.resolve();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
