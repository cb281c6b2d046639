/** Events within the largest message that a client accepts: no client reassembles messages. */

import { jsonLength } from '../../core/json-pieces.ts';
import { graphemeBoundary } from '../../core/unicode.ts';

/** Fields of content parts that are left out first. */
const mediaFields: ReadonlySet<string> = new Set(['audio', 'image_url']);

/**
 * The JSON of a rendered event in at most `maxBytes` of UTF-8. If it is larger, audio and images are left out of its
 * content parts; then `response.done` gets a shorter output. Undefined if it is still too large.
 */
export function fittedJson(event: object, maxBytes: number): string | undefined {
  const whole = jsonWithin(event, maxBytes);
  if (whole !== undefined) return whole;
  const light = withoutMedia(event);
  return jsonWithin(light, maxBytes) ?? doneWithin(light, maxBytes);
}

function jsonWithin(value: unknown, maxBytes: number): string | undefined {
  // Most of what is too large need not be serialized.
  if (jsonLength(value, maxBytes) > maxBytes) return undefined;
  const json = JSON.stringify(value);
  return Buffer.byteLength(json) <= maxBytes ? json : undefined;
}

function withoutMedia(value: unknown, isContent = false): unknown {
  if (Array.isArray(value)) return value.map((member) => withoutMedia(member, isContent));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, member]) => !(isContent && mediaFields.has(key) && typeof member === 'string'),
  );
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutMedia(member, isContent || key === 'content')]));
}

/** Clients wait for `response.done`, so it is sent with as much of its output as fits. */
function doneWithin(event: unknown, maxBytes: number): string | undefined {
  const { type, response } = Object(event);
  if (type !== 'response.done') return undefined;
  const output: unknown = Object(response).output;
  if (!Array.isArray(output)) return undefined;
  const withOutput = (items: readonly unknown[]) =>
    jsonWithin({ ...Object(event), response: { ...Object(response), output: items } }, maxBytes);
  for (let characters = maxBytes / 2; characters >= 1; characters /= 2) {
    const json = withOutput(output.flatMap((item: unknown) => shortItem(item, characters)));
    if (json !== undefined) return json;
  }
  return withOutput([]);
}

/** A message with its texts cut; other items, such as calls, are meaningless if they are cut, and left out instead. */
function shortItem(item: unknown, characters: number): unknown[] {
  const { type, content } = Object(item);
  if (type !== 'message' || !Array.isArray(content)) return jsonLength(item, characters) > characters ? [] : [item];
  const cut = (value: unknown) =>
    typeof value === 'string' ? value.slice(0, graphemeBoundary(value, Math.floor(characters))) : value;
  const parts = content.map((part: unknown) =>
    Object.fromEntries(Object.entries(Object(part)).map(([key, value]) => [key, key === 'type' ? value : cut(value)])),
  );
  return [{ ...Object(item), content: parts }];
}
