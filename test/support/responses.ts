/** The responses of a session without its actor: the test supplies the turns. */

import assert from 'node:assert/strict';
import type { IdSource } from '../../src/protocol/wire/ids.ts';
import type { UserMessage } from '../../src/protocol/wire/items.ts';
import type { UnsentEvent } from '../../src/protocol/wire/server-events.ts';
import { applyUpdate, type SessionUpdate } from '../../src/protocol/wire/session-config.ts';
import { logSession } from '../../src/server/session-log.ts';
import type { ConversationEntry } from '../../src/session/conversation/conversation.ts';
import { ItemOperations } from '../../src/session/conversation/item-operations.ts';
import { Transcription } from '../../src/session/input/transcription.ts';
import { Observers } from '../../src/session/observing/observers.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import type { Meter } from '../../src/session/ports/meter.ts';
import { Responses } from '../../src/session/response/responses.ts';
import { SessionCore, type SessionOptions } from '../../src/session/session-core.ts';
import { defaultSessionSettings, noMeter, type SessionSettings } from '../../src/session/settings.ts';
import { McpTools } from '../../src/session/tools/mcp-tools.ts';
import { base64Audio } from '../../src/transport/base64-audio.ts';
import { FakeClock, settle } from './fake-clock.ts';

/** The visible state of a session. */
export interface Trace {
  events: unknown[];
  log: unknown[];
  meter: unknown[];
}

export interface Parts {
  core: SessionCore;
  clock: FakeClock;
  items: ItemOperations;
  responses: Responses;
  trace: Trace;
  configure(session: Omit<Extract<SessionUpdate, { type: 'realtime' }>, 'type'>): void;
  /** Adds the user's text to the conversation. */
  say(text: string): void;
  /** Creates a response, and waits for the end of its playback. */
  answer(): Promise<void>;
}

type PartsOptions = Partial<Omit<SessionOptions, 'settings' | 'clock'>> & {
  clock?: FakeClock;
  settings?: Partial<SessionSettings>;
};

export function newParts(engines: Engines, { clock = new FakeClock(), ...options }: PartsOptions = {}): Parts {
  const trace: Trace = { events: [], log: [], meter: [] };
  const note = (level: string) => (event: string, details: object) => {
    // The end of a response is visible in its events.
    if (event !== 'response_done') trace.log.push([level, event, details]);
  };
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const core = new SessionCore({
    model: 'gpt-realtime',
    clock,
    ids: countedIds(),
    observers: new Observers({ clock, observers: [logSession(log)] }),
    ...options,
    engines,
    meter: notedMeter(options.meter ?? noMeter, trace),
    settings: { ...defaultSessionSettings, ...options.settings },
  });
  core.attach({
    id: 'peer',
    codec: base64Audio,
    send: (event) => trace.events.push(structuredClone(event)),
    close() {},
  });
  const items: ItemOperations = new ItemOperations(core, new Transcription(core), (id) => responses.release(id));
  const responses = new Responses(core, { items, mcp: new McpTools(core) }, { ended() {}, toolDone() {} });
  return {
    core,
    clock,
    items,
    responses,
    trace,
    configure: (session) => core.configure(applyUpdate(core.config, { type: 'realtime', ...session })),
    say(text) {
      const content = [{ type: 'input_text' as const, text }];
      items.create({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }, new Map());
    },
    async answer() {
      responses.create({});
      await clock.advance(60_000);
      assert.equal(responses.running, false, 'the response has not ended');
    },
  };
}

/** The user's text, as a turn policy expects it in the conversation. */
export function expectedTurn(text: string): ConversationEntry {
  const item: UserMessage = {
    id: 'item_expected',
    object: 'realtime.item',
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_text', text }],
  };
  return { item, heard: new Map(), spoken: new Map() };
}

/** Everything that a session's clients, log and meter have received, and its conversation. */
export async function traceOf({ core, trace }: Parts): Promise<unknown> {
  await settle();
  return { ...trace, items: core.conversation.entries.map(({ item }) => item), version: core.conversation.version };
}

export function eventTypes({ trace }: Parts): string[] {
  return trace.events.map((event) => (event as UnsentEvent).type);
}

function countedIds(): IdSource {
  const counts = new Map<string, number>();
  return (kind) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${kind}_${count}`;
  };
}

function notedMeter(meter: Meter, { meter: calls }: Trace): Meter {
  return {
    admitResponse(expected) {
      calls.push(['admitResponse', expected]);
      return meter.admitResponse(expected);
    },
    responseUsed(usage, reservation) {
      calls.push(['responseUsed', structuredClone(usage)]);
      meter.responseUsed(usage, reservation);
    },
    transcriptionUsed(usage) {
      calls.push(['transcriptionUsed', usage]);
      meter.transcriptionUsed(usage);
    },
    rateLimits: () => meter.rateLimits(),
  };
}
