/** A field of the form: its label, input, hint and problem. */

import { make } from '../dom.js';
import { numberProblem, readField, writeField } from './field-values.js';
import { valueAt } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./fields.js').Field} Field */
/** @typedef {import('./server-lists.js').ServerLists} ServerLists */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input */

export class FieldControl {
  #field;
  #input;
  #options;
  /** The options that are shown, as JSON. */
  #listed = '';
  #problem;
  element;

  /**
   * @param {Field} field
   * @param {(change: (session: JsonObject) => JsonObject) => void} onChange the value is another, and valid
   */
  constructor(field, onChange) {
    this.#field = field;
    this.#input = inputOf(field);
    this.#options = make('datalist', '');
    const labelled = withLabel(field.label, this.#input, field);
    this.#problem = labelled.problem;
    this.element = labelled.element;
    if (this.#input instanceof HTMLInputElement && field.options) {
      this.#options.id = `${this.#input.id}-options`;
      this.#input.setAttribute('list', this.#options.id);
      this.element.append(this.#options);
    }
    this.#input.addEventListener('input', () => this.showProblem(this.#check()));
    this.#input.addEventListener('change', () => {
      if (this.#check() !== '') return;
      const text = this.#input.value.trim();
      onChange((session) => writeField(field, session, text));
    });
  }

  get path() {
    return this.#field.path;
  }

  /**
   * @param {JsonObject} session
   * @param {import('./dialect.js').Dialect} dialect
   * @param {ServerLists} lists
   * @param {JsonObject} effective the session as the server has it
   */
  show(session, dialect, lists, effective) {
    const { isShown, options, placeholder } = this.#field;
    this.element.hidden = isShown !== undefined && !isShown(session, dialect);
    const text = readField(this.#field, session);
    const usual = valueAt(effective, this.#field.path);
    if (options) this.#showOptions(withDefault(options(lists, session), text, usual), text);
    if (showValue(this.#input, text)) this.showProblem('');
    if (this.#input instanceof HTMLSelectElement) return;
    this.#input.placeholder =
      typeof usual === 'number' || (typeof usual === 'string' && usual !== '' && usual !== 'inf')
        ? String(usual)
        : (placeholder ?? '');
  }

  /** @param {string} text empty for none */
  showProblem(text) {
    showProblem(this.#input, this.#problem, text);
  }

  focus() {
    for (let at = this.element.parentElement; at !== null; at = at.parentElement)
      if (at instanceof HTMLDetailsElement) at.open = true;
    this.#input.focus();
  }

  /** @returns {string} what is wrong with the input, and what to do */
  #check() {
    if (this.#field.kind !== 'number') return '';
    // A browser hides a text that is not a number.
    return numberProblem(this.#field, this.#input.validity.badInput ? '?' : this.#input.value.trim());
  }

  /**
   * @param {import('./fields.js').Option[]} options
   * @param {string} current
   */
  #showOptions(options, current) {
    const list = this.#input instanceof HTMLSelectElement ? this.#input : this.#options;
    const isListed = options.some(({ value }) => value === current);
    // A value from elsewhere, such as one written as JSON.
    const all = isListed || list === this.#options ? options : [...options, { value: current, label: current }];
    const unique = [...new Map(all.map((option) => [option.value, option])).values()];
    const listed = JSON.stringify(unique);
    if (listed === this.#listed) return;
    this.#listed = listed;
    list.replaceChildren(...unique.map(({ value, label }) => new Option(label, value)));
    if (this.#input instanceof HTMLSelectElement) this.#input.value = current;
  }
}

/**
 * Names the server's value in the option that leaves it to the server.
 * @param {import('./fields.js').Option[]} options
 * @param {string} current
 * @param {unknown} usual of the server
 */
function withDefault(options, current, usual) {
  const named = options.find(({ value }) => value === JSON.stringify(usual));
  if (current !== '' || named === undefined) return options;
  return options.map((option) =>
    option.value === '' ? { ...option, label: `${option.label}: ${named.label}` } : option,
  );
}

let nextId = 1;

/**
 * A label above an input, with a place for a hint and a problem.
 * @param {string} label
 * @param {Input} input
 * @param {{ hint?: string | undefined, unit?: string | undefined }} [texts]
 */
export function withLabel(label, input, { hint, unit } = {}) {
  input.id ||= `field-${nextId++}`;
  const name = make('label', '', label);
  name.htmlFor = input.id;
  const problem = make('p', 'problem');
  problem.id = `${input.id}-problem`;
  const described = [problem.id];
  const line = make('div', 'control', input);
  if (unit) {
    const text = make('span', 'unit', unit);
    text.id = `${input.id}-unit`;
    described.unshift(text.id);
    line.append(text);
  }
  const element = make('div', 'field', name, line);
  if (hint) {
    const text = make('p', 'hint', hint);
    text.id = `${input.id}-hint`;
    described.unshift(text.id);
    element.append(text);
  }
  element.append(problem);
  input.setAttribute('aria-describedby', described.join(' '));
  return { element, problem };
}

/** The values that were shown last. @type {WeakMap<Input, string>} */
const shown = new WeakMap();

/**
 * Shows a value, unless it is the one that was shown before: what the user has typed since then stays.
 * @param {Input} input
 * @param {string} value
 * @returns {boolean} whether it is another
 */
export function showValue(input, value) {
  if (shown.get(input) === value) return false;
  shown.set(input, value);
  input.value = value;
  return true;
}

/**
 * @param {Input} input
 * @param {HTMLElement} problem
 * @param {string} text empty for none
 */
export function showProblem(input, problem, text) {
  problem.textContent = text;
  input.toggleAttribute('aria-invalid', false);
  if (text !== '') input.setAttribute('aria-invalid', 'true');
}

/** @param {Field} field @returns {Input} */
function inputOf({ kind, rows, fractional, min, max }) {
  if (kind === 'choice') return make('select', '');
  if (kind === 'lines' || rows !== undefined) {
    const area = make('textarea', '');
    area.rows = rows ?? 2;
    return area;
  }
  const input = make('input', '');
  input.autocomplete = 'off';
  input.spellcheck = false;
  if (kind === 'text') return input;
  input.type = 'number';
  input.step = fractional ? 'any' : '1';
  if (min !== undefined) input.min = String(min);
  if (max !== undefined) input.max = String(max);
  return input;
}
