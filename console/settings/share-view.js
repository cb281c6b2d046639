/** Takes the settings elsewhere: as a link, as JSON, and as code. */

import { button, copy, make } from '../dom.js';
import { nodeCode } from './code/node.js';
import { pageCode } from './code/page.js';
import { pythonCode } from './code/python.js';
import { formatLink, LinkError } from './link.js';
import { areBorrowed } from './settings.js';

/** @typedef {import('./settings.js').SharedSettings} SharedSettings */

/** @type {Record<string, (settings: SharedSettings, place: import('./code/plan.js').Place) => string>} */
const languages = { node: nodeCode, python: pythonCode, page: pageCode };

export class ShareView {
  #settings;
  #json;
  /** The settings that `refresh` was last called with. @type {SharedSettings | null} */
  #shown = null;
  #requiresKey = false;
  #status = make('p', 'hint');
  #language;
  #code = make('pre', 'code');
  #details;
  element;

  /**
   * @param {() => SharedSettings} settings
   * @param {() => string} json
   */
  constructor(settings, json) {
    this.#settings = settings;
    this.#json = json;
    this.#status.setAttribute('role', 'status');
    this.#language = make(
      'select',
      '',
      new Option('Node: the official SDK', 'node'),
      new Option('Python: the official SDK', 'python'),
      new Option('A page, over WebRTC', 'page'),
    );
    this.#language.setAttribute('aria-label', 'Language of the code');
    this.#language.addEventListener('change', () => this.refresh());
    // Scrollable, so the keyboard must reach it.
    this.#code.tabIndex = 0;
    this.#code.setAttribute('role', 'region');
    this.#code.setAttribute('aria-label', 'The settings as code');
    this.#code.dataset.testid = 'settings-code';
    this.#details = make(
      'details',
      'more',
      make('summary', '', 'Copy as code'),
      make(
        'div',
        'control',
        this.#language,
        button('Copy', () => this.#copy(this.#code.textContent ?? '', 'The code')),
      ),
      this.#code,
    );
    this.#details.addEventListener('toggle', () => this.refresh());
    this.element = make(
      'div',
      'share',
      make(
        'div',
        'buttons',
        button('Copy the JSON', () => this.#copy(this.#json(), 'The JSON')),
        button('Copy a link', () => this.#copyLink()),
      ),
      this.#status,
      this.#details,
    );
  }

  /** @param {boolean} requiresKey whether clients of the server need a key */
  showServer(requiresKey) {
    this.#requiresKey = requiresKey;
    this.refresh();
  }

  /** Call it when the settings may be others. */
  refresh() {
    if (this.#shown !== this.#settings()) this.#status.textContent = '';
    this.#shown = this.#settings();
    if (!this.#details.open) return;
    const write = languages[this.#language.value];
    const place = { page: document.baseURI, requiresKey: this.#requiresKey, isBorrowed: areBorrowed() };
    const code = write?.(this.#shown, place) ?? '';
    // Writing the same again would clear a selection.
    if (code !== this.#code.textContent) this.#code.textContent = code;
  }

  async #copyLink() {
    try {
      const { url, omitted } = await formatLink(this.#settings(), document.baseURI);
      const without = omitted.length === 0 ? '' : ` It does not contain ${omitted.join(', ')}.`;
      await this.#copy(
        url,
        'The link',
        `${without} Anyone with the link can read your instructions, tools and JavaScript.`,
      );
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#status.textContent = error.message;
    }
  }

  /**
   * @param {string} text
   * @param {string} name
   * @param {string} [more]
   */
  async #copy(text, name, more = '') {
    if (await copy(text)) this.#status.textContent = `${name} was copied.${more}`;
    else this.#status.replaceChildren('The browser did not allow copying. Select and copy it here: ', selectable(text));
  }
}

/** @param {string} text */
function selectable(text) {
  const area = make('textarea', 'code');
  area.readOnly = true;
  area.rows = 3;
  area.value = text;
  area.setAttribute('aria-label', 'Text to copy');
  area.addEventListener('focus', () => area.select());
  return area;
}
