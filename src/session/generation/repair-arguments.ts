import { isDeepStrictEqual } from 'node:util';
import { jsonrepair } from 'jsonrepair';
import { isJsonObject, tryParseJson } from '../../core/json.ts';
import { textBounds } from '../speech/text-bounds.ts';

/** Notations for no arguments. */
const emptyForms: ReadonlySet<string> = new Set(['', 'null', 'None', '[]', '""', "''"]);

/**
 * The JSON object that was meant by the arguments from a model's server, or undefined if it is ambiguous.
 * Repairable are: no text at all, an object in a code fence, tags, a list or a string, one with JavaScript or Python
 * notation, one without its last brackets after a complete value, and several objects that are empty, equal, or each an
 * extension of the one before.
 */
export function repairArguments(text: string): string | undefined {
  // It would take too long.
  if (text.length > textBounds.repairedArguments) return undefined;
  try {
    return objectIn(text, true);
  } catch {
    // The text cannot be repaired, or its brackets are so deep that the repair overflowed the stack.
    return undefined;
  }
}

function objectIn(text: string, mayBeWrapped: boolean): string | undefined {
  const bare = withoutWrapping(text);
  if (emptyForms.has(bare)) return '{}';
  if (!bare.startsWith('{')) return mayBeWrapped ? objectWithin(JSON.parse(bare)) : undefined;
  const objects = splitObjects(bare)?.map((object) => (isJson(object) ? object : jsonrepair(withEscapes(object))));
  return objects && oneOf(objects);
}

/** Escapes each backslash that does not start an escape sequence, as in Windows paths. */
function withEscapes(text: string): string {
  return text.replace(/\\(["'\\/bfnrt]|u[\da-fA-F]{4})?/g, (found, sequence?: string) => (sequence ? found : '\\\\'));
}

function objectWithin(value: unknown): string | undefined {
  if (typeof value === 'string') return objectIn(value, false);
  const [only] = Array.isArray(value) && value.length === 1 ? value : [];
  return isJsonObject(only) ? JSON.stringify(only) : undefined;
}

/** Removes a code fence, and the tags and tokens of a chat template around it. */
function withoutWrapping(text: string): string {
  return text
    .trim()
    .replace(/^```\w*\s*/, '')
    .replace(/\s*```$/, '')
    .replace(/^(?:<[^<>{}]{1,64}>\s*)+/, '')
    .replace(/(?:\s*<[^<>{}]{1,64}>)+$/, '')
    .trim();
}

/** The objects in sequence; undefined if there is anything else, or if the last is cut off within a value. */
function splitObjects(text: string): string[] | undefined {
  const objects: string[] = [];
  let depth = 0;
  let start = 0;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote !== '') {
      if (character === '\\') at += 1;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth > 0) continue;
      // More closing brackets than opening ones.
      if (depth === 0) objects.push(text.slice(start, at + 1));
      depth = 0;
      start = at + 1;
    } else if (depth === 0 && !/[\s,;]/.test(character)) return undefined;
  }
  if (depth === 0) return quote === '' ? objects : undefined;
  const rest = text.slice(start).trimEnd();
  // A number may lack digits.
  const whole = quote === '' && /(["'}\]]|\b(?:true|false|null|True|False|None))$/.test(rest) && !endsInKey(rest);
  return whole ? [...objects, rest] : undefined;
}

/** Whether the last string is a key without a value. */
function endsInKey(text: string): boolean {
  return /[{,]\s*(?:"[^"]*"|'[^']*')$/.test(text) && !/\[[^\]{}]*$/.test(text);
}

/** The object that several amount to: the first if all are equal, the last if each extends the one before. */
function oneOf(objects: readonly string[]): string | undefined {
  const values: unknown[] = objects.map((object) => JSON.parse(object));
  if (!values.every(isJsonObject)) return undefined;
  const filled = values.flatMap((value, index) => (Object.keys(value).length > 0 ? [{ value, index }] : []));
  const [first] = filled;
  const last = filled.at(-1);
  if (!first || !last) return '{}';
  if (filled.every(({ value }) => isDeepStrictEqual(value, first.value))) return objects[first.index];
  const grows = filled.every(({ value }, at) => at === 0 || extendsObject(value, filled[at - 1]?.value ?? {}));
  return grows ? objects[last.index] : undefined;
}

function extendsObject(value: object, before: object): boolean {
  return Object.entries(before).every(([key, old]) => isDeepStrictEqual(Reflect.get(value, key), old));
}

function isJson(text: string): boolean {
  return tryParseJson(text) !== undefined;
}
