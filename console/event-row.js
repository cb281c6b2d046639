/** A row of the event log, which opens to the JSON of its events. */

import { button, copy, make } from './dom.js';
import { formatBytes } from './event-summary.js';

/** @typedef {import('./event-log.js').Group} Group */

export class EventRow {
  node;
  #group;
  #onShowInTimeline;
  #head;
  #count = make('span', 'count');
  #summary = make('span', 'summary');
  #size = make('span', 'size');
  /** Null until it is opened. @type {HTMLElement | null} */
  #details = null;

  /**
   * @param {Group} group
   * @param {() => void} onShowInTimeline
   */
  constructor(group, onShowInTimeline) {
    this.#group = group;
    this.#onShowInTimeline = onShowInTimeline;
    const {
      atMs,
      direction,
      event,
      wire = event,
    } = /** @type {import('./session/record.js').Entry} */ (group.entries[0]);
    const arrow = make('span', 'arrow', direction === 'sent' ? '↑' : '↓');
    arrow.setAttribute('role', 'img');
    arrow.setAttribute('aria-label', direction);
    this.#head = make(
      'button',
      'row-head',
      make('time', '', (atMs / 1000).toFixed(3)),
      arrow,
      make('span', 'type', wire.type),
      this.#count,
      this.#summary,
      this.#size,
    );
    this.#head.type = 'button';
    this.#head.setAttribute('aria-expanded', 'false');
    this.#head.addEventListener('click', () => this.#toggle());
    this.node = make('li', '', this.#head);
    this.node.dataset.direction = direction;
    if (event.type === 'error') this.node.dataset.error = '';
    this.update();
  }

  /** The group has changed. */
  update() {
    const { total, bytes, words } = this.#group;
    if (total > 1) this.#count.textContent = `×${total}`;
    this.#size.textContent = formatBytes(bytes);
    if (this.#summary.textContent !== words) this.#summary.textContent = words;
    if (this.#details !== null && total <= this.#group.entries.length) this.#fillDetails(this.#details);
  }

  /** Opens it, and moves the focus to it. */
  focus() {
    if (this.#details === null) this.#toggle();
    this.#head.focus();
    this.node.scrollIntoView({ block: 'nearest' });
  }

  #toggle() {
    if (this.#details === null) {
      this.#details = make('div', 'event-details');
      this.node.append(this.#details);
      this.#fillDetails(this.#details);
    } else {
      this.#details.remove();
      this.#details = null;
    }
    this.#head.setAttribute('aria-expanded', String(this.#details !== null));
  }

  /** @param {HTMLElement} details */
  #fillDetails(details) {
    const { entries, total } = this.#group;
    const text = entries.map(({ event, wire = event }) => JSON.stringify(wire, null, total > 1 ? 0 : 2)).join('\n');
    const rest = total - entries.length;
    const json = make('pre', '', rest > 0 ? `${text}\n… and ${rest} more` : text);
    // Scrollable, so the keyboard must reach it.
    json.tabIndex = 0;
    details.replaceChildren(
      make(
        'p',
        'event-actions',
        button('Show in timeline', this.#onShowInTimeline),
        button('Copy', async ({ target }) => {
          const copied = await copy(text);
          if (!copied) getSelection()?.selectAllChildren(json);
          if (target instanceof Element) target.textContent = copied ? 'Copied' : 'Selected: copy it with Ctrl+C';
        }),
      ),
      json,
    );
  }
}
