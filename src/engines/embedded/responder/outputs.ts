/** Converts the output of a tool to a sentence to speak. */

import { tryParseJson } from '../../../core/json.ts';
import { readableName, truncate } from './words.ts';

const LONGEST_JSON = 200_000;
const MOST_ENTRIES = 40;
const LONGEST_ANSWER = 2000;
/** Names that only announce an answer. */
const WRAPPERS = new Set(['result', 'output', 'answer', 'message', 'text', 'response', 'content', 'data', 'value']);
const SUCCESSES = new Set(['ok', 'success', 'status']);

function parse(output: string): unknown {
  if (output.length > LONGEST_JSON || !/^\s*(?:[[{"]|null\b)/.test(output)) return output;
  const value = tryParseJson(output);
  return value === undefined ? output : value;
}

function flatten(value: unknown, depth: number): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return truncate(String(value), LONGEST_ANSWER).trim();
  if (depth > 4) return 'more';
  if (Array.isArray(value)) {
    const parts = value.slice(0, MOST_ENTRIES).map((entry) => flatten(entry, depth + 1));
    return parts.join(value.some((entry) => typeof entry === 'object') ? '; ' : ', ');
  }
  const entries = Object.entries(value).slice(0, MOST_ENTRIES);
  const only = entries.length === 1 ? entries[0] : undefined;
  if (only && WRAPPERS.has(only[0])) return flatten(only[1], depth + 1);
  return entries.map(([key, entry]) => `${readableName(key)}: ${flatten(entry, depth + 1)}`).join(', ');
}

function sayOutput(output: string): string {
  const value = parse(output);
  const done = ([key, entry]: [string, unknown]) => SUCCESSES.has(key) && /^(?:true|ok|success)$/.test(String(entry));
  if (typeof value === 'string') return truncate(value.trim(), LONGEST_ANSWER) || 'Done.';
  if (typeof value !== 'object' || value === null || Object.entries(value).every(done)) return 'Done.';
  if ('error' in value && value.error) {
    return `That did not work: ${truncate(flatten(value.error, 0), LONGEST_ANSWER).replace(/\.$/, '')}.`;
  }
  const text = truncate(flatten(value, 0), LONGEST_ANSWER);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Plain text is spoken as is, JSON as `key: value` pairs; several outputs follow one another. */
export function sayOutputs(outputs: readonly string[]): string {
  return outputs.slice(-20).map(sayOutput).join(' ');
}
