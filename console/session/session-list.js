/** The dialog with the live sessions of the server. */

import { element, make } from '../dom.js';
import { describeCost, describeLatency, describeModel, formatDuration } from './facts.js';
import { Poll } from './poll.js';
import { SessionsProblem } from './sessions-api.js';

/** @typedef {import('./sessions-api.js').SessionRow} SessionRow */
/** @typedef {{ node: HTMLLIElement, values: Record<string, HTMLElement> }} Line */

const refreshMs = 3000;
/** Long lists are read less often: 2,000 rows every 20 s. */
const refreshMsPerRow = 10;
const rowsPerPage = 25;

/** The figure by which each order sorts, largest first. @type {Record<string, (row: SessionRow) => number>} */
const orders = {
  newest: (row) => row.opened_at,
  oldest: (row) => -row.opened_at,
  turns: (row) => row.turns,
  slowest: (row) => row.latency?.median_ms ?? -1,
  cost: (row) => row.usage.cost ?? -1,
};

/** The figures of a row, by their label. @type {Record<string, (row: SessionRow) => string>} */
const figures = {
  Age: (row) => formatDuration(row.age_seconds),
  Turns: (row) => String(row.turns),
  Latency: describeLatency,
  Cost: describeCost,
};

export class SessionList {
  #dialog = element('sessions', HTMLDialogElement);
  #list = element('sessions-list', HTMLElement);
  #order = element('sessions-order', HTMLSelectElement);
  #summary = element('sessions-summary', HTMLElement);
  #problem = element('sessions-problem', HTMLElement);
  #keyForm = element('sessions-key', HTMLFormElement);
  #keyField = element('operator-key', HTMLInputElement);
  #pages = element('sessions-pages', HTMLElement);
  #earlier = element('sessions-earlier', HTMLButtonElement);
  #later = element('sessions-later', HTMLButtonElement);
  /** By the id of the session. @type {Map<string, Line>} */
  #lines = new Map();
  /** @type {SessionRow[]} */
  #rows = [];
  #isComplete = true;
  #page = 0;
  /** The number of refreshes that were started. */
  #refreshes = 0;
  #api;
  #ownId;
  #onWatch;
  #poll = new Poll(() => this.#refresh(), refreshMs);

