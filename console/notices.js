/** Messages for the user: errors of the server, the microphone and the connection. */

import { element, make } from './dom.js';

/** @typedef {{ label: string, run: () => void }} Action */

const maxNotices = 3;

export class Notices {
  #list = element('notices', HTMLElement);
  /** By kind. @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /**
   * Displays a message, which replaces an earlier one of its kind.
   * @param {string} kind
   * @param {string} text
   * @param {Action[]} [actions]
   */
  show(kind, text, actions = []) {
    this.remove(kind);
    const notice = make('div', 'notice', make('p', '', text));
    for (const { label, run } of [...actions, { label: 'Dismiss', run() {} }]) {
      const button = make('button', 'quiet small', label);
      button.type = 'button';
      button.addEventListener('click', () => {
        if (this.#shown.get(kind) === notice) this.remove(kind);
        run();
      });
      notice.append(button);
    }
    this.#shown.set(kind, notice);
    this.#list.append(notice);
    for (const oldest of this.#shown.keys()) if (this.#shown.size > maxNotices) this.remove(oldest);
  }

  /** @param {string} kind */
  remove(kind) {
    this.#shown.get(kind)?.remove();
    this.#shown.delete(kind);
  }

  clear() {
    this.#shown.clear();
    this.#list.replaceChildren();
  }
}
