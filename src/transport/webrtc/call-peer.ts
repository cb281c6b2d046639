import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { callErrors } from '../../protocol/errors/call-errors.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError, isHeavy } from '../../protocol/parse/frame-parser.ts';
import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import type { CloseReason, Peer } from '../../session/ports/peer.ts';
import type { Playback } from '../../session/ports/playback.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { Session } from '../../session/session.ts';
import { base64Audio } from '../base64-audio.ts';
import { InboundRate, type InboundRateLimits } from '../inbound-rate.ts';
import { LoggedNotices } from '../logged-notices.ts';
import type { HeavyFrames } from '../websocket/heavy-frames.ts';
import { ChannelOutput } from './channel-output.ts';
import type { ConnectionEnd, ConnectionHandlers, EventChannel, PeerConnection } from './peer-connection.ts';

export type CallPeerLimits = InboundRateLimits &
  Pick<Config['limits'], 'outputQueueBytes' | 'closeGraceMs' | 'callConnectMs' | 'channelMessageBytes'>;

export interface CallPeerOptions {
  id: string;
  dialect: Dialect;
  extensions: ReadonlySet<string>;
  /** Parses the messages that are `isHeavy`. */
  heavyFrames: Pick<HeavyFrames, 'parse'>;
  claim: WorkClaim;
  /** Called when the client is connected and its data channel open. */
  established: () => void;
  limits: CallPeerLimits;
  clock: Clock;
  log: Log;
}

/** How often a call that is being closed checks whether the client has the last events. */
const settlingMs = 20;

/** How a call ended, for the sidebands and the log. */
const endings: Record<ConnectionEnd, CloseReason> = {
  closed: { code: 1000, reason: 'the call was closed' },
  left: { code: 1000, reason: 'the client left the call' },
  vanished: { code: 1006, reason: 'the client of the call vanished' },
  unreachable: { code: 1006, reason: 'the client of the call could not be reached' },
  flooded: { code: 1008, reason: 'the client of the call sent too much' },
  malformed: { code: 1002, reason: 'the client of the call sent malformed data' },
};

/**
 * The client of a call over WebRTC: events of its dialect on the data channel, audio on the track. The call ends with
 * its connection, and with it the session and its sidebands.
 */
export class CallPeer implements Peer, ConnectionHandlers {
  readonly id: string;
  readonly codec = base64Audio;
  readonly #options: CallPeerOptions;
  readonly #notices: LoggedNotices;
  readonly #rate: InboundRate;
  #connection: PeerConnection | undefined;
  /** Undefined if the client offers no data channel: events are for sidebands only then. */
  #output: ChannelOutput | undefined;
  #session: Session | undefined;
  #isConnected = false;
  #hasChannel = false;
  #closing: CloseReason | undefined;
  #cancelDeadline: () => void = () => {};
  /** Whether the session is behind with the audio of this call. */
  #behind = false;
  #droppedMs = 0;

  constructor(options: CallPeerOptions) {
    const { limits, clock } = options;
    this.id = options.id;
    this.#options = options;
    this.#notices = new LoggedNotices(options.dialect.name, options.log);
    this.#rate = new InboundRate(limits, clock, () => this.#tooFast());
  }

  get extensions(): ReadonlySet<string> {
    return this.#options.extensions;
  }

  get playback(): Playback | undefined {
    return this.#connection?.playback;
  }

  /**
   * Attaches this peer to its session, with the connection whose handlers it has. Calls `ended` once, with the end of
   * the call.
   */
  join(session: Session, connection: PeerConnection, ended: (end: CloseReason) => void): void {
    const { clock, limits, dialect } = this.#options;
    const { maxMessageBytes: maxBytes } = connection;
    if (maxBytes !== undefined)
      this.#output = new ChannelOutput(dialect, Math.min(maxBytes, limits.channelMessageBytes));
    this.#session = session;
    this.#connection = connection;
    this.#cancelDeadline = clock.after(limits.callConnectMs, () => this.#overdue());
    void connection.ended.then((end) => {
      const why = this.#closing ?? endings[end];
      this.#options.log.info('call_ended', { ...why, codec: connection.codec, packets: { ...connection.received } });
      this.#stop(why);
      this.#output?.clear();
      session.close({ code: 1000, reason: why.reason });
      ended(why);
    });
    session.attach(this);
  }

  // ---- From the session ----

