/** Conversations that follow a script, on a fake clock. */

import assert from 'node:assert/strict';
import { readScript } from '../../../src/engines/script/read-script.ts';
import { type Script, ScriptError } from '../../../src/engines/script/script.ts';
import { scriptedEngines } from '../../../src/engines/script/scripted-engines.ts';
import type { EngineSet } from '../../../src/engines/spec/registry.ts';
import type { ServerEventOf } from '../../../src/protocol/index.ts';
import { randomId } from '../../../src/protocol/wire/ids.ts';
import type { SessionType } from '../../../src/protocol/wire/session-config.ts';
import type { ToolServers } from '../../../src/session/ports/tool-servers.ts';
import { RealtimeSession } from '../../../src/session/realtime-session.ts';
import { defaultSessionSettings } from '../../../src/session/settings.ts';
import { Client, update, userText } from '../../support/conversation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeEngines } from '../../support/fake-engines.ts';
import { newParts, type Parts } from '../../support/responses.ts';

export const file = 'support.yaml';

/** A valid script. */
export function script(text: string): Script {
  const read = readScript(file, text);
  assert.ok('rules' in read, 'this script plays a cassette');
  return read;
}

/** The errors of a script. */
export function problemsOf(text: string): readonly string[] {
  try {
    readScript(file, text);
  } catch (error) {
    if (error instanceof ScriptError) return error.problems;
    throw error;
  }
  return [];
}

export interface Scripted {
  clock: FakeClock;
  client: Client;
  session: RealtimeSession;
}

interface FollowOptions {
  spoken?: boolean;
  /** Names of functions. */
  tools?: string[];
  /** The MCP server `docs`. */
  servers?: ToolServers;
}

/** A session that follows a script, in text unless `spoken`. Fakes replace the other engines. */
export async function follow(
  text: string,
  { spoken = false, tools = [], servers }: FollowOptions = {},
): Promise<Scripted> {
  const clock = new FakeClock();
  const set = scriptedEngines(script(text), { clock, create: () => fakeSet() });
  const scripted = openOn(set, clock, { ...(servers && { servers }) });
  await scripted.client.say(
    update({
      output_modalities: [spoken ? 'audio' : 'text'],
      audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } },
      tools: [
        ...tools.map((name) => ({ type: 'function', name, parameters: { type: 'object' } })),
        ...(servers ? [{ type: 'mcp', server_label: 'docs', server_url: 'https://docs.example/mcp' }] : []),
      ],
    }),
  );
  scripted.client.forget();
  return scripted;
}

/** Fakes, as a set that is ready. */
export function fakeSet(engines = fakeEngines()): EngineSet {
  return { engines, ready: Promise.resolve(), describe: () => [], close: async () => {} };
}

interface OpenOptions {
  /** Collects the reasons for which its cassette ends. */
  cuts?: string[];
  type?: SessionType;
  /** Its MCP servers. */
  servers?: ToolServers;
}

/** A new session of an engine set. */
export function openOn(
  set: EngineSet,
  clock: FakeClock,
  { cuts = [], type = 'realtime', servers }: OpenOptions = {},
): Scripted {
  const own = set.openSession?.({
    type,
    model: 'gpt-realtime',
    clock,
    drop: () => session.close({ code: 1006, reason: 'dropped' }),
    cassetteCut: ({ reason }) => cuts.push(reason),
  });
  const session: RealtimeSession = new RealtimeSession({
    type,
    model: 'gpt-realtime',
    engines: own?.engines ?? set.engines,
    clock,
    ids: own?.ids ?? randomId,
    settings: defaultSessionSettings,
    ...(servers && { toolServers: own?.toolServers?.(servers) ?? servers }),
  });
  void session.ended.then(() => own?.close?.());
  return { clock, session, client: new Client(session) };
}

/** The responses of a new session of an engine set, for turns that the test supplies. `close` ends it. */
export function partsOn(set: EngineSet): Parts & { dropped: () => number; close: () => void } {
  const clock = new FakeClock();
  let drops = 0;
  const own = set.openSession?.({
    type: 'realtime',
    model: 'gpt-realtime',
    clock,
    drop: () => {
      drops += 1;
    },
    cassetteCut: ({ reason }) => assert.fail(reason),
  });
  assert.ok(own);
  const parts = newParts(own.engines, { clock });
  const close = () => {
    parts.responses.close();
    own.close?.();
  };
  return { ...parts, dropped: () => drops, close };
}

/** Sends a text turn and returns the response. */
export async function ask({ client }: Scripted, text: string): Promise<Answer> {
  await client.say(userText(text));
  return respond(client);
}

/** Sends the output of the last call and returns the response. */
export async function giveOutput({ client }: Scripted, callId: string, output: string): Promise<Answer> {
  const item = { type: 'function_call_output', call_id: callId, output };
  await client.say({ type: 'conversation.item.create', item });
  return respond(client);
}

export interface Answer {
  said: string;
  calls: { callId: string; name: string; arguments: string }[];
  response: ServerEventOf<'response.done'>['response'];
  /** The message of a failure. */
  failure: string | undefined;
}

export async function respond(client: Client): Promise<Answer> {
  await client.say({ type: 'response.create' });
  return answered(client);
}

/** The text of the last response. */
export function answered(client: Client): Answer {
  const { response } = client.last('response.done');
  const output = response.output ?? [];
  const words = output.flatMap((item) =>
    item.type === 'message' && item.role === 'assistant'
      ? item.content.map((part) => (part.type === 'output_text' ? part.text : (part.transcript ?? '')))
      : [],
  );
  const calls = output.flatMap((item) =>
    item.type === 'function_call' ? [{ callId: item.call_id ?? '', name: item.name, arguments: item.arguments }] : [],
  );
  const details = response.status_details;
  const failure = details?.type === 'failed' ? details.error?.message : undefined;
  return { said: words.join('|'), calls, response, failure };
}
