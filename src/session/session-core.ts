import type { Clock } from '../core/clock.ts';
import { errorEvent, WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import type { ExtensionEvent, OutgoingEvent, UnsentEvent } from '../protocol/wire/server-events.ts';
import {
  applyUpdate,
  defaultRealtimeConfig,
  namesStreamingModel,
  type RealtimeConfig,
  type SessionType,
} from '../protocol/wire/session-config.ts';
import { type SessionKind, sessionKinds } from '../protocol/wire/session-kinds.ts';
import { AudioBudget, AudioQuota, AudioRetention } from './conversation/audio-budget.ts';
import { Conversation } from './conversation/conversation.ts';
import { EngineCalls } from './conversation/engine-calls.ts';
import { TranscriptionNotices } from './input/transcription-notices.ts';
import { AheadQuota } from './limits/ahead-quota.ts';
import { Locks } from './limits/locks.ts';
import { ResponseQuota } from './limits/response-quota.ts';
import { Observers } from './observing/observers.ts';
import { Watchers } from './observing/watchers.ts';
import type { AudioCodec } from './ports/audio-codec.ts';
import type { Engines } from './ports/engines.ts';
import type { ImageFetcher } from './ports/image-fetcher.ts';
import type { TokenCounter } from './ports/language-model.ts';
import type { Meter } from './ports/meter.ts';
import type { Peer } from './ports/peer.ts';
import type { OutputAudio } from './ports/playback.ts';
import type { ToolRunner } from './ports/tool-runner.ts';
import type { ToolServers } from './ports/tool-servers.ts';
import type { TurnModel } from './ports/turn-model.ts';
import { OutputBuffer } from './response/output-buffer.ts';
import { SessionPlayback } from './response/playback.ts';
import {
  noImages,
  noMeter,
  noToolServers,
  noTools,
  roughTokens,
  type SessionGrant,
  type SessionSettings,
  type SessionTools,
} from './settings.ts';

export interface SessionOptions {
  id?: string;
  /** The name of its API key: the keys of a server share its engines fairly. */
  key?: string;
  type?: SessionType;
  model: string;
  /** How long the session continues after its last peer has left, in milliseconds; by default it ends immediately. */
  graceMs?: number;
  engines: Engines;
  clock: Clock;
  ids: IdSource;
  settings: SessionSettings;
  observers?: Observers;
  /** The terms of its client secret. */
  grant?: SessionGrant;
  meter?: Meter;
  tokens?: TokenCounter;
  images?: ImageFetcher;
  /** Without it, all calls of tools go to the client. */
  toolRunner?: ToolRunner;
  /** Without it, MCP servers are refused. */
  toolServers?: ToolServers;
  /** A further input of the decision that a turn is over. */
  turnModel?: TurnModel | undefined;
  /** Shared by all sessions of the key; without it each session has its own. */
  aheadQuota?: AheadQuota;
  /** Shared by all sessions; without it each session only has its own limit. */
  audioBudget?: AudioBudget;
}

/**
 * The shared state of a session's parts: its dependencies, conversation, current configuration, and output. It does not
 * depend on any of the parts.
 */
export class SessionCore implements SessionTools {
  readonly id: string;
  readonly kind: SessionKind;
  readonly engines: Engines;
  readonly claim: SessionTools['claim'];
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly settings: SessionSettings;
  readonly observers: Observers;
  readonly meter: Meter;
  readonly tokens: TokenCounter;
  readonly images: ImageFetcher;
  readonly toolRunner: ToolRunner;
  readonly toolServers: ToolServers;
  /** The session's maximum lifetime. */
  readonly lifeSeconds: number;
  readonly locks: Locks;
  readonly responseQuota: ResponseQuota;
  readonly aheadQuota: AheadQuota;
  readonly turnModel: TurnModel | undefined;
  readonly conversation: Conversation;
  /** The engines' ids of the calls in the session's responses. */
  readonly engineCalls: EngineCalls;
  /** The audio that is stored with items. */
  readonly retention: AudioRetention;
  readonly audioQuota: AudioQuota;
  /** For the conversation's audio; a response outside the conversation has its own. */
  readonly playback: SessionPlayback;
  /** Reports of that playback, if it is measured. */
  readonly outputBuffer: OutputBuffer;
  readonly watchers = new Watchers();
  readonly #transcriptionNotices: TranscriptionNotices;
  readonly #peers = new Set<Peer>();
  #config: RealtimeConfig;
  #closed = false;

  constructor(options: SessionOptions) {
    const { clock, ids, settings, grant = {} } = options;
    this.id = options.id ?? ids('sess');
    this.kind = sessionKinds[options.type ?? 'realtime'];
    this.engines = options.engines;
    this.claim = { key: options.key ?? '', session: this.id };
    this.clock = clock;
    this.ids = ids;
    this.settings = settings;
    this.observers = options.observers ?? new Observers({ clock });
    this.meter = options.meter ?? noMeter;
    this.tokens = options.tokens ?? roughTokens;
    this.images = options.images ?? noImages;
    this.toolRunner = options.toolRunner ?? noTools;
    this.toolServers = options.toolServers ?? noToolServers;
    this.lifeSeconds = Math.min(settings.sessionMinutes * 60, grant.maxSeconds ?? Number.POSITIVE_INFINITY);
    const expiresAt = Math.floor(clock.epochMs() / 1000 + this.lifeSeconds);
    this.#transcriptionNotices = new TranscriptionNotices(this.engines, this.observers);
    this.#config = defaultRealtimeConfig({ id: this.id, model: options.model, expiresAt });
    if (grant.initial) this.configure(applyUpdate(this.#config, grant.initial));
    this.locks = new Locks(grant.locked ?? [], this.kind);
    this.responseQuota = new ResponseQuota(clock, settings.limits.responsesPerMinute);
    this.aheadQuota = options.aheadQuota ?? new AheadQuota(clock, settings.limits.unusedAnswersPerMinute);
    this.turnModel = options.turnModel;
    this.conversation = new Conversation(ids('conv'));
    this.engineCalls = new EngineCalls(settings.limits.engineCallCharacters);
    this.retention = new AudioRetention(settings.limits.keptAudioMs);
    this.audioQuota = new AudioQuota(options.audioBudget ?? new AudioBudget(Number.POSITIVE_INFINITY), this.retention);
    this.outputBuffer = new OutputBuffer((event) => this.emit(event));
    this.playback = new SessionPlayback(clock, settings.outputLeadMs, this.observers, this.outputBuffer);
  }

  get config(): RealtimeConfig {
    return this.#config;
  }

  configure(config: RealtimeConfig): void {
    const before = this.#config.audio.input.noise_reduction;
    if (config.audio.input.noise_reduction && !before && !this.engines.voiceActivity.reducesNoise) {
      this.observers.publish({ type: 'noise_reduction_unavailable' });
    }
    this.#config = config;
    this.#transcriptionNotices.check(config.audio.input.transcription, { streams: this.streamsTranscripts });
  }

  /** Whether clients expect the words of a turn during speech. */
  get streamsTranscripts(): boolean {
    return this.kind.transcribes || namesStreamingModel(this.#config.audio.input.transcription);
  }

  get peers(): ReadonlySet<Peer> {
    return this.#peers;
  }

  get closed(): boolean {
    return this.#closed;
  }

  attach(peer: Peer): void {
    this.#peers.add(peer);
    if (peer.playback) this.playback.attach(peer.playback);
  }

  detach(peer: Peer): void {
    this.#peers.delete(peer);
    if (peer.playback) this.playback.detach(peer.playback);
  }

  /** An id for a call of a response, unique in the conversation even if clients created calls. */
  newCallId(): string {
    for (;;) {
      const callId = this.ids('call');
      if (!this.conversation.callsById(callId).length) return callId;
    }
  }

  /** Sends an event to every peer; does nothing after the end of the session. */
  emit(event: UnsentEvent): void {
    if (this.#closed) return;
    const sent = { ...event, event_id: this.ids('event') };
    for (const peer of this.#peers) peer.send(sent);
    this.watchers.send(sent);
  }

  /** Sends a response's audio to every peer: directly, or in an event that is encoded once for each codec. */
  emitAudio(audio: OutputAudio): void {
    if (this.#closed) return;
    const event_id = this.ids('event');
    const events = new Map<AudioCodec, OutgoingEvent>();
    for (const peer of this.#peers) {
      if (peer.playback || peer.sideband) {
        peer.playback?.play(audio);
        continue;
      }
      const event = events.get(peer.codec) ?? { ...audioDelta(audio, peer.codec), event_id };
      events.set(peer.codec, event);
      peer.send(event);
    }
  }

  /** Sends an event with clips to every peer, encoded once for each codec. */
  async emitCoded(make: (codec: AudioCodec) => Promise<UnsentEvent>): Promise<void> {
    const events = new Map<AudioCodec, UnsentEvent>();
    for (const { codec } of [...this.#peers]) if (!events.has(codec)) events.set(codec, await make(codec));
    if (this.#closed) return;
    const event_id = this.ids('event');
    for (const peer of this.#peers) {
      const event = events.get(peer.codec);
      if (event) peer.send({ ...event, event_id });
    }
    const [watched] = events.values();
    if (watched) this.watchers.send({ ...watched, event_id });
  }

  /** Sends an event of an extension to the peers that requested it, and to watchers. */
  emitExtension(extension: string, event: ExtensionEvent['event']): void {
    if (this.#closed) return;
    this.watchers.send({ extension, event });
    for (const peer of this.#peers) if (peer.extensions?.has(extension)) peer.send({ extension, event });
  }

  /** Sends an event to one peer, unless it has been detached. */
  emitTo(peer: Peer, event: UnsentEvent): void {
    if (!this.#peers.has(peer)) return;
    const sent = { ...event, event_id: this.ids('event') };
    peer.send(sent);
    this.watchers.send(sent);
  }

  /** Runs a step of the session, and reports its exceptions; `what` completes "while …". */
  attempt<T>(what: string, act: () => T, send?: (error: WireError) => void): T | undefined {
    try {
      return act();
    } catch (error) {
      this.fail(what, error, send);
      return undefined;
    }
  }

  /**
   * Reports the failure of a step: by default to every peer. An exception other than a `WireError` is a defect: it is
   * logged, and reported as an internal error.
   */
  fail(what: string, error: unknown, send = (failure: WireError) => this.emit(errorEvent(failure, null))): void {
    if (error instanceof WireError) return send(error);
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.observers.publish({ type: 'session_fault', error: trace });
    send(wireErrors.internal(what));
  }

  /** Ends the session's output: nothing is sent afterwards, and its audio is released. */
  close(): void {
    this.#closed = true;
    this.#peers.clear();
    this.watchers.end();
    this.playback.close();
    this.audioQuota.release();
  }
}

function audioDelta(audio: OutputAudio, codec: AudioCodec): UnsentEvent {
  return {
    type: 'response.output_audio.delta',
    response_id: audio.responseId,
    item_id: audio.itemId,
    output_index: audio.outputIndex,
    content_index: audio.contentIndex,
    delta: codec.encode(audio),
  };
}
