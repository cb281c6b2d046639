import assert from 'node:assert/strict';
import type { RealtimeServerEvent as BetaServerEvent } from 'openai/resources/beta/realtime/realtime';
import { createResampler } from '../../src/audio/resample.ts';
import { betaDialect, gaDialect, type Item, type ServerEvent, type ServerEventOf } from '../../src/protocol/index.ts';
import { randomId } from '../../src/protocol/wire/ids.ts';
import type { Log } from '../../src/server/server.ts';
import { logSession } from '../../src/server/session-log.ts';
import { Observers } from '../../src/session/observing/observers.ts';
import type { SessionObserver } from '../../src/session/ports/observer.ts';
import type { Playback } from '../../src/session/ports/playback.ts';
import { RealtimeSession } from '../../src/session/realtime-session.ts';
import type { SessionOptions } from '../../src/session/session-core.ts';
import { defaultSessionSettings, type SessionLimits, type SessionSettings } from '../../src/session/settings.ts';
import { FakeClock } from './fake-clock.ts';
import { type FakeEngines, fakeEngines } from './fake-engines.ts';
import { SessionClient } from './session-client.ts';

// Loads WebAssembly before the test, because a fake clock cannot wait for it.
(await createResampler(16000, 24000)).free();

/** A log that records warnings and internal errors. */
class FaultLog implements Log {
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

/** A GA client of a session, without a socket. */
export class Client extends SessionClient<ServerEvent> {
  constructor(session: RealtimeSession, playback?: Playback) {
    super(session, gaDialect, { playback });
  }

  /** The current item in the session, with its audio. */
  async retrieve(itemId: string): Promise<Item> {
    await this.say({ type: 'conversation.item.retrieve', item_id: itemId });
    const { item } = this.last('conversation.item.retrieved');
    assert.equal(item.id, itemId);
    return item;
  }

  /** The error for the last event. */
  lastError(): ServerEventOf<'error'>['error'] {
    return this.last('error').error;
  }
}

/** A sideband of a call, without a socket. */
export class Sideband extends SessionClient<ServerEvent> {
  constructor(session: RealtimeSession) {
    super(session, gaDialect, { sideband: true });
  }
}

/** A beta client of a session, without a socket. */
export class BetaClient extends SessionClient<BetaServerEvent> {
  constructor(session: RealtimeSession) {
    super(session, betaDialect);
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
export function newConversation(
  { limits, ...settings }: PartialSettings = {},
  {
    observers = [],
    ...kind
  }: Pick<SessionOptions, 'type' | 'grant' | 'meter' | 'tokens' | 'images' | 'toolRunner' | 'toolServers'> & {
    observers?: readonly SessionObserver[];
  } = {},
): Conversation {
  const clock = new FakeClock();
  const engines = fakeEngines();
  const log = new FaultLog();
  const session = new RealtimeSession({
    ...kind,
    model: 'gpt-realtime',
    engines,
    clock,
    ids: randomId,
    settings: {
      ...defaultSessionSettings,
      ...settings,
      limits: { ...defaultSessionSettings.limits, ...limits },
    },
    observers: new Observers({ clock, observers: [logSession(log), ...observers] }),
  });
  return { clock, engines, session, client: new Client(session), log };
}

/** An update of a realtime session. */
export function update(session: object): object {
  return { type: 'session.update', session: { type: 'realtime', ...session } };
}

/** An update of a realtime session with tools of these names. */
export function updateTools(...names: string[]): object {
  return update({ tools: names.map((name) => ({ type: 'function', name })) });
}

export function userText(text: string): object {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  };
}
