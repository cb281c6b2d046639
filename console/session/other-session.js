/** Another session in place of the page's own: a saved one, or one of the server that is watched. */

import { element } from '../dom.js';
import { factsOfRecord, factsOfRow, showFacts } from './facts.js';
import { Watcher } from './watcher.js';

/** @typedef {import('./sessions-api.js').SessionsProblem} SessionsProblem */

export class OtherSession {
  #banner = element('opened', HTMLElement);
  #name = element('opened-name', HTMLElement);
  #hint = element('opened-hint', HTMLElement);
  #back = element('close-session', HTMLButtonElement);
  #useSettings = element('use-settings', HTMLButtonElement);
  #inspector;
  #onShown;
  #watcher;
  #watchedId = '';

  /**
   * @param {import('./inspector.js').Inspector} inspector
   * @param {import('./sessions-api.js').SessionsApi} api
   * @param {{ onShown: () => void, onKeyRefused: (problem: SessionsProblem) => void }} listener
   */
  constructor(inspector, api, { onShown, onKeyRefused }) {
    this.#inspector = inspector;
    this.#onShown = onShown;
    this.#watcher = new Watcher(api, {
      onRow: (row) => showFacts(factsOfRow(row)),
      onStatus: (status) => {
        this.#name.textContent = `Session ${this.#watchedId}: ${status}`;
      },
      onKeyRefused: (problem) => {
        this.close();
        onKeyRefused(problem);
      },
    });
    this.#back.addEventListener('click', () => this.close());
  }

  /** @param {import('./record.js').SessionRecord} record of a saved session */
  open(record) {
    this.#watcher.stop();
    showFacts(factsOfRecord(record));
    this.#name.textContent = `A saved session of ${record.startedAt.toLocaleString()}${record.hasAudio ? '' : ', without audio'}`;
    this.#useSettings.hidden = false;
    this.#show(record, 'The file is only shown. Your own session continues in the background.');
  }

  /** @param {import('./sessions-api.js').SessionRow} row */
  watch(row) {
    this.#watchedId = row.id;
    showFacts(factsOfRow(row));
    const record = this.#watcher.start(row.id);
    this.#useSettings.hidden = true;
    this.#show(record, 'Earlier events, audio and what its client sends are not shown.');
    this.#back.focus();
  }

  close() {
    this.#watcher.stop();
    this.#inspector.showLive();
    const hadFocus = this.#banner.contains(document.activeElement);
    this.#banner.hidden = true;
    if (hadFocus) element('session-button', HTMLButtonElement).focus();
  }

  /**
   * @param {import('./record.js').SessionRecord} record
   * @param {string} hint
   */
  #show(record, hint) {
    this.#hint.textContent = hint;
    try {
      this.#inspector.open(record);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#banner.hidden = false;
    this.#onShown();
  }
}
