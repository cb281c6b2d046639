/** The list of events, one row each; consecutive deltas share a row. */

import { element, keepAtEnd } from './dom.js';
import { EventRow } from './event-row.js';
import { isStreaming, summarise } from './event-summary.js';

/** @typedef {import('./session/record.js').Entry} Entry */
/**
 * An event, or consecutive deltas.
 * @typedef {object} Group
 * @property {Entry[]} entries the first of them
 * @property {number} firstIndex
 * @property {number} lastIndex
 * @property {number} total
 * @property {number} bytes
 * @property {string} words of the summary
 * @property {string} [json] of the event in lower case, once the filter has needed it
 */

/** Maximum number of rows, of which the oldest are dropped. */
const maxGroups = 50_000;
/** Rows that are in the document, and further ones with each press of the button. */
const rowsPerPage = 1000;
/** Maximum number of events shown per row. */
const maxEventsPerRow = 20;
const maxWords = 2000;
/** Maximum number of families of types in the choice of kinds. */
const maxFamilies = 50;

export class EventLog {
  #list = element('events', HTMLElement);
  #text = element('event-filter', HTMLInputElement);
  #kind = element('event-kind', HTMLSelectElement);
  #earlier = element('events-earlier', HTMLButtonElement);
  #onShowInTimeline;
  /** @type {Group[]} */
  #groups = [];
  /** Choices of the field, by the first part of their types. @type {Map<string, HTMLOptionElement>} */
  #families = new Map();
  /** Groups that still take events, by direction and type. @type {Map<string, Group>} */
  #open = new Map();
  /** Those in the document, in order. @type {Map<Group, EventRow>} */
  #rows = new Map();
  #isFilling = false;
  /** How many of the matching groups are in the document. */
  #limit = rowsPerPage;

  /** @param {(entry: number) => void} onShowInTimeline */
  constructor(onShowInTimeline) {
    this.#onShowInTimeline = onShowInTimeline;
    for (const field of [this.#text, this.#kind]) {
      field.addEventListener('input', () => {
        this.#limit = rowsPerPage;
        this.#render();
      });
    }
    this.#earlier.addEventListener('click', () => {
      this.#limit += rowsPerPage;
      const height = this.#list.scrollHeight;
      this.#render();
      this.#list.scrollTop += this.#list.scrollHeight - height;
    });
  }

  /**
   * Replaces the events.
   * @param {() => void} addAll adds others; their rows are created afterwards, because each change of the list takes a layout
   */
  fill(addAll) {
    this.#groups = [];
    this.#open.clear();
    this.#limit = rowsPerPage;
    for (const option of this.#families.values()) option.remove();
    this.#families.clear();
    this.#isFilling = true;
    try {
      addAll();
    } finally {
      this.#isFilling = false;
    }
    this.#render();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {Entry} entry */
  add(entry) {
    const { direction, event } = entry;
    const key = `${direction} ${event.type}`;
    if (event.type === 'session.created' || !isStreaming(event)) this.#open.clear();
    const open = this.#open.get(key);
    if (open !== undefined) return this.#extend(open, entry);
    const words = summarise(event);
    const group = {
      entries: [entry],
      firstIndex: entry.index,
      lastIndex: entry.index,
      total: 1,
      bytes: entry.bytes,
      words,
    };
    if (isStreaming(event)) this.#open.set(key, group);
    this.#offerFamily(familyOf(event.type));
    this.#groups.push(group);
    if (this.#groups.length > maxGroups) {
      for (const oldest of this.#groups.splice(0, maxGroups / 10)) this.#removeRow(oldest);
    }
    if (!this.#isFilling && this.#matches(group)) this.#append(group);
  }

  /**
   * Opens the row of an event, and moves the focus to it. Events that are no longer listed are ignored.
   * @param {number} index
   */
  showEntry(index) {
    const at = this.#groups.findIndex((candidate) => candidate.lastIndex >= index);
    const group = this.#groups[at];
    if (group === undefined || group.firstIndex > index) return;
    if (!this.#rows.has(group)) {
      this.#text.value = '';
      this.#kind.value = '';
      this.#limit = Math.max(this.#limit, this.#groups.length - at);
      this.#render();
    }
    this.#rows.get(group)?.focus();
  }

  /**
   * @param {Group} group
   * @param {Entry} entry
   */
  #extend(group, entry) {
    group.total++;
    group.bytes += entry.bytes;
    group.lastIndex = entry.index;
    if (group.entries.length < maxEventsPerRow) group.entries.push(entry);
    if (group.words.length < maxWords) group.words += summarise(entry.event);
    const row = this.#rows.get(group);
    if (row !== undefined) row.update();
    // Further words may match the filter.
    else if (!this.#isFilling && this.#matches(group)) this.#render();
  }

  /** Creates the rows of the last groups that match the filter. */
  #render() {
    const shown = [];
    let hasEarlier = false;
    for (let i = this.#groups.length - 1; i >= 0 && !hasEarlier; i--) {
      const group = /** @type {Group} */ (this.#groups[i]);
      if (!this.#matches(group)) continue;
      hasEarlier = shown.length === this.#limit;
      if (!hasEarlier) shown.push(group);
    }
    const before = this.#rows;
    this.#rows = new Map(shown.reverse().map((group) => [group, before.get(group) ?? this.#row(group)]));
    this.#list.replaceChildren(...[...this.#rows.values()].map(({ node }) => node));
    this.#earlier.hidden = !hasEarlier;
  }

  /** @param {Group} group the last one */
  #append(group) {
    const row = this.#row(group);
    this.#rows.set(group, row);
    keepAtEnd(this.#list, () => {
      this.#list.append(row.node);
      const [oldest] = this.#rows.keys();
      if (this.#rows.size <= this.#limit || oldest === undefined) return;
      this.#removeRow(oldest);
      this.#earlier.hidden = false;
    });
  }

  /** @param {Group} group */
  #row(group) {
    return new EventRow(group, () => this.#onShowInTimeline(group.firstIndex));
  }

  /** @param {Group} group */
  #removeRow(group) {
    this.#rows.get(group)?.node.remove();
    this.#rows.delete(group);
  }

  /** @param {string} family */
  #offerFamily(family) {
    if (this.#families.has(family) || this.#families.size === maxFamilies) return;
    const option = new Option(family, family);
    this.#families.set(family, option);
    this.#kind.append(option);
  }

  /** Whether a group has the kind, and all words of the filter in its type, summary or JSON. @param {Group} group */
  #matches(group) {
    const [entry] = group.entries;
    if (entry === undefined) return false;
    const kind = this.#kind.value;
    if (kind !== '' && kind !== entry.direction && kind !== familyOf(entry.event.type)) return false;
    const wanted = this.#text.value.toLowerCase().split(/\s+/);
    if (wanted.every((word) => word === '')) return true;
    const { event, wire = event } = entry;
    // Serialized once: the filter reads all events at every keystroke.
    group.json ??= isStreaming(event) ? '' : JSON.stringify(wire).toLowerCase();
    const text = `${wire.type} ${group.words}`.toLowerCase();
    return wanted.every((word) => text.includes(word) || group.json?.includes(word));
  }
}

/** @param {string} type @returns {string} its first part */
function familyOf(type) {
  return type.split('.')[0] ?? '';
}
