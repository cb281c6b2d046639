/** The marks of the timeline in order of their first event, of which later events extend some. */

/** @typedef {import('../session/record.js').Entry} Entry */
/** @typedef {'speech' | 'turns' | 'transcripts' | 'responses' | 'ledger' | 'tools' | 'notes'} Row */
/**
 * @typedef {'user' | 'agent' | 'tool' | 'note' | 'error' | keyof import('../../src/protocol/wire/ledger.ts').LedgerParts} Tone
 */
/**
 * A stretch or a moment.
 * @typedef {object} Mark
 * @property {Row} row
 * @property {Tone} tone
 * @property {string} name the kind of mark
 * @property {string} text
 * @property {number} startMs
 * @property {number | null} endMs null: it goes on
 * @property {[name: string, value: string][]} facts further figures
 * @property {string} [item] whose audio this is
 * @property {number} entry index of the event that it comes from
 */

const maxMarks = 20_000;
const maxText = 2000;

export class MarkList {
  /** @type {Mark[]} */
  #marks = [];
  /** Marks that later events extend, by kind and id. @type {Map<string, Mark>} */
  #open = new Map();

  get all() {
    return this.#marks;
  }

  /** @param {string} key */
  get(key) {
    return this.#open.get(key);
  }

  /**
   * @param {Mark[]} marks
   * @returns {Mark} the first of them
   */
  push(...marks) {
    this.#marks.push(...marks);
    if (this.#marks.length > maxMarks) {
      const dropped = new Set(this.#marks.splice(0, maxMarks / 10));
      for (const [key, mark] of this.#open) if (dropped.has(mark)) this.#open.delete(key);
    }
    return /** @type {Mark} */ (marks[0]);
  }

  /**
   * @param {string} key
   * @param {Entry} entry
   * @param {Row} row
   * @param {Tone} tone
   * @param {string} name
   * @param {string} text
   */
  begin(key, { atMs, index }, row, tone, name, text) {
    // In an opened file it may be anything.
    const shown = `${text}`.slice(0, maxText);
    const mark = this.push({ row, tone, name, text: shown, startMs: atMs, endMs: null, facts: [], entry: index });
    this.#open.set(key, mark);
    return mark;
  }

  /**
   * @param {Entry} entry
   * @param {Row} row
   * @param {Tone} tone
   * @param {string} name
   * @param {string} text
   * @param {Mark['facts']} [facts]
   */
  moment({ atMs, index }, row, tone, name, text, facts = []) {
    this.push({ row, tone, name, text: text.slice(0, maxText), startMs: atMs, endMs: atMs, facts, entry: index });
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  append(key, text) {
    const mark = this.#open.get(key);
    if (mark !== undefined && mark.text.length < maxText) mark.text += text;
  }

  /**
   * @param {string} key
   * @param {number} atMs
   * @param {{ text?: string, tone?: Tone, facts?: Mark['facts'] }} [change]
   */
  end(key, atMs, { text, tone, facts = [] } = {}) {
    const mark = this.#open.get(key);
    if (mark === undefined) return;
    mark.endMs = Math.max(atMs, mark.startMs);
    if (text !== undefined) mark.text = text.slice(0, maxText);
    if (tone !== undefined) mark.tone = tone;
    mark.facts.push(...facts);
  }

  /**
   * The ends of the marks that go on will not be reported.
   * @param {number} atMs the last time at which they were known to go on
   */
  leave(atMs) {
    for (const mark of this.#open.values()) {
      if (mark.endMs !== null) continue;
      mark.endMs = Math.max(mark.startMs, atMs);
      mark.facts.push(['end', 'unknown, because the connection ended']);
    }
    this.#open.clear();
  }

  /**
   * The stretch of all marks of an item.
   * @param {string} itemId
   * @returns {{ fromMs: number, untilMs: number } | null} null without marks that have ended
   */
  stretchOf(itemId) {
    const marks = this.#marks.filter(
      ({ item, startMs, endMs }) => item === itemId && endMs !== null && endMs > startMs,
    );
    if (marks.length === 0) return null;
    return {
      fromMs: Math.min(...marks.map(({ startMs }) => startMs)),
      untilMs: Math.max(...marks.map(({ endMs }) => endMs ?? 0)),
    };
  }
}
