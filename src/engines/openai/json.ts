/** Reads what a server sent, which may be anything: a field that is missing or of another type is undefined. */

import { holdsMoreValuesThan, maxValues } from '../../protocol/parse/frame-parser.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

/**
 * The value of a JSON document that a server sent: its length is bounded by whoever read it, its values are here, because
 * a megabyte can hold half a million of them.
 * @throws {RequestFailure}
 */
export function parseJson(text: string): unknown {
  if (holdsMoreValuesThan(maxValues, text)) {
    throw new RequestFailure(`it sent a message with more than ${maxValues} values`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestFailure(`it sent something that is not JSON: "${excerpt(text)}"`);
  }
}

export function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

export function textField(value: unknown, key: string): string | undefined {
  const found = field(value, key);
  return typeof found === 'string' ? found : undefined;
}

export function numberField(value: unknown, key: string): number | undefined {
  const found = field(value, key);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

export function listField(value: unknown, key: string): readonly unknown[] {
  const found = field(value, key);
  return Array.isArray(found) ? found : [];
}
