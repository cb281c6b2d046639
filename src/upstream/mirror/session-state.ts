/** Converts an upstream's session to the core's configuration, and to an update that restores it. */

import { isJsonObject } from '../../core/json.ts';
import { WireError } from '../../protocol/errors/wire-errors.ts';
import { lenientCheck } from '../../protocol/parse/schema-check.ts';
import {
  applyUpdate,
  defaultRealtimeConfig,
  type RealtimeConfig,
  type SessionType,
  sessionUpdateSchema,
} from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';
import { type JsonObject, objectAt, textAt } from '../link/json.ts';

const check = lenientCheck('ga');

/**
 * The configuration of an upstream's session, with defaults for fields that are missing or invalid in the core's
 * schema.
 */
export function knownConfig(session: JsonObject, type: SessionType): RealtimeConfig {
  const expiresAt = session.expires_at;
  let config = defaultRealtimeConfig({
    id: textAt(session, 'id') ?? '',
    model: textAt(session, 'model') ?? '',
    expiresAt: typeof expiresAt === 'number' ? expiresAt : 0,
  });
  for (const path of fieldsOf(type)) {
    const value = withoutNulls(path === 'tools' ? knownTools(session) : valueAt(session, path));
    if (value === undefined) continue;
    try {
      // A copy, from which fields unknown to the core are removed.
      const event = structuredClone({ session: updateOf(type, path, value) });
      config = applyUpdate(config, check(sessionUpdateSchema, event.session));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  return config;
}

/** The update that gives a new session this configuration. */
export function restoringUpdate(session: JsonObject, type: SessionType): JsonObject {
  const update: JsonObject = { type };
  for (const path of fieldsOf(type)) {
    const value = valueAt(session, path);
    // A new session has null for these fields, except for turn detection, which null turns off.
    if (value === undefined || (value === null && !path.endsWith('.turn_detection'))) continue;
    setAt(update, path.split('.'), withoutNulls(value));
  }
  return update;
}

export interface SessionSources {
  type: SessionType;
  /** Updates that the upstream accepted, merged. */
  accepted: JsonObject;
  /** Fields that the client secret sets and locks: they override the upstream's report. */
  locked: JsonObject;
}

/**
 * A copy of the upstream's last report, completed with fields that this server knows better or that are not reported.
 */
export function completedSession(reported: JsonObject, { type, accepted, locked }: SessionSources): JsonObject {
  let session = reported;
  for (const path of fieldsOf(type)) {
    // An upstream does not report the secrets of MCP servers.
    const sources = path === 'tools' && usesServers(accepted.tools) ? [locked, accepted] : [locked, reported, accepted];
    const value = sources.map((source) => valueAt(source, path)).find((each) => each !== undefined);
    if (value !== undefined) session = withAt(session, path.split('.'), value);
  }
  return session;
}

/** Merges an update into earlier ones; `among` restricts the fields. */
export function mergeUpdate(
  before: JsonObject,
  update: JsonObject,
  { type, among }: { type: SessionType; among?: readonly string[] },
): void {
  for (const path of fieldsOf(type)) {
    const value = valueAt(update, path);
    if (value === undefined || !(among?.includes(path) ?? true)) continue;
    const complete = path === 'tools' ? completedTools(value, before.tools) : value;
    setAt(before, path.split('.'), structuredClone(complete));
  }
}

/** The first of some fields that `update` sets and `session` lacks. */
export function firstUnreported(
  among: readonly string[],
  { update, session, type }: { update: JsonObject; session: JsonObject; type: SessionType },
): string | undefined {
  const unreported = (path: string) => valueAt(update, path) !== undefined && valueAt(session, path) === undefined;
  return fieldsOf(type).find((path) => among.includes(path) && unreported(path));
}

/** Without the temperature: a GA upstream has none. */
function fieldsOf(type: SessionType): string[] {
  return sessionKinds[type].fields.filter((path) => path !== 'temperature');
}

/** Twice as many as a session of this server has at most. */
const maxTools = 256;

function knownTools(session: JsonObject): unknown {
  const { tools } = session;
  return Array.isArray(tools) ? tools.slice(0, maxTools).filter(isKnownTool).map(withoutNulls) : undefined;
}

function isKnownTool(tool: unknown): tool is JsonObject {
  return isJsonObject(tool) && (tool.type === 'function' || tool.type === 'mcp');
}

function usesServers(tools: unknown): boolean {
  return Array.isArray(tools) && tools.some((tool) => isJsonObject(tool) && tool.type === 'mcp');
}

/** Tools as they were set, with what a definition of an MCP server takes over from an earlier one of its label. */
function completedTools(tools: unknown, earlier: unknown): unknown {
  if (!Array.isArray(tools) || !Array.isArray(earlier)) return tools;
  return tools.map((tool) => {
    if (!isJsonObject(tool) || tool.type !== 'mcp') return tool;
    if (['server_url', 'connector_id', 'tunnel_id'].some((field) => field in tool)) return tool;
    const before = earlier.find((each) => isJsonObject(each) && each.server_label === tool.server_label);
    return { ...before, ...tool };
  });
}

function updateOf(type: SessionType, path: string, value: unknown): JsonObject {
  const update: JsonObject = { type };
  setAt(update, path.split('.'), value);
  return update;
}

function valueAt(session: JsonObject, path: string): unknown {
  const names = path.split('.');
  const last = names.pop() ?? '';
  return names.reduce(objectAt, session)[last];
}

function setAt(target: JsonObject, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const inner = objectAt(target, name);
  target[name] = inner;
  setAt(inner, rest, value);
}

/** A copy with a value at a path. It shares all objects that are not on the path. */
function withAt(target: JsonObject, [name = '', ...rest]: string[], value: unknown): JsonObject {
  return { ...target, [name]: rest.length === 0 ? value : withAt(objectAt(target, name), rest, value) };
}

/** Removes null fields: fields that are replaced whole have their defaults, and some of them must not be null. */
export function withoutNulls(value: unknown): unknown {
  return isJsonObject(value) ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null)) : value;
}
