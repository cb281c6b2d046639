import assert from 'node:assert/strict';
import { ClientEventError, type Dialect, type ServerEvent } from '../../src/protocol/index.ts';
import type { CloseReason, Peer } from '../../src/session/ports/peer.ts';
import type { Playback } from '../../src/session/ports/playback.ts';
import type { RealtimeSession } from '../../src/session/realtime-session.ts';
import { base64Audio } from '../../src/transport/base64-audio.ts';
import { settle } from './fake-clock.ts';
import { frameCheck } from './frame-check.ts';

/**
 * A client of a session without a socket: it sends text frames, and records the events of the session. Each is
 * validated; see `frameCheck`.
 */
export class SessionClient<Event extends { type: string }> implements Peer {
  readonly id = 'client';
  readonly codec = base64Audio;
  readonly playback: Playback | undefined;
  readonly sideband: boolean;
  readonly events: Event[] = [];
  closed: CloseReason | undefined;
  readonly #session: RealtimeSession;
  readonly #dialect: Dialect;
  readonly #check: (frame: string) => void;

  constructor(
    session: RealtimeSession,
    dialect: Dialect,
    { playback, sideband = false }: { playback?: Playback | undefined; sideband?: boolean } = {},
  ) {
    this.playback = playback;
    this.sideband = sideband;
    this.#session = session;
    this.#dialect = dialect;
    this.#check = frameCheck(dialect.name);
    session.attach(this);
  }

  /** Called by the session, with the data that a socket would carry. */
  send(event: ServerEvent): void {
    assert.equal(this.closed, undefined, 'nothing is sent after the close');
    const frame = this.#dialect.serialise(event);
    if (frame === undefined) return;
    this.#check(frame);
    this.events.push(JSON.parse(frame) as Event);
  }

  close(reason: CloseReason): void {
    this.closed = reason;
  }

  /** Sends one event and waits until the session is idle. */
  async say(event: object): Promise<void> {
    this.post(event);
    await settle();
  }

  /** Sends one event. */
  post(event: object): void {
    this.postText(JSON.stringify(event));
  }

  postText(text: string): void {
    try {
      void this.#session.receive(this.#dialect.parse(text), this);
    } catch (error) {
      if (!(error instanceof ClientEventError)) throw error;
      this.#session.refuse(error.wireError, error.clientEventId, this);
    }
  }

  /** Appends audio in chunks of `chunkMs`, in the session's default format. */
  async speak(samples: Int16Array, chunkMs = 20): Promise<void> {
    const step = Math.round(chunkMs * 24);
    for (let start = 0; start < samples.length; start += step) {
      const bytes = Buffer.from(samples.slice(start, start + step).buffer);
      this.post({ type: 'input_audio_buffer.append', audio: bytes.toString('base64') });
    }
    await settle();
  }

  /** Appends bytes of the session's input format, in one event. */
  append(bytes: Uint8Array): void {
    this.post({ type: 'input_audio_buffer.append', audio: Buffer.from(bytes).toString('base64') });
  }

  /** The types of all events so far, in order; runs of the same delta count as one. */
  types(): string[] {
    const types = this.events.map((event) => event.type);
    return types.filter((type, index) => !(type.endsWith('.delta') && types[index - 1] === type));
  }

  all<T extends Event['type']>(type: T): Extract<Event, { type: T }>[] {
    return this.events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
  }

  /** The last event of a type; fails if there is none. */
  last<T extends Event['type']>(type: T): Extract<Event, { type: T }> {
    const event = this.all(type).at(-1);
    assert.ok(event, `no ${type} among ${this.events.map((each) => each.type).join(', ')}`);
    return event;
  }

  forget(): void {
    this.events.length = 0;
  }
}
