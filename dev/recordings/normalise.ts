/** Events without what differs between two sessions that behave alike: ids, times, texts, audio and counts. */

import type { JsonObject } from './format.ts';

const texts = new Set(['delta', 'transcript', 'text', 'arguments', 'audio']);
const numbers = new Set(['audio_start_ms', 'audio_end_ms', 'expires_at', 'logprob', 'start', 'end']);
/** They may come before or after a response. */
const floating = /^conversation\.item\.input_audio_transcription\./;

/** Runs of deltas become one event of each type; transcription events, which may float, are at the end. */
export function normalise(events: readonly JsonObject[]): JsonObject[] {
  let run = new Set<string>();
  const merged = events.filter(({ type }) => {
    const name = String(type);
    if (!name.endsWith('.delta')) {
      run = new Set();
      return true;
    }
    const isFirst = !run.has(name);
    run.add(name);
    return isFirst;
  });
  const [fixed, floats] = [false, true].map((floats) =>
    merged.filter(({ type }) => floating.test(String(type)) === floats),
  );
  return [...(fixed ?? []), ...(floats ?? [])].map((event) => {
    const { event_id: _id, ...rest } = event;
    return mask(rest) as JsonObject;
  });
}

function mask(value: unknown, key = '', inUsage = false): unknown {
  if (Array.isArray(value)) return key === 'rate_limits' ? '<limits>' : value.map((each) => mask(each, '', inUsage));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([name, inner]) => [name, mask(inner, name, inUsage || name === 'usage')]));
  }
  if (typeof value === 'string') return texts.has(key) && value !== '' ? `<${key}>` : value;
  if (typeof value !== 'number') return value;
  if (numbers.has(key)) return '<number>';
  // A total of zero is a statement, and so is a fraction.
  const isCount = inUsage && Number.isInteger(value) && !(key === 'total_tokens' && value === 0);
  return isCount ? '<count>' : value;
}
