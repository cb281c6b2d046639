/** Reads unvalidated data from a server: a field that is missing or of another type is undefined. */

import { holdsMoreValuesThan, maxValues } from '../../protocol/parse/frame-parser.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

/**
 * Parses a JSON document from a server. The caller bounds its length; this bounds the number of its values, because
 * a megabyte can contain half a million of them.
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