  send(event: OutgoingEvent): void {
    const { limits, log } = this.#options;
    const output = this.#output;
    if (this.#closing || !output) return;
    const waiting = output.unsentBytes;
    if (waiting > limits.outputQueueBytes) {
      log.warn('peer_too_slow', { unsentBytes: waiting });
      output.clear();
      return this.close({ code: 1008, reason: `client reads too slowly: ${waiting} bytes unsent` });
    }
    this.#sending(() => this.#rate.answered(output.send(event)));
  }

  /** A failure to send ends this call and nothing else: no caller, such as a timer of its audio, could handle it. */
  #sending(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#options.log.error('session_failed', { error });
      this.#output?.clear();
      this.close({ code: 1011, reason: 'an event could not be sent to the client of the call' });
    }
  }

  close(reason: CloseReason): void {
    if (this.#closing) return;
    this.#stop(reason);
    this.#closeOnceSettled(this.#options.clock.now() + this.#options.limits.closeGraceMs);
  }

  #closeOnceSettled(deadlineMs: number): void {
    const { clock } = this.#options;
    if (!this.#output || this.#output.isSettled || clock.now() >= deadlineMs) this.#connection?.close();
    else clock.after(settlingMs, () => this.#closeOnceSettled(deadlineMs));
  }

  // ---- From the connection ----

  connected(): void {
    this.#isConnected = true;
    this.#established();
  }

  channelOpened(channel: EventChannel): void {
    this.#hasChannel = true;
    this.#sending(() => this.#output?.opened(channel));
    this.#established();
  }

  drained(): void {
    this.#sending(() => this.#output?.flush());
  }

  message(data: string | Uint8Array): void | Promise<void> {
    const session = this.#session;
    if (this.#closing || !session) return;
    this.#rate.count();
    try {
      const taken = this.#take(data, session);
      if (!taken) return this.#rate.settled();
      return taken.catch((error: unknown) => this.#refuse(error, session)).then(() => this.#rate.settled());
    } catch (error) {
      this.#refuse(error, session);
      return this.#rate.settled();
    }
  }

  /** Live audio cannot wait: while the session is behind by its limit, audio is dropped. */
  audio(clip: AudioClip): void {
    if (this.#closing || !this.#session) return;
    if (this.#behind) {
      this.#droppedMs += durationMs(clip.samples.length, clip.sampleRateHz);
      return;
    }
    const behind = this.#session.write(clip, this);
    if (!behind) return;
    this.#behind = true;
    void behind.then(() => {
      this.#behind = false;
      if (this.#droppedMs > 0) this.#options.log.warn('call_audio_dropped', { ms: Math.round(this.#droppedMs) });
      this.#droppedMs = 0;
    });
  }

  audioExceeded(): void {
    this.#options.log.warn('call_audio_exceeded', {});
  }

  #take(data: string | Uint8Array, session: Session): void | Promise<void> {
    const { dialect, heavyFrames, claim } = this.#options;
    const notices = this.#notices;
    if (typeof data !== 'string') return session.refuse(callErrors.binaryMessage(), null, this);
    if (!isHeavy(data.length, () => data)) return session.receive(dialect.parse(data, notices), this);
    const parsed = heavyFrames.parse(Buffer.from(data), { dialect: dialect.name, claim, notices });
    return parsed.then((event) => (this.#closing ? undefined : session.receive(event, this)));
  }

  #refuse(error: unknown, session: Session): void {
    if (error instanceof ClientEventError) return session.refuse(error.wireError, error.clientEventId, this);
    this.#options.log.error('session_failed', { error });
    session.refuse(wireErrors.internal('handling an event'), null, this);
  }

  #tooFast(): void {
    const { limits, log } = this.#options;
    log.warn('peer_too_fast', { eventsPerSecond: limits.eventsPerSecond });
    this.#session?.refuse(wireErrors.tooManyEvents(limits.eventsPerSecond), null, this);
  }

  #established(): void {
    if (!this.#isConnected || (!this.#hasChannel && this.#output)) return;
    this.#cancelDeadline();
    this.#options.established();
  }

  #overdue(): void {
    const reason = this.#isConnected
      ? 'the client of the call did not open its data channel in time'
      : endings.unreachable.reason;
    this.close({ code: 1006, reason });
  }

  /** Nothing is sent or processed from now on. */
  #stop(reason: CloseReason): void {
    this.#closing ??= reason;
    this.#cancelDeadline();
    this.#rate.stop();
  }
}
