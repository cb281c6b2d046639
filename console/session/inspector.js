/** The inspector: the event log and the timeline, of the live session or of an opened one. */

import { EventLog } from '../event-log.js';
import { Timeline } from '../timeline/timeline.js';
import { SessionRecord } from './record.js';

export class Inspector {
  #startedMs = performance.now();
  #live = new SessionRecord(new Date());
  #shown = this.#live;
  #log;
  #timeline;

  constructor() {
    this.#timeline = new Timeline(
      this.#live,
      () => this.nowMs,
      (entry) => this.#log.showEntry(entry),
    );
    this.#log = new EventLog((entry) => this.#timeline.showEntry(entry));
    this.#show(this.#live);
  }

  /** The record of this page's session, whether or not it is shown. */
  get live() {
    return this.#live;
  }

  /** The record that is shown. */
  get shown() {
    return this.#shown;
  }

  /**
   * Shows a saved session; the live one continues.
   * @param {SessionRecord} record
   */
  open(record) {
    this.#show(record);
    this.#timeline.fit();
  }

  showLive() {
    if (this.#shown !== this.#live) this.#show(this.#live);
  }

  /**
   * Plays the audio of an item of the session that is shown; a second call stops it.
   * @param {string} itemId
   * @returns {boolean} whether there is audio of it
   */
  replay(itemId) {
    return this.#timeline.playItem(itemId);
  }

  /** The present on the axis of the live record. */
  get nowMs() {
    return performance.now() - this.#startedMs;
  }

  /** @param {SessionRecord} record */
  #show(record) {
    this.#shown.observe(null);
    this.#shown = record;
    this.#log.clear();
    this.#timeline.show(record, record === this.#live ? () => this.nowMs : () => record.endMs);
    record.observe({
      onEntry: (entry) => {
        this.#log.add(entry);
        this.#timeline.add(entry);
      },
      onPlayed: (played, entry) => this.#timeline.addPlayed(played, entry),
    });
  }
}
