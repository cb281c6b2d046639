/** Helpers for the document. */

/**
 * The element with an id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 * @throws {Error} if the page has no such element
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} with the id ${id}`);
}

/**
 * A new element with a class, and text or children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className !== '') node.className = className;
  node.append(...children);
  return node;
}

/**
 * A small button.
 * @param {string} label
 * @param {(event: MouseEvent) => void} run
 */
export function button(label, run) {
  const node = make('button', 'quiet small', label);
  node.type = 'button';
  node.addEventListener('click', run);
  return node;
}

/**
 * An input for names and codes, which browsers neither complete nor correct.
 * @param {string} value
 */
export function input(value) {
  const node = make('input', '');
  node.autocomplete = 'off';
  node.spellcheck = false;
  node.value = value;
  return node;
}

/**
 * Copies to the clipboard.
 * @param {string} text
 * @returns {Promise<boolean>} false where the browser does not allow it, as on insecure pages
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Changes a scrolling list, and keeps it scrolled to its end if it was.
 * @param {Element} scroller
 * @param {() => void} change
 */
export function keepAtEnd(scroller, change) {
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
  change();
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}
