/** The `session.update` as JSON, which can be edited. */

import { make } from '../dom.js';
import { problemOf } from './check.js';
import { fromDialect, toDialect } from './dialect.js';
import { showProblem, showValue, withLabel } from './field-control.js';
import { isObject, parseJson } from './json.js';
import { maskSecrets, unmaskSecrets } from './secrets.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./dialect.js').Dialect} Dialect */

export class JsonView {
  #area = make('textarea', 'code');
  #problem;
  #discard = make('button', 'quiet small', 'Discard the edit');
  #onChange;
  #onValidity;
  /** @type {{ session: JsonObject, dialect: Dialect }} */
  #shown = { session: {}, dialect: 'ga' };
  element;

  /**
   * @param {(session: JsonObject) => void} onChange the JSON was edited, and is valid
   * @param {(isValid: boolean) => void} onValidity
   */
  constructor(onChange, onValidity) {
    this.#onChange = onChange;
    this.#onValidity = onValidity;
    this.#area.rows = 18;
    this.#area.spellcheck = false;
    this.#area.dataset.testid = 'settings-json';
    const { element, problem } = withLabel('As JSON: the session.update that is sent', this.#area);
    problem.setAttribute('role', 'status');
    this.#problem = problem;
    this.#discard.type = 'button';
    this.#discard.hidden = true;
    this.#discard.addEventListener('click', () => {
      this.#area.value = this.text;
      this.#check();
      this.#area.focus();
    });
    element.append(this.#discard);
    this.element = element;
    this.#area.addEventListener('input', () => this.#check());
    this.#area.addEventListener('change', () => this.apply());
  }

  /** The JSON of the settings, with masks in place of secrets. */
  get text() {
    const { session, dialect } = this.#shown;
    return JSON.stringify({ type: 'session.update', session: toDialect(maskSecrets(session), dialect) }, null, 2);
  }

  /**
   * @param {JsonObject} session
   * @param {Dialect} dialect
   */
  show(session, dialect) {
    this.#shown = { session, dialect };
    if (showValue(this.#area, this.text)) this.#check();
  }

  /** Uses an edit that is valid. */
  apply() {
    const { session } = this.#check();
    if (session !== undefined && this.#area.value !== this.text) this.#onChange(session);
  }

  /** @returns {{ session?: JsonObject, problem: string }} */
  #check() {
    const checked = read(this.#area.value, this.#shown);
    showProblem(this.#area, this.#problem, checked.problem);
    this.#discard.hidden = checked.problem === '';
    this.#onValidity(checked.problem === '');
    return checked;
  }
}

/**
 * @param {string} text
 * @param {{ session: JsonObject, dialect: Dialect }} shown
 * @returns {{ session?: JsonObject, problem: string }}
 */
function read(text, { session: before, dialect }) {
  const { value, problem } = parseJson(text);
  if (problem !== undefined) return { problem };
  if (!isObject(value) || value.type !== 'session.update')
    return { problem: 'Enter an object whose type is "session.update".' };
  if (!isObject(value.session)) return { problem: 'session: enter an object, such as {"type": "realtime"}.' };
  const session = unmaskSecrets(fromDialect(value.session, dialect), before);
  const wrong = problemOf(session);
  return wrong === '' ? { session, problem: '' } : { problem: wrong };
}
