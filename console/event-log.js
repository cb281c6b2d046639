/** The list of events, one row each; consecutive deltas share a row. */

import { element, keepAtEnd, make } from './dom.js';
import { formatBytes, isStreaming, summarise } from './event-summary.js';

/** @typedef {import('./session/record.js').Entry} Entry */
/**
 * @typedef {object} Row
 * @property {HTMLLIElement} node
 * @property {HTMLButtonElement} head
 * @property {HTMLElement} summary
 * @property {HTMLElement} count
 * @property {HTMLElement} size
 * @property {HTMLElement | null} details null until it is opened
 * @property {Entry[]} entries the first of them
 * @property {number} lastIndex
 * @property {number} total
 * @property {number} bytes
 * @property {string} words of the deltas
 * @property {string} family the first part of the type
 * @property {string} searched lower case
 */

const maxRows = 1000;
/** Maximum number of events shown per row. */
const maxEventsPerRow = 20;
const maxWords = 2000;

export class EventLog {
  #list = element('events', HTMLElement);
  #text = element('event-filter', HTMLInputElement);
  #kind = element('event-kind', HTMLSelectElement);
  #onShowInTimeline;
  /** @type {Row[]} */
  #rows = [];
  /** Rows that still take events, by direction and type. @type {Map<string, Row>} */
  #open = new Map();

  /** @param {(entry: number) => void} onShowInTimeline */
  constructor(onShowInTimeline) {
    this.#onShowInTimeline = onShowInTimeline;
    for (const field of [this.#text, this.#kind]) {
      field.addEventListener('input', () => {
        for (const row of this.#rows) this.#applyFilter(row);
      });
    }
  }

  clear() {
    this.#rows = [];
    this.#open.clear();
    this.#list.replaceChildren();
  }

  /** @param {Entry} entry */
  add(entry) {
    const { direction, event } = entry;
    const key = `${direction} ${event.type}`;
    if (event.type === 'session.created' || !isStreaming(event)) this.#open.clear();
    const open = this.#open.get(key);
    if (open !== undefined) return this.#extend(open, entry);
    const row = this.#row(entry);
    if (isStreaming(event)) this.#open.set(key, row);
    this.#rows.push(row);
    this.#extend(row, entry);
    keepAtEnd(this.#list, () => {
      this.#list.append(row.node);
      if (this.#rows.length > maxRows) this.#rows.shift()?.node.remove();
    });
  }

  /**
   * Opens the row of an event, and moves the focus to it. Events that are no longer listed are ignored.
   * @param {number} index
   */
  showEntry(index) {
    const row = this.#rows.find((candidate) => candidate.lastIndex >= index);
    if (row === undefined) return;
    if (row.node.hidden) {
      this.#text.value = '';
      this.#kind.value = '';
      for (const each of this.#rows) this.#applyFilter(each);
    }
    if (row.details === null) this.#toggle(row);
    row.head.focus();
    row.node.scrollIntoView({ block: 'nearest' });
  }

  /**
   * @param {Entry} entry
   * @returns {Row}
   */
  #row({ atMs, direction, event }) {
    const arrow = make('span', 'arrow', direction === 'sent' ? '↑' : '↓');
    arrow.setAttribute('role', 'img');
    arrow.setAttribute('aria-label', direction);
    const count = make('span', 'count');
    const summary = make('span', 'summary');
    const size = make('span', 'size');
    const head = make(
      'button',
      'row-head',
      make('time', '', (atMs / 1000).toFixed(3)),
      arrow,
      make('span', 'type', event.type),
      count,
      summary,
      size,
    );
    head.type = 'button';
    head.setAttribute('aria-expanded', 'false');
    const node = make('li', '', head);
    const family = event.type.split('.')[0] ?? '';
    node.dataset.direction = direction;
    node.dataset.family = family;
    this.#offerFamily(family);
    /** @type {Row} */
    const row = {
      node,
      head,
      summary,
      count,
      size,
      details: null,
      entries: [],
      lastIndex: 0,
      total: 0,
      bytes: 0,
      words: '',
      family,
      searched: '',
    };
    head.addEventListener('click', () => this.#toggle(row));
    return row;
  }

  /**
   * @param {Row} row
   * @param {Entry} entry
   */
  #extend(row, entry) {
    row.total++;
    row.bytes += entry.bytes;
    row.lastIndex = entry.index;
    const isShown = row.entries.length < maxEventsPerRow;
    if (isShown) row.entries.push(entry);
    if (row.total > 1) row.count.textContent = `×${row.total}`;
    row.size.textContent = formatBytes(row.bytes);
    const words = row.words.length < maxWords ? summarise(entry.event) : '';
    if (words !== '' || row.total === 1) {
      row.words += words;
      row.summary.textContent = row.words;
      row.searched = `${entry.event.type} ${row.words}`.toLowerCase();
      this.#applyFilter(row);
    }
    if (row.details !== null && isShown) this.#fillDetails(row);
  }

  /** @param {string} family */
  #offerFamily(family) {
    const isOffered = [...this.#kind.options].some(({ value }) => value === family);
    if (!isOffered) this.#kind.append(new Option(family, family));
  }

  /** @param {Row} row */
  #toggle(row) {
    if (row.details === null) {
      row.details = make('div', 'event-details');
      row.node.append(row.details);
      this.#fillDetails(row);
    } else {
      row.details.remove();
      row.details = null;
    }
    row.head.setAttribute('aria-expanded', String(row.details !== null));
  }

  /** @param {Row} row */
  #fillDetails(row) {
    const text = row.entries.map(({ event }) => JSON.stringify(event, null, row.total > 1 ? 0 : 2)).join('\n');
    const rest = row.total - row.entries.length;
    const json = make('pre', '', rest > 0 ? `${text}\n… and ${rest} more` : text);
    // Scrollable, so the keyboard must reach it.
    json.tabIndex = 0;
    row.details?.replaceChildren(
      make(
        'p',
        'event-actions',
        action('Show in timeline', () => this.#onShowInTimeline(row.entries[0]?.index ?? 0)),
        action('Copy', async ({ target }) => {
          await navigator.clipboard.writeText(text);
          if (target instanceof Element) target.textContent = 'Copied';
        }),
      ),
      json,
    );
  }

  /** @param {Row} row */
  #applyFilter(row) {
    const [direction, family] = splitKind(this.#kind.value);
    row.node.hidden =
      !row.searched.includes(this.#text.value.trim().toLowerCase()) ||
      (direction !== '' && row.node.dataset.direction !== direction) ||
      (family !== '' && row.family !== family);
  }
}

/**
 * @param {string} kind a direction, or the first part of a type
 * @returns {[direction: string, family: string]}
 */
function splitKind(kind) {
  return kind === 'sent' || kind === 'received' ? [kind, ''] : ['', kind];
}

/**
 * @param {string} label
 * @param {(event: MouseEvent) => void} run
 */
function action(label, run) {
  const button = make('button', 'quiet small', label);
  button.type = 'button';
  button.addEventListener('click', run);
  return button;
}
