import assert from 'node:assert/strict';
import { createResampler } from '../../src/audio/resample.ts';
import { randomId } from '../../src/protocol/ids.ts';
import {
  ClientEventError,
  gaDialect,
  type Item,
  type ServerEvent,
  type ServerEventOf,
  type ServerEventType,
} from '../../src/protocol/index.ts';
import type { CloseReason, Peer } from '../../src/session/ports.ts';
import { RealtimeSession } from '../../src/session/realtime-session.ts';
import {
  defaultSessionSettings,
  type SessionLimits,
  type SessionLog,
  type SessionSettings,
} from '../../src/session/settings.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { type FakeEngines, fakeEngines } from './fake-engines.ts';

// WebAssembly is loaded by its first use, which a fake clock cannot wait for.
(await createResampler(16000, 24000)).free();

/** A log that keeps warnings, and what says that the code itself is wrong. */
class FaultLog implements SessionLog {
  readonly faults: object[] = [];
  readonly warnings: object[] = [];
  debug(): void {}
  info(): void {}
  warn(event: string, details: object): void {
    this.warnings.push({ event, ...details });
  }
  error(event: string, details: object): void {
    if (event === 'session_fault') this.faults.push(details);
  }
}

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };

/** A client of a session without a socket: it sends frames of text, and keeps the events that come back. */
export class Client implements Peer {
  readonly id = 'client';
  readonly events: ServerEvent[] = [];
  closed: CloseReason | undefined;
  #session: RealtimeSession;

  constructor(session: RealtimeSession) {
    this.#session = session;
    session.attach(this);
  }

  /** Called by the session; what arrives is what a socket would carry. */
  send(event: ServerEvent): void {
    assert.equal(this.closed, undefined, 'nothing is sent after the close');
    this.events.push(JSON.parse(gaDialect.serialise(event) ?? '') as ServerEvent);
  }

  close(reason: CloseReason): void {
    this.closed = reason;
  }

  /** Sends one event and lets everything that it sets going happen, as far as that needs no time. */
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
      void this.#session.receive(gaDialect.parse(text), this);
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

  /** The item as the session has it now, with its audio. */
  async retrieve(itemId: string): Promise<Item> {
    await this.say({ type: 'conversation.item.retrieve', item_id: itemId });
    const { item } = this.last('conversation.item.retrieved');
    assert.equal(item.id, itemId);
    return item;
  }

  /** The types of all events so far, in order; runs of the same delta count as one. */
  types(): string[] {
    const types = this.events.map((event) => event.type);
    return types.filter((type, index) => !(type.endsWith('.delta') && types[index - 1] === type));
  }

  all<T extends ServerEventType>(type: T): ServerEventOf<T>[] {
    return this.events.filter((event): event is ServerEventOf<T> => event.type === type);
  }

  /** The last event of a type; the test fails when there is none. */
  last<T extends ServerEventType>(type: T): ServerEventOf<T> {
    const event = this.all(type).at(-1);
    assert.ok(event, `no ${type} among ${this.events.map((each) => each.type).join(', ')}`);
    return event;
  }

  /** The error that the last event was answered with. */
  lastError(): ServerEventOf<'error'>['error'] {
    return this.last('error').error;
  }

  forget(): void {
    this.events.length = 0;
  }
}

/** The bytes of an item's only audio part, decoded from base64. */
export function audioOf(item: Item): Buffer {
  const part = item.type === 'message' ? item.content[0] : undefined;
  assert.ok(part?.type === 'input_audio' || part?.type === 'output_audio', 'the item has no audio part');
  return Buffer.from(part.audio ?? '', 'base64');
}

/** The transcript of an item's only audio part. */
export function transcriptOf(item: Item): string | null | undefined {
  const part = item.type === 'message' ? item.content[0] : undefined;
  assert.ok(part?.type === 'input_audio' || part?.type === 'output_audio', 'the item has no audio part');
  return part.transcript;
}

export interface Conversation {
  clock: FakeClock;
  engines: FakeEngines;
  session: RealtimeSession;
  client: Client;
  log: FaultLog;
}

type PartialSettings = Partial<Omit<SessionSettings, 'limits'>> & { limits?: Partial<SessionLimits> };

/** A session with fake engines and a fake clock, and one client attached to it. */
export function newConversation({ limits, ...settings }: PartialSettings = {}): Conversation {
  const clock = new FakeClock();
  const engines = fakeEngines();
  const log = new FaultLog();
  const session = new RealtimeSession({
    model: 'gpt-realtime',
    engines,
    clock,
    ids: randomId,
    settings: {
      ...defaultSessionSettings,
      ...settings,
      limits: { ...defaultSessionSettings.limits, ...limits },
    },
    log,
  });
  return { clock, engines, session, client: new Client(session), log };
}

/** An update of a realtime session. */
export function update(session: object): object {
  return { type: 'session.update', session: { type: 'realtime', ...session } };
}

export function userText(text: string): object {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  };
}
