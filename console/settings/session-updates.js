/** Sends a session's configuration: all of it when the session opens, then its changes. */

import { toDialect } from './dialect.js';
import { isObject, sameJson, valueAt, withValue } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./dialect.js').Dialect} Dialect */
/** @typedef {{ path: readonly string[], value: unknown }} Change */
/** @typedef {{ message: string, code: string | null, param: string | null }} Refusal */

/** Objects whose keys an update merges; it replaces any other field as a whole. */
const merged = new Set(['audio', 'audio.input', 'audio.output']);
/** Updates whose refusal is recognised. */
const maxUpdates = 1000;

export class SessionUpdates {
  #send;
  #onRefused;
  #onUnchanged;
  /** @type {Dialect} */
  #dialect = 'ga';
  /** The session before the first update. @type {JsonObject} */
  #initial = {};
  /** As it was sent. @type {JsonObject | null} */
  #sent = null;
  /** The changes of the latest updates, by the id of their event. @type {Map<string, Change[]>} */
  #updates = new Map();

  /**
   * @param {(session: JsonObject) => string | null} send sends a `session.update`, and returns the id of its event; null if
   *   it was not sent
   * @param {(refusal: Refusal) => void} onRefused the server refused one change
   * @param {(path: string) => void} onUnchanged the field was removed, but the running session keeps its value
   */
  constructor(send, onRefused, onUnchanged) {
    this.#send = send;
    this.#onRefused = onRefused;
    this.#onUnchanged = onUnchanged;
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
    this.#updates.clear();
    this.#sent = session;
    this.#update(changesBetween({}, session));
  }

  /** @param {JsonObject} session */
  apply(session) {
    if (this.#sent === null) return;
    const changes = changesBetween(this.#sent, session);
    this.#sent = session;
    // One update each: the server refuses an update as a whole, and the other changes must not be lost with it.
    for (const { path, value = valueAt(this.#initial, path) } of changes) {
      if (value === undefined) this.#onUnchanged(path.join('.'));
      else this.#update([{ path, value }]);
    }
  }

  end() {
    this.#sent = null;
    this.#updates.clear();
  }

  /**
   * @param {Refusal & { event_id?: string | null }} error of the server
   * @returns {boolean} whether it was about an update
   */
  refused(error) {
    const changes = this.#updates.get(error.event_id ?? '');
    if (changes === undefined) return false;
    this.#updates.delete(error.event_id ?? '');
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
    if (id === null) return;
    this.#updates.set(id, changes);
    // A `session.updated` does not say which update it confirms: it may be that of another client of the session.
    const [oldest = ''] = this.#updates.keys();
    if (this.#updates.size > maxUpdates) this.#updates.delete(oldest);
  }
}

/**
 * @param {JsonObject} before
 * @param {JsonObject} after
 * @returns {Change[]} fields that differ, except `type`; the value of a removed one is undefined
 */
export function changesBetween(before, after) {
  const paths = new Map([...leaves(before), ...leaves(after)].map((path) => [JSON.stringify(path), path]));
  paths.delete('["type"]');
  return [...paths.values()].flatMap((path) => {
    const value = valueAt(after, path);
    return sameJson(valueAt(before, path), value) ? [] : [{ path, value }];
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
