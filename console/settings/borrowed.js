/** Settings from a link or from an opened session: used in this tab after the user has seen and accepted them. */

import { element } from '../dom.js';
import { fromDialect } from './dialect.js';
import { isObject, withValue } from './json.js';
import { asShared, LinkError, parseLink } from './link.js';
import { review } from './review.js';
import { splitSecrets } from './secrets.js';
import { changesBetween } from './session-updates.js';
import { areBorrowed, dropBorrowed, loadSettings, saveSettings } from './settings.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./settings.js').SharedSettings} SharedSettings */

export class Borrowing {
  #banner = element('borrowed', HTMLElement);
  #onSettings;
  #onProblem;
  /** Ends when the last of the settings that are offered is accepted or ignored. */
  #offers = Promise.resolve();

  /**
   * @param {(settings: Settings) => void} onSettings other settings are to be used
   * @param {(message: string) => void} onProblem
   */
  constructor(onSettings, onProblem) {
    this.#onSettings = onSettings;
    this.#onProblem = onProblem;
    this.#banner.hidden = !areBorrowed();
    element('return-settings', HTMLButtonElement).addEventListener('click', () => {
      dropBorrowed();
      this.#banner.hidden = true;
      onSettings(loadSettings());
    });
    addEventListener('hashchange', () => this.openAddress());
  }

  /** Offers the settings in the page's address, if it has any, after others that are offered already. */
  openAddress() {
    return this.#enqueue(() => this.#readAddress());
  }

  /**
   * Offers the settings of a session, after others that are offered already.
   * @param {readonly import('../session/record.js').Entry[]} entries
   */
  openSession(entries) {
    return this.#enqueue(() => this.#readSession(entries));
  }

  /** @param {() => Promise<void>} offer */
  #enqueue(offer) {
    this.#offers = this.#offers.then(offer).catch(reportError);
    return this.#offers;
  }

  /** The settings are removed from the address. */
  async #readAddress() {
    const { hash } = location;
    try {
      const shared = await parseLink(hash);
      if (shared === null) return;
      history.replaceState(null, '', location.pathname + location.search);
      await this.#offer(shared, 'a link', []);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      history.replaceState(null, '', location.pathname + location.search);
      this.#onProblem(`${error.message} Your settings are unchanged.`);
    }
  }

  /** @param {readonly import('../session/record.js').Entry[]} entries */
  async #readSession(entries) {
    try {
      const { shared, servers } = settingsOf(entries);
      await this.#offer(shared, 'a saved session', servers);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#onProblem(error.message);
    }
  }

  /**
   * @param {SharedSettings} shared
   * @param {string} source
   * @param {string[]} servers labels of MCP servers whose secrets are missing
   */
  async #offer(shared, source, servers) {
    if (!(await review(shared, source, servers))) return;
    const settings = { ...shared, apiKey: loadSettings().apiKey };
    saveSettings(settings, { borrowed: true });
    this.#banner.hidden = false;
    this.#onSettings(settings);
  }
}

/**
 * @param {readonly import('../session/record.js').Entry[]} entries
 * @returns {{ shared: SharedSettings, servers: string[] }} as the client of the session sent them, without the secrets of
 *   MCP servers, whose labels are in `servers`
 * @throws {LinkError}
 */
function settingsOf(entries) {
  let session = /** @type {JsonObject} */ ({});
  let model = 'gpt-realtime';
  /** @type {string[]} */
  let servers = [];
  /** @type {import('./dialect.js').Dialect} */
  let dialect = 'ga';
  for (const { direction, event, wire = event } of entries) {
    if (wire.type === 'session.created') {
      const created = /** @type {JsonObject} */ ({ ...wire.session });
      session = {};
      model = String(created.model ?? model);
      dialect = isObject(created.audio) ? 'ga' : 'beta';
    }
    if (direction !== 'sent' || wire.type !== 'session.update') continue;
    const { session: update, secrets } = splitSecrets(fromDialect({ ...wire.session }, dialect));
    if (update.tools !== undefined) servers = secrets.map(({ label }) => String(label));
    for (const { path, value } of changesBetween({}, update)) session = withValue(session, path, value);
  }
  if (Object.keys(session).length === 0)
    throw new LinkError('The session has no settings: its client sent no session.update.');
  const shared = {
    session: { type: 'realtime', ...session },
    model,
    dialect,
    transport: 'websocket',
    functions: '',
  };
  return { shared: asShared(JSON.parse(JSON.stringify(shared))), servers };
}
