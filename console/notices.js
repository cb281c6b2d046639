/** Messages that the user should see: errors of the server, the microphone, the connection. */

import { element, make } from './dom.js';

const maxNotices = 3;

export class Notices {
  #list = element('notices', HTMLElement);

  /**
   * @param {string} text
   * @param {{ label: string, run: () => void }} [action]
   */
  show(text, action) {
    // The same message again replaces itself.
    for (const old of [...this.#list.children]) if (old.firstElementChild?.textContent === text) old.remove();
    const notice = make('div', 'notice', make('p', '', text));
    if (action !== undefined) {
      const button = make('button', 'quiet small', action.label);
      button.addEventListener('click', () => {
        notice.remove();
        action.run();
      });
      notice.append(button);
    }
    const dismiss = make('button', 'quiet small', 'Dismiss');
    dismiss.addEventListener('click', () => notice.remove());
    notice.append(dismiss);
    for (const button of notice.querySelectorAll('button')) button.type = 'button';
    this.#list.append(notice);
    while (this.#list.children.length > maxNotices) this.#list.firstElementChild?.remove();
  }

  clear() {
    this.#list.replaceChildren();
  }
}
