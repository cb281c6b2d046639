/** The figures of a session that is not this page's: of a row of the server's list, or of a saved record. */

import { element, make } from '../dom.js';

/** @typedef {import('./sessions-api.js').SessionRow} SessionRow */
/** @typedef {import('./record.js').SessionRecord} SessionRecord */
/** @typedef {[name: string, value: string][]} Facts */

/** A longer value gets more space. */
const wideCharacters = 16;
const engineNames = /** @type {Record<string, string>} */ ({
  voiceActivity: 'voice activity',
  languageModel: 'language model',
});

/** @param {Facts} facts */
export function showFacts(facts) {
  const list = element('facts', HTMLElement);
  const values = [...list.querySelectorAll('dd')];
  const isSame =
    values.length === facts.length && facts.every(([name], i) => list.querySelectorAll('dt')[i]?.textContent === name);
  // Figures are replaced in place, so that a selection in the others stays.
  if (isSame) {
    for (const [i, [, value]] of facts.entries()) {
      const shown = values[i];
      if (shown !== undefined && shown.textContent !== value) shown.textContent = value;
    }
    return;
  }
  list.replaceChildren(
    ...facts.map(([name, value]) =>
      make('div', value.length > wideCharacters ? 'wide' : '', make('dt', '', name), make('dd', '', value)),
    ),
  );
}

/**
 * @param {SessionRow} row
 * @returns {Facts}
 */
export function factsOfRow(row) {
  const { responses, used } = row.usage;
  return [
    ['Model', describeModel(row)],
    ['Age', formatDuration(row.age_seconds)],
    ['Turns', String(row.turns)],
    ['Latency (median)', describeLatency(row)],
    ['Cost', describeCost(row)],
    ['Responses', list(responses)],
    ['Transport', row.transport === 'webrtc' ? 'WebRTC' : 'WebSocket'],
    ['Connections', String(row.connections)],
    ['Engines', describeEngines(row)],
    ['Used', list(used)],
    ['Session', row.id],
    ['Opened', new Date(row.opened_at * 1000).toLocaleString()],
    ['Project and key', row.key === null ? row.project : `${row.project}, ${row.key}`],
  ];
}

/**
 * @param {SessionRecord} record
 * @returns {Facts}
 */
export function factsOfRecord(record) {
  const events = record.entries.map(({ event }) => event);
  const created = events.findLast((event) => event.type === 'session.created' || event.type === 'session.updated');
  const ofType = (/** @type {string} */ type) => events.filter((event) => event.type === type).length;
  const audible = events.flatMap((event) => (event.type === 'parley.ledger' ? (event.at_ms.audible ?? []) : []));
  return [
    ['Started', record.startedAt.toLocaleString()],
    ['Duration', formatDuration(record.endMs / 1000)],
    ['Model', created?.session.type === 'realtime' ? String(created.session.model) : '–'],
    ['Events', events.length.toLocaleString('en')],
    ['Turns', String(ofType('input_audio_buffer.committed'))],
    ['Responses', String(ofType('response.done'))],
    ['Latency (median)', audible.length === 0 ? '–' : `${Math.round(median(audible))} ms`],
    ['Errors', String(ofType('error'))],
    ['Audio', record.withoutAudio === '' ? 'both sides' : 'none'],
  ];
}

/** @param {SessionRow} row */
export function describeModel({ type, model }) {
  return type === 'transcription' ? 'Transcription' : model;
}

/** @param {SessionRow} row */
function describeEngines({ engines }) {
  return Object.entries(engines)
    .map(([part, name]) => (part === 'upstream' ? `relayed to ${name}` : `${engineNames[part] ?? part} ${name}`))
    .join(', ');
}

/** @param {SessionRow} row */
export function describeLatency({ latency }) {
  return latency === null ? '–' : `${Math.round(latency.median_ms)} ms`;
}

/** @param {SessionRow} row */
export function describeCost({ usage: { cost, currency } }) {
  return cost === undefined ? '–' : `${cost.toFixed(4)} ${currency}`;
}

/** @param {number} seconds */
export function formatDuration(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** @param {Record<string, number>} counts */
function list(counts) {
  const parts = Object.entries(counts).map(([name, count]) => `${count.toLocaleString('en')} ${name}`);
  return parts.join(', ') || '–';
}

/** @param {number[]} values at least one */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
