/** What a tool answered, as a sentence to speak. */

import { bounded, cutWords } from './words.ts';

const LONGEST_JSON = 200_000;
const MOST_ENTRIES = 40;
const LONGEST_ANSWER = 2000;
/** Names that say no more than that an answer follows. */
const WRAPPERS = new Set(['result', 'output', 'answer', 'message', 'text', 'response', 'content', 'data', 'value']);
const SUCCESSES = new Set(['ok', 'success', 'status']);

function parse(output: string): unknown {
  if (output.length > LONGEST_JSON || !/^\s*(?:[[{"]|null\b)/.test(output)) return output;
  try {
    return JSON.parse(output);
  } catch {
    return output;
  }
}

const readable = (key: string) =>
  cutWords(
    key
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .replace(/[_-]+/g, ' ')
      .toLowerCase(),
    8,
  );

function flatten(value: unknown, depth: number): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return bounded(String(value), LONGEST_ANSWER).trim();
  if (depth > 4) return 'more';
  if (Array.isArray(value)) {
    const parts = value.slice(0, MOST_ENTRIES).map((entry) => flatten(entry, depth + 1));
    return parts.join(value.some((entry) => typeof entry === 'object') ? '; ' : ', ');
  }
  const entries = Object.entries(value).slice(0, MOST_ENTRIES);
  const only = entries.length === 1 ? entries[0] : undefined;
  if (only && WRAPPERS.has(only[0])) return flatten(only[1], depth + 1);
  return entries.map(([key, entry]) => `${readable(key)}: ${flatten(entry, depth + 1)}`).join(', ');
}

function isDone(value: unknown): boolean {
  if (value === null || (typeof value === 'string' && value.trim() === '')) return true;
  if (typeof value !== 'object') return false;
  return Object.entries(value).every(
    ([key, entry]) => SUCCESSES.has(key) && /^(?:true|ok|success)$/.test(String(entry)),
  );
}

function sayOutput(output: string): string {
  const value = parse(output);
  if (isDone(value)) return 'Done.';
  if (typeof value === 'string') return bounded(value.trim(), LONGEST_ANSWER);
  if (value !== null && typeof value === 'object' && 'error' in value && value.error) {
    return `That did not work: ${bounded(flatten(value.error, 0), LONGEST_ANSWER).replace(/\.$/, '')}.`;
  }
  const text = bounded(flatten(value, 0), LONGEST_ANSWER);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Plain text is spoken as it is, JSON as `key: value` pairs; several outputs follow one another. */
export function sayOutputs(outputs: readonly string[]): string {
  return outputs.slice(-20).map(sayOutput).join(' ');
}
