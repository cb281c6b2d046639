/** Watches a session of the server: reads its view into a record, and opens another view after the connection was lost. */

import { Reconnection } from '../reconnection.js';
import { Poll } from './poll.js';
import { SessionRecord } from './record.js';
import { SessionsProblem } from './sessions-api.js';
import { readEvents } from './view-events.js';

/** @typedef {import('./sessions-api.js').SessionRow} SessionRow */
/**
 * @typedef {object} WatcherListener
 * @property {(row: SessionRow) => void} onRow the figures of the session have changed
 * @property {(status: string) => void} onStatus
 * @property {(problem: SessionsProblem) => void} onKeyRefused the view is over: it requires another key
 */

const rowEveryMs = 3000;
/** A view that was open for less than this counts as another failed attempt. */
const settledMs = 60_000;
const watching = 'live, read-only';
/** Why a view ended, by the reason that the server gave. */
const lost = {
  '': 'the connection was lost',
  failed: 'the server failed to show it',
  too_slow: 'this page did not read fast enough, so events are missing',
};

export class Watcher {
  #api;
  #listener;
  #id = '';
  #record = new SessionRecord(new Date());
  /** Of the view that is read; null when none is. @type {AbortController | null} */
  #abort = null;
  #reconnection = new Reconnection(() => this.#open());
  #rows = new Poll(() => this.#readRow(), rowEveryMs);

  /**
   * @param {import('./sessions-api.js').SessionsApi} api
   * @param {WatcherListener} listener
   */
  constructor(api, listener) {
    this.#api = api;
    this.#listener = listener;
  }

  /**
   * @param {string} id of the session
   * @returns {SessionRecord} of what happens from now on
   */
  start(id) {
    this.stop();
    this.#id = id;
    this.#record = new SessionRecord(new Date(), { isLive: true, withoutAudio: 'Views of sessions have no audio' });
    this.#listener.onStatus('opening…');
    void this.#open();
    return this.#record;
  }

  /** The record stays as it is. */
  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.#reconnection.succeeded();
    this.#rows.stop();
    this.#record.finish();
  }

  async #open() {
    const abort = new AbortController();
    this.#abort = abort;
    let reason = /** @type {import('./view-events.js').EndReason | ''} */ ('');
    let openedMs = Number.POSITIVE_INFINITY;
    try {
      const stream = await this.#api.view(this.#id, abort.signal);
      await readEvents(stream, (event, bytes) => {
        if (abort.signal.aborted) return;
        if (event.type === 'parley.view.opened') {
          openedMs = performance.now();
          this.#opened(event.session);
        }
        if (event.type === 'parley.view.closed') reason = event.reason;
        this.#record.add('received', event, this.#record.nowMs, bytes);
      });
    } catch (error) {
      if (abort.signal.aborted) return;
      abort.abort();
      if (!(error instanceof SessionsProblem)) {
        this.#end('this page failed to show it');
        throw error;
      }
      if (error.status !== 0) return this.#refused(error);
    }
    if (this.#abort !== abort) return;
    if (reason === 'session_ended') return this.#end('it has ended');
    this.#listener.onStatus(`${lost[reason]}. Reconnecting…`);
    this.#rows.stop();
    if (performance.now() - openedMs >= settledMs) this.#reconnection.succeeded();
    this.#reconnection.schedule();
  }

  /** @param {SessionRow} row */
  #opened(row) {
    this.#listener.onStatus(watching);
    this.#listener.onRow(row);
    this.#rows.start();
  }

  /** @param {SessionsProblem} problem */
  #refused(problem) {
    if (problem.status === 429 || problem.status >= 500) {
      this.#listener.onStatus(`${problem.message} Trying again…`);
      this.#reconnection.schedule(problem.retryAfterMs);
    } else if (problem.status === 404) {
      this.#end('it has ended');
    } else {
      this.#end(problem.message);
      if (problem.isAboutKey) this.#listener.onKeyRefused(problem);
    }
  }

  /** @param {string} status */
  #end(status) {
    this.stop();
    this.#listener.onStatus(status);
  }

  async #readRow() {
    const id = this.#id;
    // The view reports a lost connection and the end of the session.
    const row = await this.#api.row(id).catch(() => null);
    if (row !== null && id === this.#id && this.#record.isLive) this.#listener.onRow(row);
  }
}
