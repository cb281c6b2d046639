/** Every event of the socket, one row each; consecutive deltas share a row. */

import { element, keepAtEnd, make } from './dom.js';
import { audioBytes, formatBytes, isStreaming, summarise, withoutAudio } from './event-summary.js';

/** @typedef {import('./realtime-client.js').ServerEvent} ServerEvent */
/** @typedef {import('./realtime-client.js').ClientEvent} ClientEvent */
/** @typedef {'sent' | 'received'} Direction */
/**
 * @typedef {object} Row
 * @property {HTMLLIElement} node
 * @property {HTMLButtonElement} head
 * @property {HTMLElement} summary
 * @property {HTMLElement} count
 * @property {HTMLPreElement} details
 * @property {Direction} direction
 * @property {number} atMs
 * @property {object[]} events those kept, without audio
 * @property {number} total
 * @property {number} bytes of audio
 * @property {string} words of the deltas
 * @property {string} searched lower case
 */

const maxRows = 1000;
/** Maximum number of events stored per row. */
const maxEventsPerRow = 20;
const maxWords = 2000;

export class EventLog {
  #list = element('events', HTMLElement);
  #filter = element('event-filter', HTMLInputElement);
  /** @type {Row[]} */
  #rows = [];
  /** Rows that still take events, by direction and type. @type {Map<string, Row>} */
  #open = new Map();
  #startedMs = performance.now();

  constructor() {
    this.#filter.addEventListener('input', () => {
      for (const row of this.#rows) this.#applyFilter(row);
    });
    element('clear-events', HTMLButtonElement).addEventListener('click', () => this.#clear());
    element('save-events', HTMLButtonElement).addEventListener('click', () => this.#save());
  }

  /** Resets the time to 0. */
  restartClock() {
    this.#startedMs = performance.now();
    this.#open.clear();
  }

  /**
   * @param {Direction} direction
   * @param {ServerEvent | ClientEvent} event
   */
  add(direction, event) {
    const key = `${direction} ${event.type}`;
    const open = isStreaming(event) ? this.#open.get(key) : undefined;
    if (open !== undefined) return this.#extend(open, event);
    if (!isStreaming(event)) this.#open.clear();
    const row = this.#row(direction, event);
    if (isStreaming(event)) this.#open.set(key, row);
    this.#rows.push(row);
    this.#extend(row, event);
    keepAtEnd(this.#list, () => {
      this.#list.append(row.node);
      if (this.#rows.length > maxRows) this.#rows.shift()?.node.remove();
    });
  }

  /**
   * @param {Direction} direction
   * @param {ServerEvent | ClientEvent} event
   * @returns {Row}
   */
  #row(direction, event) {
    const atMs = performance.now() - this.#startedMs;
    const arrow = make('span', 'arrow', direction === 'sent' ? '↑' : '↓');
    arrow.setAttribute('role', 'img');
    arrow.setAttribute('aria-label', direction);
    const count = make('span', 'count');
    const summary = make('span', 'summary');
    const head = make(
      'button',
      'row-head',
      make('time', '', formatTime(atMs)),
      arrow,
      make('span', 'type', event.type),
      count,
      summary,
    );
    head.type = 'button';
    head.setAttribute('aria-expanded', 'false');
    const details = make('pre', '');
    details.hidden = true;
    const node = make('li', '', head, details);
    node.dataset.direction = direction;
    node.dataset.family = event.type === 'error' ? 'error' : (event.type.split('.')[0] ?? '');
    const row = {
      node,
      head,
      summary,
      count,
      details,
      direction,
      atMs,
      events: [],
      total: 0,
      bytes: 0,
      words: '',
      searched: '',
    };
    head.addEventListener('click', () => this.#toggle(row));
    return row;
  }

  /**
   * @param {Row} row
   * @param {ServerEvent | ClientEvent} event
   */
  #extend(row, event) {
    row.total++;
    row.bytes += audioBytes(event);
    const kept = row.events.length < maxEventsPerRow;
    if (kept) row.events.push(withoutAudio(event));
    if (row.total > 1) row.count.textContent = `×${row.total}`;
    if (row.bytes === 0 && row.words.length < maxWords) row.words += summarise(event);
    row.summary.textContent = row.bytes > 0 ? formatBytes(row.bytes) : row.words;
    if (row.bytes === 0 || row.total === 1) {
      row.searched = `${event.type} ${row.words}`.toLowerCase();
      this.#applyFilter(row);
    }
    if (!row.details.hidden && kept) this.#fillDetails(row);
  }

  /** @param {Row} row */
  #toggle(row) {
    row.details.hidden = !row.details.hidden;
    row.head.setAttribute('aria-expanded', String(!row.details.hidden));
    if (!row.details.hidden) this.#fillDetails(row);
  }

  /** @param {Row} row */
  #fillDetails(row) {
    const rest = row.total - row.events.length;
    row.details.textContent =
      row.events.map((event) => JSON.stringify(event, null, row.total > 1 ? 0 : 2)).join('\n') +
      (rest > 0 ? '\n… and more of the same' : '');
  }

  /** @param {Row} row */
  #applyFilter(row) {
    row.node.hidden = !row.searched.includes(this.#filter.value.trim().toLowerCase());
  }

  #clear() {
    this.#rows = [];
    this.#open.clear();
    this.#list.replaceChildren();
  }

  /** Saves the list as JSON lines. */
  #save() {
    const lines = this.#rows.flatMap(({ direction, atMs, events, total }) =>
      events.map((event, i) =>
        JSON.stringify({ ms: Math.round(atMs), direction, ...(i === 0 && total > 1 ? { of: total } : {}), event }),
      ),
    );
    const link = make('a', '');
    link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'application/jsonl' }));
    link.download = 'parley-events.jsonl';
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

/** @param {number} ms */
function formatTime(ms) {
  return (ms / 1000).toFixed(3);
}
