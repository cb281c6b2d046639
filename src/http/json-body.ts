import type { IncomingMessage } from 'node:http';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { wireErrors } from '../protocol/errors/wire-errors.ts';
import { holdsMoreValuesThan, maxDepth, maxValues, nestsDeeperThan } from '../protocol/parse/frame-parser.ts';
import type { JsonObject } from '../protocol/parse/schema-check.ts';
import { type BodyLimits, readBody } from './body.ts';
import { HttpRefusal } from './refusal.ts';

/**
 * The JSON object that a request carries; none for an empty body. It is held to the bounds of the protocol's events.
 * @throws {HttpRefusal} or {WireError} when it is something else
 */
export async function jsonBody(incoming: IncomingMessage, limits: BodyLimits): Promise<JsonObject> {
  const text = new TextDecoder().decode(await readBody(incoming, limits));
  if (text.trim() === '') return {};
  const type = incoming.headers['content-type'] ?? '';
  // What a page of another origin can send without asking first has another type.
  if (!/^application\/json *(;|$)/i.test(type)) throw new HttpRefusal(415, httpErrors.notJson(type));
  if (holdsMoreValuesThan(maxValues, text)) throw httpErrors.invalidBody(`It has more than ${maxValues} values.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wireErrors.invalidJson(error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw httpErrors.invalidBody('It is no JSON object.');
  if (nestsDeeperThan(maxDepth, value)) throw httpErrors.invalidBody(`It nests more than ${maxDepth} levels deep.`);
  return value as JsonObject;
}
