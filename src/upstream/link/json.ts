/** Reads untrusted messages of an upstream. */

import { isJsonObject } from '../../core/json.ts';
import { holdsMoreValuesThan, maxDepth, maxValues, nestsDeeperThan } from '../../protocol/parse/frame-parser.ts';
import type { JsonObject } from '../../protocol/parse/schema-check.ts';

export type { JsonObject } from '../../protocol/parse/schema-check.ts';

const maxTypeLength = 128;

/** An event of an upstream: an object with a type, its other fields unread. */
export type UpstreamEvent = JsonObject & { type: string };

/** Minimum length of a key to redact: a shorter one is no secret and occurs in ordinary text. */
const minSecretLength = 8;

/** Replaces an upstream's key. */
export function redactText(text: string, secret: string | undefined): string {
  return secret !== undefined && secret.length >= minSecretLength ? text.replaceAll(secret, '…') : text;
}

/** The event in a text frame, with the upstream's key redacted, or what is wrong with it, in words for the log. */
export function readEvent(text: string, secret: string | undefined): UpstreamEvent | string {
  const event = parseEvent(text);
  if (typeof event === 'string' || secret === undefined) return event;
  // The key is in the text literally or escaped.
  const mayNameKey = text.includes(secret) || text.includes('\\');
  return mayNameKey ? redact(event, (each) => redactText(each, secret)) : event;
}

function parseEvent(text: string): UpstreamEvent | string {
  // Checked before parsing: a message in which each byte is an object would use all memory.
  if (holdsMoreValuesThan(maxValues, text)) return `more than ${maxValues} values`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (!isJsonObject(value)) return 'not a JSON object';
  if (nestsDeeperThan(maxDepth, value)) return `nested more than ${maxDepth} levels deep`;
  if (!hasType(value)) return 'without a type';
  return value;
}

function hasType(value: JsonObject): value is UpstreamEvent {
  return typeof value.type === 'string' && value.type !== '' && value.type.length <= maxTypeLength;
}

/** A field that is an object, or an empty one. */
export function objectAt(value: JsonObject, name: string): JsonObject {
  const field = value[name];
  return isJsonObject(field) ? field : {};
}

/** A field that is text. */
export function textAt(value: JsonObject, name: string): string | undefined {
  const field = value[name];
  return typeof field === 'string' ? field : undefined;
}

/** A copy of an event in which all texts, names of fields included, went through `redacted`. Its depth is bounded by `parseEvent`. */
function redact(event: UpstreamEvent, redacted: (text: string) => string): UpstreamEvent {
  return { ...redactObject(event, redacted), type: redacted(event.type) };
}

function redactObject(object: JsonObject, redacted: (text: string) => string): JsonObject {
  const redactValue = (value: unknown): unknown => {
    if (typeof value === 'string') return redacted(value);
    if (Array.isArray(value)) return value.map(redactValue);
    return isJsonObject(value) ? redactObject(value, redacted) : value;
  };
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [redacted(name), redactValue(value)]));
}
