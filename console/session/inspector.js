/** The inspector: transcript, event log and timeline of the live session of this page, or of another one that is shown. */

import { element } from '../dom.js';
import { EventLog } from '../event-log.js';
import { Timeline } from '../timeline/timeline.js';
import { Transcript } from '../transcript.js';
import { TranscriptWriter } from '../transcript-writer.js';
import { SessionRecord } from './record.js';

export class Inspector {
  #live = new SessionRecord(new Date(), { isLive: true, userName: 'You' });
  #shown = this.#live;
  #log;
  #timeline;
  /** The elements that are shown only with the live session, and those that replace them for another session. */
  #ownParts = ['transcript-scroller', 'dock', 'latency-panel'].map((id) => element(id, HTMLElement));
  #otherParts = ['record-scroller', 'facts-panel'].map((id) => element(id, HTMLElement));

  constructor() {
    this.#timeline = new Timeline(this.#live, (entry) => this.#log.showEntry(entry));
    this.#log = new EventLog((entry) => this.#timeline.showEntry(entry));
    this.#show(this.#live, null);
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
   * Shows another session; the live one continues.
   * @param {SessionRecord} record
   */
  open(record) {
    const list = element('record-transcript', HTMLElement);
    list.replaceChildren();
    const onReplay = record.withoutAudio === '' ? (/** @type {string} */ itemId) => this.replay(itemId) : null;
    const scroller = element('record-scroller', HTMLElement);
    const transcript = new Transcript({ scroller, list, onReplay, userName: record.userName });
    this.#show(record, new TranscriptWriter(transcript));
    if (record.isLive) return;
    transcript.endSession();
    element('announcer', HTMLElement).textContent = '';
    this.#timeline.fit();
  }

  showLive() {
    if (this.#shown !== this.#live) this.#show(this.#live, null);
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
    return this.#live.nowMs;
  }

  /**
   * @param {SessionRecord} record
   * @param {TranscriptWriter | null} writer of its transcript; the live session has its own
   */
  #show(record, writer) {
    this.#shown.observe(null);
    this.#shown = record;
    this.#timeline.show(record);
    this.#log.fill(() =>
      record.observe({
        onEntry: (entry) => {
          this.#log.add(entry);
          this.#timeline.add(entry);
          if (entry.direction === 'received') writer?.receive(entry.event);
        },
        onPlayed: (played, entry) => this.#timeline.addPlayed(played, entry),
      }),
    );
    // The transcript is filled before it is visible, because each change of a visible list takes a layout.
    for (const part of this.#ownParts) part.hidden = writer !== null;
    for (const part of this.#otherParts) part.hidden = writer === null;
  }
}
