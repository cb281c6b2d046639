import type { HonoRequest } from 'hono';
import { WireError, wireErrors } from '../protocol/errors.ts';
import {
  holdsMoreValuesThan,
  type JsonObject,
  maxDepth,
  maxValues,
  nestsDeeperThan,
} from '../protocol/frame-parser.ts';
import { HttpRefusal } from './refusal.ts';

/**
 * The JSON object that a request carries; none for an empty body. It is held to the bounds of the protocol's events.
 * @throws {HttpRefusal} or {WireError} when it is something else
 */
export async function jsonBody(request: HonoRequest): Promise<JsonObject> {
  const text = await request.text().catch(() => {
    throw new HttpRefusal(400, new WireError('Bad request: the body broke off.', { code: 'bad_request' }));
  });
  if (text.trim() === '') return {};
  const type = request.header('content-type') ?? '';
  // What a page of another origin can send without asking first has another type.
  if (!/^application\/json *(;|$)/i.test(type)) throw new HttpRefusal(415, wrongType(type));
  if (holdsMoreValuesThan(maxValues, text)) throw invalidBody(`It has more than ${maxValues} values.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wireErrors.invalidJson(error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidBody('It is no JSON object.');
  if (nestsDeeperThan(maxDepth, value)) throw invalidBody(`It nests more than ${maxDepth} levels deep.`);
  return value as JsonObject;
}

function invalidBody(why: string): WireError {
  return new WireError(`The body cannot be taken. ${why}`, { code: 'invalid_body' });
}

function wrongType(type: string): WireError {
  const got = type === '' ? 'none' : `'${type.slice(0, 64)}'`;
  return new WireError(`The body has to be JSON: send 'Content-Type: application/json'. Got ${got}.`, {
    code: 'unsupported_content_type',
  });
}
