import type { AudioClip } from '../audio/audio-clip.ts';
import { errorEvent, type WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { ClientEvent, ClientEventOf } from '../protocol/wire/client-events.ts';
import type { ResponseInputItem } from '../protocol/wire/items.ts';
import type { SessionUpdate } from '../protocol/wire/session-config.ts';
import { type DecodedAudio, decodeItems } from './conversation/item-audio.ts';
import { ItemOperations } from './conversation/item-operations.ts';
import { InputAudio } from './input/input-audio.ts';
import { Transcription } from './input/transcription.ts';
import { Drain } from './limits/drain.ts';
import { Lifetime } from './limits/lifetime.ts';
import { PeerGrace } from './limits/peer-grace.ts';
import { updatedConfig } from './limits/update.ts';
import { sentLedger } from './observing/sent-ledger.ts';
import type { Watcher } from './observing/watchers.ts';
import type { CloseReason, Peer } from './ports/peer.ts';
import type { Response } from './response/response.ts';
import { Responses } from './response/responses.ts';
import type { Session, SessionDescription } from './session.ts';
import { SessionCore, type SessionOptions } from './session-core.ts';
import { McpTools } from './tools/mcp-tools.ts';
import { Overlap } from './turns/overlap.ts';
import { Turns } from './turns/turns.ts';

/**
 * Events that act on the input buffer: they wait until voice activity detection has processed all audio appended before
 * them.
 */
const waitsForDetection: ReadonlySet<ClientEvent['type']> = new Set([
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'session.update',
]);

/** Input from a peer: an event, or audio that it carries itself. */
type Input = { from: Peer } & ({ event: ClientEvent } | { audio: AudioClip });

/**
 * A conversation as a single-threaded actor: client events are processed in order, interleaved with reports of engines,
 * and every event goes to all peers, but an error only to the peer that caused it.
 */
export class RealtimeSession implements Session {
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #core: SessionCore;
  readonly #input: InputAudio;
  readonly #transcription: Transcription;
  readonly #items: ItemOperations;
  readonly #mcp: McpTools;
  readonly #responses: Responses;
  readonly #turns: Turns;
  readonly #lifetime: Lifetime;
  readonly #grace: PeerGrace;
  readonly #waiting: Input[] = [];
  /** Whether the last written audio was refused, so that a live stream is notified once. */
  #writeRefused = false;
  #working = false;
  #hasLedger = false;
  #worked: Promise<void> = Promise.resolve();
  readonly #drain = new Drain();

  constructor(options: SessionOptions) {
    this.ended = this.#ended.promise;
    const core = new SessionCore(options);
    this.#core = core;
    this.#transcription = new Transcription(core);
    this.#items = new ItemOperations(core, this.#transcription, (itemId) => this.#responses.release(itemId));
    this.#mcp = new McpTools(core);
    this.#responses = new Responses(
      core,
      { items: this.#items, mcp: this.#mcp },
      {
        ended: (response) => this.#responseEnded(response),
        toolDone: (responseId) => this.#toolDone(responseId),
      },
    );
    const overlap = new Overlap(core, { transcription: this.#transcription, responses: this.#responses });
    this.#input = new InputAudio(core, overlap, {
      turnBegan: (turn, audioStartMs) => this.#turns.began(turn, audioStartMs),
      turnEnded: (turn) => this.#turns.ended(turn),
    });
    this.#turns = new Turns(core, {
      input: this.#input,
      items: this.#items,
      transcription: this.#transcription,
      responses: this.#responses,
      drain: this.#drain,
    });
    this.#grace = new PeerGrace(core.clock, options.graceMs ?? 0, () => this.#end());
    const { idleMinutes } = core.settings;
    const life = { lifeMs: core.lifeSeconds * 1000, idleMs: idleMinutes * 60_000 };
    this.#lifetime = new Lifetime(core.clock, life, {
      expired: () => this.#endWith(wireErrors.sessionExpired(core.lifeSeconds)),
      idle: () => this.#endWith(wireErrors.sessionIdle(idleMinutes * 60)),
      busyUntil: () => (this.#responses.running ? Number.POSITIVE_INFINITY : core.playback.endsAt),
    });
  }

  get id(): string {
    return this.#core.id;
  }

  describe(): SessionDescription {
    const { id, kind, config, peers } = this.#core;
    return { id, type: kind.type, model: config.model, expiresAt: config.expires_at, peers: peers.size };
  }

  attach(peer: Peer): void {
    const { kind, config } = this.#core;
    this.#grace.stop();
    this.#core.attach(peer);
    if (peer.extensions?.has('ledger')) this.#keepLedger();
    if (!peer.sideband) this.#core.emitTo(peer, { type: 'session.created', session: kind.view(config) });
    this.#mcp.begin();
  }

  /** Sends the latencies of each response to watchers and to the peers that requested the extension `ledger`. */
  #keepLedger(): void {
    if (this.#hasLedger) return;
    this.#hasLedger = true;
    this.#core.observers.add(sentLedger((event) => this.#core.emitExtension('ledger', event)));
  }

  detach(peer: Peer): void {
    if (!this.#core.peers.has(peer)) return;
    this.#core.detach(peer);
    if (this.#core.peers.size === 0) this.#grace.start();
  }

  watch(watcher: Watcher): () => void {
    this.#keepLedger();
    return this.#core.watchers.add(watcher);
  }

  receive(event: ClientEvent, from: Peer): void | Promise<void> {
    return this.#take({ event, from });
  }

  write({ samples, sampleRateHz }: AudioClip, from: Peer): void | Promise<void> {
    return this.#take({ audio: { samples: samples.slice(), sampleRateHz }, from });
  }

  #take(input: Input): void | Promise<void> {
    if (this.#core.closed) return;
    this.#lifetime.touched();
    if (this.#working) {
      this.#waiting.push(input);
    } else {
      this.#working = true;
      const processed = this.#process(input);
      this.#working = processed !== undefined || this.#waiting.length > 0;
      if (!this.#working) return this.#caughtUp();
      this.#worked = this.#workOn(processed);
    }
    return this.#worked.then(() => this.#caughtUp());
  }

  /** A promise if the session is behind: reading from the client is paused until it resolves. */
  #caughtUp(): void | Promise<void> {
    if (this.#core.closed) return;
    if (this.#input.behind) return this.#input.settled();
    if (this.#transcription.behind) return this.#transcription.settled();
  }

  refuse(error: WireError, clientEventId: string | null, to: Peer): void {
    this.#core.emitTo(to, errorEvent(error, clientEventId));
  }

  drain(): Promise<void> {
    return this.#drain.begin({
      inputHandled: async () => {
        await this.#worked;
        await this.#input.settled();
      },
      transcribed: () => this.#transcription.settled(),
      busy: () => this.#responses.running || this.#turns.awaitsAnswer,
      drained: () => this.#responses.refuseMore(),
    });
  }

  close(reason: CloseReason): void {
    const peers = [...this.#core.peers];
    this.#end();
    for (const peer of peers) peer.close(reason);
  }

  /** Processes the inputs behind one that takes time, in order. Never rejects. */
  async #workOn(first: void | Promise<void>): Promise<void> {
    await first;
    for (let next = this.#waiting.shift(); next && !this.#core.closed; next = this.#waiting.shift()) {
      const processed = this.#process(next);
      if (processed) await processed;
    }
    this.#working = false;
  }

  /** A promise if the input takes several turns of the event loop. Never throws or rejects. */
  #process(input: Input): void | Promise<void> {
    if (!('event' in input)) return this.#handleAudio(input.audio, input.from);
    const { event, from } = input;
    if (!waitsForDetection.has(event.type) || !this.#input.isPending) return this.#handle(event, from);
    return this.#input.settled().then(() => (this.#core.closed ? undefined : this.#handle(event, from)));
  }

  /** A promise if the event takes several turns of the event loop. Never throws or rejects. */
  #handle(event: ClientEvent, from: Peer): void | Promise<void> {
    const send = (error: WireError) => this.refuse(error, event.event_id ?? null, from);
    return this.#attempt(`handling '${event.type}'`, () => this.#dispatch(event, from, send), send);
  }

  #handleAudio(audio: AudioClip, from: Peer): void | Promise<void> {
    const refusedBefore = this.#writeRefused;
    this.#writeRefused = false;
    return this.#attempt(
      'taking audio',
      () => this.#input.write(audio),
      (error) => {
        this.#writeRefused = true;
        if (!refusedBefore) this.refuse(error, null, from);
      },
    );
  }

  #attempt(what: string, act: () => void | Promise<void>, send: (error: WireError) => void): void | Promise<void> {
    const core = this.#core;
    const count = () => core.audioQuota.count(this.#input.bufferedMs);
    const handled = core.attempt(what, act, send);
    count();
    return handled?.catch((error: unknown) => core.fail(what, error, send)).then(count);
  }

  #dispatch(event: ClientEvent, from: Peer, send: (error: WireError) => void): void | Promise<void> {
    const { kind } = this.#core;
    if (kind.refused.has(event.type)) throw wireErrors.notInSession(event.type, kind.type);
    switch (event.type) {
      case 'session.update':
        return this.#update(event.session);
      case 'input_audio_buffer.append':
        return this.#input.append(event.audio, from);
      case 'input_audio_buffer.commit':
        return this.#turns.commit();
      case 'input_audio_buffer.clear':
        return this.#turns.clear();
      case 'output_audio_buffer.clear':
        if (!this.#core.playback.isMeasured) throw wireErrors.noOutputBuffer();
        return this.#responses.clearAudio();
      case 'conversation.item.create':
        return this.#withAudio([event.item], from, (audio) => this.#createItem(event, audio));
      case 'conversation.item.truncate':
        return this.#items.truncate(event);
      case 'conversation.item.delete':
        return this.#items.delete(event.item_id);
      case 'conversation.item.retrieve':
        return this.#items.retrieve(event.item_id);
      case 'response.create': {
        const { responseQuota, locks, config } = this.#core;
        if (this.#drain.begun) throw wireErrors.shuttingDown();
        responseQuota.require();
        const parameters = this.#mcp.complete(event.response ?? {}, 'response');
        locks.refuseResponse(config, parameters);
        return this.#withAudio(parameters.input ?? [], from, (audio) => {
          const create = () => this.#turns.respond(parameters, audio);
          this.#turns.request(() => this.#core.attempt("handling 'response.create'", create, send), parameters);
        });
      }
      case 'response.cancel':
        return this.#responses.cancel(event.response_id ?? undefined);
    }
  }

  /** Decodes the audio of items first; continues synchronously if that is quickly done. */
  #withAudio(
    items: readonly ResponseInputItem[],
    from: Peer,
    act: (audio: DecodedAudio) => void,
  ): void | Promise<void> {
    const decoded = decodeItems(items, this.#core.config.audio.input.format, from.codec);
    if (!(decoded instanceof Promise)) return act(decoded);
    return decoded.then((audio) => {
      if (!this.#core.closed) act(audio);
    });
  }

  #createItem(event: ClientEventOf<'conversation.item.create'>, audio: DecodedAudio): void {
    const { item } = event;
    if (item.type !== 'mcp_approval_response') return this.#items.create(event, audio);
    this.#responses.requireApproval(item, 'item.approval_request_id');
    this.#items.create(event, audio);
    this.#responses.decide(item);
  }

  #update(given: SessionUpdate): void {
    const core = this.#core;
    const update = given.type === 'realtime' ? this.#mcp.complete(given, 'session') : given;
    core.configure(updatedConfig(update, core, { responding: this.#responses.active !== undefined }));
    if (this.#input.configure()) this.#turns.discard();
    this.#turns.configure();
    core.emit({ type: 'session.updated', session: core.kind.view(core.config) });
    if (update.type === 'realtime') this.#mcp.use(update.tools ?? []);
    this.#turns.answerIfDue();
  }

  #responseEnded(response: Response): void {
    this.#lifetime.touched();
    this.#turns.responseEnded(response);
  }

  #toolDone(responseId: string): void {
    this.#lifetime.touched();
    if (this.#core.settings.mcpContinue && !this.#responses.hasOpenCalls(responseId)) this.#turns.continueAnswer();
    this.#drain.check();
  }

  #endWith(error: WireError): void {
    this.#core.emit(errorEvent(error, null));
    this.close({ code: error.closeCode ?? 1001, reason: error.closeReason });
  }

  #end(): void {
    if (this.#core.closed) return;
    this.#core.close();
    this.#lifetime.stop();
    this.#grace.stop();
    this.#waiting.length = 0;
    this.#turns.close();
    this.#input.close();
    this.#transcription.close();
    this.#responses.close();
    this.#mcp.close();
    this.#drain.end();
    this.#core.observers.publish({ type: 'session_ended' });
    this.#ended.resolve();
  }
}
