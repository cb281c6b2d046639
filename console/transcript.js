/** The transcript of the conversation. */

import { element, keepAtEnd, make } from './dom.js';

/** @typedef {'user' | 'assistant' | 'system' | 'tool'} Role */
/** @typedef {import('./captions.js').SpokenWord} SpokenWord */
/**
 * @typedef {object} Entry
 * @property {HTMLLIElement} node
 * @property {HTMLElement} text
 * @property {HTMLElement} note
 * @property {Role} role
 * @property {SpokenWord | null} spoken the word that is being spoken; null: the whole text looks the same
 */

const maxItems = 500;
const names = { assistant: 'Parley', system: 'System', tool: 'Tool' };

export class Transcript {
  #scroller;
  #list;
  #onReplay;
  #names;
  #dropped = make('li', 'divider', 'earlier messages are in the events only');
  #announcer = element('announcer', HTMLElement);
  /** @type {Map<string, Entry>} */
  #entries = new Map();

  /**
   * @param {object} options
   * @param {HTMLElement} options.scroller
   * @param {HTMLElement} options.list in it
   * @param {((itemId: string) => boolean) | null} options.onReplay plays the audio of an item, false if there is none; null if there is no audio
   * @param {string} options.userName
   */
  constructor({ scroller, list, onReplay, userName }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#onReplay = onReplay;
    this.#names = { ...names, user: userName };
    // It scrolls, so the keyboard must reach it.
    this.#scroller.tabIndex = 0;
  }

