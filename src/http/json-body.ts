import type { IncomingMessage } from 'node:http';
import { messageOf } from '../core/errors.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { wireErrors } from '../protocol/errors/wire-errors.ts';
import { holdsMoreValuesThan, maxDepth, maxValues, nestsDeeperThan } from '../protocol/parse/frame-parser.ts';
import type { JsonObject } from '../protocol/parse/schema-check.ts';
import { type BodyLimits, readBody } from './body.ts';
import { HttpRefusal } from './refusal.ts';

/**
 * Parses the JSON object of a request; an empty body is an empty object. The limits of protocol events apply.
 * @throws {HttpRefusal} or {WireError} when the body is invalid
 */
export async function jsonBody(incoming: IncomingMessage, limits: BodyLimits): Promise<JsonObject> {
  const text = new TextDecoder().decode(await readBody(incoming, limits));
  if (text.trim() === '') return {};
  const type = incoming.headers['content-type'] ?? '';
  // Cross-origin pages can send other content types without a preflight request.
  if (!/^application\/json *(;|$)/i.test(type)) throw new HttpRefusal(415, httpErrors.notJson(type));
  return parseJsonObject(text);
}

/** @throws {WireError} when the text is no JSON object within the limits */
export function parseJsonObject(text: string): JsonObject {
  if (holdsMoreValuesThan(maxValues, text)) throw httpErrors.invalidBody(`It has more than ${maxValues} values.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wireErrors.invalidJson(messageOf(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw httpErrors.invalidBody('It is no JSON object.');
  if (nestsDeeperThan(maxDepth, value)) throw httpErrors.invalidBody(`It nests more than ${maxDepth} levels deep.`);
  return value as JsonObject;
}