  /**
   * @param {import('./sessions-api.js').SessionsApi} api
   * @param {() => string} ownId of this page's session
   * @param {(row: SessionRow) => void} onWatch
   */
  constructor(api, ownId, onWatch) {
    this.#api = api;
    this.#ownId = ownId;
    this.#onWatch = onWatch;
    this.#order.addEventListener('change', () => {
      this.#page = 0;
      this.#render();
    });
    for (const [button, step] of /** @type {const} */ ([
      [this.#earlier, -1],
      [this.#later, 1],
    ])) {
      button.addEventListener('click', () => {
        this.#page += step;
        this.#render();
      });
    }
    element('close-sessions', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#poll.stop());
    this.#keyForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#api.operatorKey = this.#keyField.value.trim();
      this.#keyField.value = '';
      this.#poll.start();
    });
  }

  /** @param {SessionsProblem} [problem] that a view of a session had */
  open(problem) {
    this.#explain(problem ?? null);
    this.#page = 0;
    if (!this.#dialog.open) this.#dialog.showModal();
    if (problem?.isAboutKey) this.#keyField.focus();
    else this.#poll.start();
  }

  /** @returns {Promise<number>} the shortest time until the next refresh, in ms */
  async #refresh() {
    const number = ++this.#refreshes;
    try {
      const { rows, isComplete } = await this.#api.list();
      // A later refresh may have another key.
      if (number !== this.#refreshes) return 0;
      this.#rows = rows;
      this.#isComplete = isComplete;
      this.#explain(null);
      this.#render();
      return rows.length * refreshMsPerRow;
    } catch (error) {
      if (!(error instanceof SessionsProblem)) throw error;
      if (number !== this.#refreshes) return 0;
      this.#explain(error);
      if (!error.isAboutKey) return error.retryAfterMs;
      this.#poll.stop();
      this.#rows = [];
      this.#render();
      this.#keyField.focus();
      return 0;
    }
  }

  /** @param {SessionsProblem | null} problem */
  #explain(problem) {
    this.#keyForm.hidden = problem === null ? !this.#api.hasKey || this.#api.operatorKey !== '' : !problem.isAboutKey;
    const text =
      problem === null
        ? ''
        : problem.isAboutKey && !this.#api.hasKey
          ? 'This server requires a key. Enter an operator’s key to see its sessions.'
          : problem.status === 0
            ? `${problem.message} Trying again…`
            : problem.message;
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
  }

  #render() {
    const figure = orders[this.#order.value] ?? (() => 0);
    const sorted = [...this.#rows].sort((a, b) => figure(b) - figure(a));
    this.#page = Math.max(0, Math.min(this.#page, Math.ceil(sorted.length / rowsPerPage) - 1));
    const from = this.#page * rowsPerPage;
    const shown = sorted.slice(from, from + rowsPerPage);
    this.#summary.textContent = this.#summarise();
    this.#pages.hidden = sorted.length <= rowsPerPage;
    element('sessions-page', HTMLElement).textContent = `${from + 1} to ${from + shown.length} of ${sorted.length}`;
    this.#earlier.disabled = from === 0;
    this.#later.disabled = from + rowsPerPage >= sorted.length;
    this.#place(shown);
  }

  #summarise() {
    const count = this.#rows.length;
    const which = this.#api.hasKey ? ' that this key may see' : '';
    if (this.#problem.textContent !== '') return '';
    if (count === 0) return `No sessions${which}. They appear here while clients are connected.`;
    const sessions = count === 1 ? '1 session' : `${count.toLocaleString('en')} sessions`;
    return this.#isComplete ? `${sessions}${which}` : `The ${count.toLocaleString('en')} oldest sessions${which}`;
  }

  /** Lines stay the same elements, so that the focus stays where it is. @param {SessionRow[]} rows */
  #place(rows) {
    const ids = new Set(rows.map(({ id }) => id));
    for (const [id, { node }] of this.#lines) {
      if (ids.has(id)) continue;
      node.remove();
      this.#lines.delete(id);
    }
    for (const [i, row] of rows.entries()) {
      const line = this.#lines.get(row.id) ?? this.#line(row);
      this.#lines.set(row.id, line);
      for (const [name, value] of Object.entries(figures)) {
        const text = value(row);
        const shown = line.values[name];
        if (shown !== undefined && shown.textContent !== text) shown.textContent = text;
      }
      const place = this.#list.children[i];
      if (place === line.node) continue;
      const focused = document.activeElement;
      this.#list.insertBefore(line.node, place ?? null);
      if (focused instanceof HTMLElement && line.node.contains(focused)) focused.focus();
    }
  }

  /**
   * @param {SessionRow} row
   * @returns {Line}
   */
  #line(row) {
    const values = Object.fromEntries(Object.keys(figures).map((name) => [name, make('dd', '')]));
    const watch = make('button', 'quiet small', 'Watch');
    watch.type = 'button';
    watch.setAttribute('aria-label', `Watch ${row.id}`);
    watch.addEventListener('click', () => {
      this.#dialog.close();
      this.#onWatch(row);
    });
    const from = [row.transport === 'webrtc' ? 'WebRTC' : 'WebSocket', ...(row.key === null ? [] : [row.key])];
    const node = make(
      'li',
      '',
      make(
        'div',
        'session-name',
        make('h3', '', describeModel(row)),
        make('p', 'hint', `${row.id} · ${from.join(' · ')}`),
        make('p', 'hint', Object.values(row.engines).join(' · ')),
      ),
      make(
        'dl',
        'session-figures',
        ...Object.entries(values).map(([name, value]) => make('div', '', make('dt', '', name), value)),
      ),
      row.id === this.#ownId() ? make('p', 'hint own-session', 'This page') : watch,
    );
    return { node, values };
  }
}