  /**
   * Adds an item if it is not present.
   * @param {string} itemId
   * @param {Role} role
   * @returns {boolean} whether it was added
   */
  add(itemId, role) {
    if (this.#entries.has(itemId)) return false;
    const text = make('p', 'text');
    const note = make('p', 'note');
    const node = make('li', 'entry', make('h3', 'who', this.#names[role]), text, note);
    if (this.#onReplay !== null && (role === 'user' || role === 'assistant'))
      node.append(replayButton(itemId, this.#onReplay));
    node.dataset.role = role;
    node.dataset.pending = '';
    this.#entries.set(itemId, { node, text, note, role, spoken: null });
    keepAtEnd(this.#scroller, () => this.#list.append(node));
    this.#bound();
    return true;
  }

  /** @param {string} itemId an item that has no audio to replay */
  withoutAudio(itemId) {
    this.#entries.get(itemId)?.node.querySelector('.replay')?.remove();
  }

  /** @param {string} itemId */
  has(itemId) {
    return this.#entries.has(itemId);
  }

  /**
   * Moves an item to its position after the previous one.
   * @param {string} itemId
   * @param {string | null} previousItemId
   */
  place(itemId, previousItemId) {
    const node = this.#entries.get(itemId)?.node;
    const previous = previousItemId === null ? undefined : this.#entries.get(previousItemId)?.node;
    if (node !== undefined && previous !== undefined && previous.nextElementSibling !== node) previous.after(node);
  }

  /**
   * @param {string} itemId
   * @param {string} delta
   */
  append(itemId, delta) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    keepAtEnd(this.#scroller, () => (entry.text.lastElementChild ?? entry.text).append(delta));
  }

  /**
   * Images of a message, above its text.
   * @param {string} itemId
   * @param {readonly { url: string, alt: string }[]} images
   */
  addImages(itemId, images) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    for (const { url, alt } of images) {
      const image = make('img', 'picture');
      image.src = url;
      image.alt = alt;
      image.addEventListener('load', () => keepAtEnd(this.#scroller, () => {}));
      keepAtEnd(this.#scroller, () => entry.text.before(image));
    }
  }

  /**
   * The words of an item will be heard.
   * @param {string} itemId
   */
  expectVoice(itemId) {
    const entry = this.#entries.get(itemId);
    if (entry !== undefined && entry.spoken === null) showSpoken(entry, { from: 0, until: 0 });
  }

  /**
   * Shows what has been heard of an item, and the word that is being spoken. Estimates of later words never take back
   * what is shown.
   * @param {string} itemId
   * @param {SpokenWord} word
   */
  showHeard(itemId, word) {
    const entry = this.#entries.get(itemId);
    if (entry !== undefined && word.until >= (entry.spoken?.until ?? 0)) showSpoken(entry, word);
  }

  /**
   * The item was cut off in this word.
   * @param {string} itemId
   * @param {SpokenWord} word
   */
  showCut(itemId, word) {
    const entry = this.#entries.get(itemId);
    if (entry !== undefined) showSpoken(entry, word);
  }

  /**
   * The text of the item is complete.
   * @param {string} itemId
   * @param {string} [text] replaces what has been shown
   */
  complete(itemId, text) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    delete entry.node.dataset.pending;
    keepAtEnd(this.#scroller, () => {
      if (text === undefined || text === entry.text.textContent) return;
      entry.text.textContent = text;
      const { spoken } = entry;
      entry.spoken = null;
      if (spoken !== null) showSpoken(entry, spoken);
    });
    if (entry.text.textContent) this.#announcer.textContent = `${this.#names[entry.role]}: ${entry.text.textContent}`;
  }

  /**
   * Adds a remark below an item, for example that it was interrupted.
   * @param {string} itemId
   * @param {string} note
   */
  remark(itemId, note) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    delete entry.node.dataset.pending;
    keepAtEnd(this.#scroller, () => {
      entry.note.textContent = note;
    });
  }

  /**
   * @param {string} itemId
   * @param {number} [heardMs] how much of it was heard, once the server has it too
   */
  markInterrupted(itemId, heardMs) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    entry.node.dataset.interrupted = '';
    if (heardMs !== undefined) this.remark(itemId, `interrupted after ${(heardMs / 1000).toFixed(1)} s`);
    else if (entry.note.textContent === '') this.remark(itemId, 'interrupted');
  }

  /**
   * Offers choices below an item, of which one can be made.
   * @param {string} itemId
   * @param {Record<string, () => void>} choices by the text of their button
   */
  offer(itemId, choices) {
    const entry = this.#entries.get(itemId);
    if (entry === undefined) return;
    const buttons = make('p', 'choices');
    for (const [text, choose] of Object.entries(choices)) {
      const button = make('button', 'choice', text);
      button.addEventListener('click', () => {
        buttons.remove();
        choose();
      });
      buttons.append(button);
    }
    keepAtEnd(this.#scroller, () => entry.node.append(buttons));
  }

  /**
   * Asks for a text below an item.
   * @param {string} itemId
   * @param {string} label
   * @returns {Promise<string>} never settles if the item is removed, or the session ends
   */
  ask(itemId, label) {
    const field = make('input', '');
    field.name = 'answer';
    field.autocomplete = 'off';
    const send = make('button', 'primary small', 'Answer');
    const form = make('form', 'ask', make('label', '', label, field), send);
    keepAtEnd(this.#scroller, () => this.#entries.get(itemId)?.node.append(form));
    return new Promise((resolve) => {
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        form.remove();
        resolve(field.value);
      });
    });
  }

  /** @param {string} itemId */
  remove(itemId) {
    this.#entries.get(itemId)?.node.remove();
    this.#entries.delete(itemId);
  }

  /** Marks the items that the lost connection has left incomplete. */
  endSession() {
    for (const [id, { node }] of this.#entries) {
      for (const open of node.querySelectorAll('form, .choices')) open.remove();
      if (node.dataset.pending !== undefined) this.remark(id, 'incomplete: the connection ended');
    }
    this.#entries.clear();
  }

  /** Removes everything. */
  clear() {
    this.#entries.clear();
    this.#list.replaceChildren();
    this.#announcer.textContent = '';
  }

  /** Marks the start of another session, without the context of the previous one. */
  startSession() {
    const last = this.#list.lastElementChild;
    if (last !== null && !last.classList.contains('divider')) {
      keepAtEnd(this.#scroller, () => this.#list.append(make('li', 'divider', 'new session')));
    }
  }

  /** The oldest items are replaced by a remark. */
  #bound() {
    while (this.#list.children.length > maxItems) {
      const [first, second] = this.#list.children;
      const oldest = first === this.#dropped ? second : first;
      for (const [id, { node }] of this.#entries) if (node === oldest) this.#entries.delete(id);
      oldest?.remove();
      this.#list.prepend(this.#dropped);
    }
  }
}

/**
 * @param {string} itemId
 * @param {(itemId: string) => boolean} onReplay
 */
function replayButton(itemId, onReplay) {
  const button = make('button', 'replay', '▶');
  button.type = 'button';
  button.setAttribute('aria-label', 'Replay');
  button.addEventListener('click', () => {
    button.title = onReplay(itemId) ? '' : 'No audio was recorded';
  });
  return button;
}

/**
 * Splits the text into what has been heard, the word that is being spoken, and the rest.
 * @param {Entry} entry
 * @param {SpokenWord} word
 */
function showSpoken(entry, { from, until }) {
  if (entry.spoken?.from === from && entry.spoken.until === until) return;
  entry.spoken = { from, until };
  const text = entry.text.textContent;
  const rest = make('span', 'unheard', text.slice(until));
  entry.text.replaceChildren(text.slice(0, from), make('span', 'spoken', text.slice(from, until)), rest);
}
