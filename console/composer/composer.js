/** The form for messages: text, and images from the clipboard, by drop or from files. */

import { element, make } from '../dom.js';
import { PictureError, readPicture } from './images.js';

/** @typedef {import('./images.js').Picture} Picture */

/** Maximum images of one message. */
const maxPictures = 4;

/**
 * @param {(text: string, pictures: readonly Picture[]) => boolean} say false if it was not sent
 * @param {(message: string) => void} onProblem
 */
export function bindComposer(say, onProblem) {
  const form = element('composer', HTMLFormElement);
  const input = element('text-input', HTMLInputElement);
  const list = element('pictures', HTMLElement);
  const files = element('picture-files', HTMLInputElement);
  const place = element('conversation', HTMLElement);
  /** @type {Picture[]} */
  let pictures = [];
  /** Number of images that are being read. */
  let pending = 0;
  let sendsWhenRead = false;

  const show = () => list.replaceChildren(...pictures.map((picture) => preview(picture, () => remove(picture))));
  const remove = (/** @type {Picture} */ picture) => {
    pictures = pictures.filter((each) => each !== picture);
    show();
    input.focus();
  };
  const read = async (/** @type {File} */ file) => {
    try {
      const picture = await readPicture(file);
      pictures.push(picture);
      show();
    } catch (error) {
      sendsWhenRead = false;
      onProblem(error instanceof PictureError ? error.message : `${file.name} cannot be read: ${error}`);
    } finally {
      pending--;
    }
  };
  const add = async (/** @type {readonly File[]} */ chosen) => {
    const room = maxPictures - pictures.length - pending;
    if (chosen.length > room) onProblem(`A message has at most ${maxPictures} images.`);
    const accepted = chosen.slice(0, room);
    pending += accepted.length;
    for (const file of accepted) await read(file);
    input.focus();
    if (sendsWhenRead && pending === 0) form.requestSubmit();
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    sendsWhenRead = pending > 0;
    const text = input.value.trim();
    if (sendsWhenRead || (text === '' && pictures.length === 0) || !say(text, pictures)) return;
    input.value = '';
    pictures = [];
    show();
  });
  element('add-picture', HTMLButtonElement).addEventListener('click', () => files.click());
  files.addEventListener('change', () => {
    void add([...(files.files ?? [])]);
    // The same file can be chosen again.
    files.value = '';
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    const pasted = [...(clipboardData?.files ?? [])];
    // Office programs copy text also as an image of it.
    if (pasted.length === 0 || clipboardData?.types.includes('text/plain')) return;
    if (input.checkVisibility() && document.querySelector('dialog[open]') === null) void add(pasted);
  });
  // Anywhere else, the browser would open the file in place of the page.
  document.addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
    place.toggleAttribute('data-drop', hasFiles(event) && isOver(place, event));
  });
  place.addEventListener('dragleave', () => delete place.dataset.drop);
  document.addEventListener('drop', (event) => {
    delete place.dataset.drop;
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (isOver(place, event)) void add([...(event.dataTransfer?.files ?? [])]);
  });
}

/** @param {DragEvent} event */
function hasFiles({ dataTransfer }) {
  return dataTransfer?.types.includes('Files') ?? false;
}

/**
 * @param {HTMLElement} place
 * @param {DragEvent} event
 */
function isOver(place, { target }) {
  return target instanceof Node && place.contains(target);
}

/**
 * @param {Picture} picture
 * @param {() => void} remove
 */
function preview({ name, thumbnail }, remove) {
  const image = make('img', '');
  image.src = thumbnail;
  image.alt = name;
  const button = make('button', 'remove', '✕');
  button.type = 'button';
  button.setAttribute('aria-label', `Remove ${name}`);
  button.addEventListener('click', remove);
  return make('li', 'preview', image, button);
}
