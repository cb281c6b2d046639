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
  const input = element('text-input', HTMLInputElement);
  const list = element('pictures', HTMLElement);
  const files = element('picture-files', HTMLInputElement);
  const place = element('conversation', HTMLElement);
  /** @type {Picture[]} */
  let pictures = [];

  const show = () => list.replaceChildren(...pictures.map((picture) => preview(picture, () => remove(picture))));
  const remove = (/** @type {Picture} */ picture) => {
    pictures = pictures.filter((each) => each !== picture);
    show();
    input.focus();
  };
  const add = async (/** @type {readonly File[]} */ chosen) => {
    for (const file of chosen) {
      try {
        const picture = await readPicture(file);
        if (pictures.length >= maxPictures) throw new PictureError(`A message has at most ${maxPictures} images.`);
        pictures.push(picture);
        show();
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        onProblem(error.message);
      }
    }
    input.focus();
  };

  element('composer', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if ((text === '' && pictures.length === 0) || !say(text, pictures)) return;
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
  document.addEventListener('paste', (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length === 0 || document.querySelector('dialog[open]') !== null) return;
    event.preventDefault();
    void add(pasted);
  });
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  place.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    place.dataset.drop = '';
  });
  place.addEventListener('dragleave', () => delete place.dataset.drop);
  place.addEventListener('drop', (event) => {
    delete place.dataset.drop;
    if (!hasFiles(event)) return;
    event.preventDefault();
    void add([...(event.dataTransfer?.files ?? [])]);
  });
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
