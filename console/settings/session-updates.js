/** Sends a session's configuration: all of it when the session opens, then its changes. */

import { toDialect } from './dialect.js';
import { isObject, sameJson, valueAt, withValue } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./dialect.js').Dialect} Dialect */
/** @typedef {{ path: readonly string[], value: unknown }} Change */
/** @typedef {{ message: string, code: string | null, param: string | null }} Refusal */

/** Objects whose keys an update merges; it replaces any other field as a whole. */
const merged = new Set(['audio', 'audio.input', 'audio.output']);

export class SessionUpdates {
  #send;
  #onRefused;
  /** @type {Dialect} */
  #dialect = 'ga';
  /** The session before the first update. @type {JsonObject} */
  #initial = {};
  /** As it was sent. @type {JsonObject | null} */
  #sent = null;
  /** The changes of updates, by the id of their event, that the server has not confirmed. @type {Map<string, Change[]>} */
  #pending = new Map();

  /**
   * @param {(session: JsonObject) => string | null} send sends a `session.update`, and returns the id of its event; null if
   *   it was not sent
   * @param {(refusal: Refusal) => void} onRefused the server refused one change
   */
  constructor(send, onRefused) {
    this.#send = send;
    this.#onRefused = onRefused;
  }

  /**
   * The server has opened a session.
   * @param {JsonObject} initial the server's, in GA form
   * @param {JsonObject} session
   * @param {Dialect} dialect
   */
  start(initial, session, dialect) {
    this.#dialect = dialect;
    this.#initial = initial;
    this.#pending.clear();
    this.#sent = session;
    this.#update(changesBetween({}, session, {}));
  }

  /** @param {JsonObject} session */
  apply(session) {
    if (this.#sent === null) return;
    const changes = changesBetween(this.#sent, session, this.#initial);
    this.#sent = session;
    // One update each: the server refuses an update as a whole, and the other changes must not be lost with it.
    for (const change of changes) this.#update([change]);
  }

  end() {
    this.#sent = null;
    this.#pending.clear();
  }

  /** An update was accepted: the server answers in order. */
  confirmed() {
    const [first] = this.#pending.keys();
    if (first !== undefined) this.#pending.delete(first);
  }

  /**
   * @param {Refusal & { event_id?: string | null }} error of the server
   * @returns {boolean} whether it was about an update
   */
  refused(error) {
    const changes = this.#pending.get(error.event_id ?? '');
    if (changes === undefined) return false;
    this.#pending.delete(error.event_id ?? '');
    // Without the wrong one, the others are accepted.
    if (changes.length > 1) for (const change of changes) this.#update([change]);
    else this.#onRefused(error);
    return true;
  }

  /** @param {Change[]} changes */
  #update(changes) {
    /** @type {JsonObject} */
    let session = { type: 'realtime' };
    for (const { path, value } of changes) session = withValue(session, path, value);
    const id = this.#send(toDialect(session, this.#dialect));
    if (id !== null) this.#pending.set(id, changes);
  }
}

/**
 * @param {JsonObject} before
 * @param {JsonObject} after
 * @param {JsonObject} initial has the values of fields that are no longer set
 * @returns {Change[]} fields that differ, except `type`
 */
export function changesBetween(before, after, initial) {
  const paths = new Map([...leaves(before), ...leaves(after)].map((path) => [JSON.stringify(path), path]));
  paths.delete('["type"]');
  return [...paths.values()].flatMap((path) => {
    const value = valueAt(after, path);
    if (sameJson(valueAt(before, path), value)) return [];
    const sent = value === undefined ? valueAt(initial, path) : value;
    return sent === undefined ? [] : [{ path, value: sent }];
  });
}

/**
 * @param {JsonObject} session
 * @param {readonly string[]} [prefix]
 * @returns {string[][]} paths of the fields that an update replaces as a whole
 */
function leaves(session, prefix = []) {
  return Object.entries(session).flatMap(([key, value]) => {
    const path = [...prefix, key];
    return merged.has(path.join('.')) && isObject(value) ? leaves(value, path) : [path];
  });
}
