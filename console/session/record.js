/** The record of a session: every event, and both sides' audio, on one time axis. */

import { decodeBase64, toMs } from '../audio/pcm.js';
import { audioBytes, withoutAudio } from '../event-summary.js';
import { AnswerAudio } from './answer-audio.js';
import { LiveAudio } from './live-audio.js';
import { Track } from './track.js';

/** @typedef {import('../realtime-client.js').ServerEvent} ServerEvent */
/** @typedef {import('../realtime-client.js').ClientEvent} ClientEvent */
/** @typedef {import('./view-events.js').ViewEvent} ViewEvent */
/** @typedef {ServerEvent | ClientEvent | ViewEvent} RecordedEvent */
/** @typedef {'sent' | 'received'} Direction */
/**
 * @typedef {object} Entry
 * @property {number} index from 0, without gaps
 * @property {number} atMs
 * @property {Direction} direction
 * @property {RecordedEvent} event with the names of GA; audio is replaced by a description
 * @property {RecordedEvent} [wire] the same as received, if that was in the beta dialect
 * @property {number} bytes of the event as it was sent
 * @property {{ startMs: number, durationMs: number } | null} audio of the user in it, and its place on the axis
 */
/**
 * A stretch of an answer as it was played.
 * @typedef {object} Played
 * @property {string} itemId
 * @property {number} startMs
 * @property {number} endMs
 */
/**
 * @typedef {object} RecordListener
 * @property {(entry: Entry) => void} onEntry
 * @property {(played: Played, entry: number) => void} onPlayed also when the stretch has become longer
 */

/** Maximum number of events, and of stretches of answers; the oldest tenth is dropped. */
const maxEntries = 200_000;
const maxPlayed = 20_000;
/** Maximum size of all events without their audio; the oldest are dropped. */
const maxBytes = 200_000_000;
/** Longer gaps in the playback of an answer start another stretch. */
const maxGapMs = 150;

export class SessionRecord {
  user = new Track();
  assistant = new Track();
  /** @type {Entry[]} */
  entries = [];
  /** @type {Played[]} */
  played = [];
  /** The time of 0 ms. */
  startedAt;
  /** Why there is no audio; empty if there may be some. */
  withoutAudio;
  userName;
  /** When a live record was started, on the clock of the page. @type {number | null} */
  #startedMs;
  #answers = new AnswerAudio();
  #live = { user: new LiveAudio(this.user), assistant: new LiveAudio(this.assistant) };
  #nextIndex = 0;
  #bytes = 0;
  /** @type {RecordListener | null} */
  #listener = null;

  /**
   * @param {Date} startedAt
   * @param {{ isLive?: boolean, withoutAudio?: string, userName?: string }} [options]
   */
  constructor(startedAt, { isLive = false, withoutAudio = '', userName = 'User' } = {}) {
    this.startedAt = startedAt;
    this.withoutAudio = withoutAudio;
    this.userName = userName;
    this.#startedMs = isLive ? performance.now() : null;
  }

  /** Whether it is still recorded. */
  get isLive() {
    return this.#startedMs !== null;
  }

  /** The present on the axis; of a finished record, its end. */
  get nowMs() {
    return this.#startedMs === null ? this.endMs : performance.now() - this.#startedMs;
  }

  /** Nothing will be added. */
  finish() {
    this.#startedMs = null;
  }

  get hasAudio() {
    return !this.user.isEmpty || !this.assistant.isEmpty;
  }

  /** The time of the last thing that it contains. */
  get endMs() {
    return Math.max(
      this.entries.at(-1)?.atMs ?? 0,
      this.user.endMs,
      this.assistant.endMs,
      this.played.at(-1)?.endMs ?? 0,
    );
  }

  /**
   * Reports everything that it contains, and then everything that is added.
   * @param {RecordListener | null} listener replaces another
   */
  observe(listener) {
    this.#listener = listener;
    if (listener === null) return;
    for (const entry of this.entries) listener.onEntry(entry);
    for (const played of this.played) listener.onPlayed(played, this.#lastIndexBefore(played.startMs));
  }

  /**
   * @param {Direction} direction
   * @param {RecordedEvent} event
   * @param {number} atMs
   * @param {number} bytes of the event as it was sent
   * @param {RecordedEvent} [wire] the event as it was sent, if that is another
   */
  add(direction, event, atMs, bytes, wire = event) {
    const audio = event.type === 'input_audio_buffer.append' ? this.#userAudio(decodeBase64(event.audio), atMs) : null;
    if (event.type === 'response.output_audio.delta')
      this.#answers.add(event.item_id, event.content_index, decodeBase64(event.delta));
    const kept = audioBytes(event) > 0 || 'item' in event ? withoutAudio(event) : event;
    const sent = wire !== event && { wire: 'delta' in kept ? { ...wire, delta: kept.delta } : withoutAudio(wire) };
    this.restore({ atMs, direction, event: kept, bytes, audio, ...sent });
  }

  /**
   * Adds an event as it was recorded.
   * @param {Omit<Entry, 'index'>} entry
   */
  restore(entry) {
    const added = { ...entry, index: this.#nextIndex++ };
    this.entries.push(added);
    this.#bytes += bytesInMemory(added);
    if (this.entries.length > maxEntries) this.#dropOldest(maxEntries / 10);
    while (this.#bytes > maxBytes && this.entries.length > 0) this.#dropOldest(Math.ceil(this.entries.length / 10));
    this.#listener?.onEntry(added);
  }

  /**
   * Adds a stretch as it was recorded.
   * @param {Played} played
   */
  restorePlayed(played) {
    this.played.push(played);
    if (this.played.length > maxPlayed) this.played.splice(0, maxPlayed / 10);
  }

  /**
   * The microphone, in a call: its events contain no audio.
   * @param {Int16Array} samples that end now
   * @param {number} atMs
   */
  addUserAudio(samples, atMs) {
    this.#userAudio(samples, atMs);
  }

  /**
   * The assistant's audio in a call.
   * @param {Int16Array} samples that end now
   * @param {number} atMs
   */
  addAssistantAudio(samples, atMs) {
    this.#live.assistant.add(samples, atMs);
  }

  /**
   * The playback of an answer has reached a position.
   * @param {{ itemId: string, contentIndex: number, playedSamples: number }} position
   * @param {number} atMs when it is audible
   */
  addPlayed({ itemId, contentIndex, playedSamples }, atMs) {
    const samples = this.#answers.take(itemId, contentIndex, playedSamples);
    if (samples.length === 0) return;
    const durationMs = toMs(samples.length);
    const last = this.played.at(-1);
    const continues = last?.itemId === itemId && atMs - durationMs - last.endMs < maxGapMs;
    const startMs = this.assistant.add(continues ? last.endMs : atMs - durationMs, samples);
    const stretch = continues ? last : { itemId, startMs, endMs: startMs };
    stretch.endMs = startMs + durationMs;
    if (!continues) this.restorePlayed(stretch);
    this.#listener?.onPlayed(stretch, this.#nextIndex - 1);
  }

  /**
   * @param {Int16Array} samples
   * @param {number} atMs
   */
  #userAudio(samples, atMs) {
    return { startMs: this.#live.user.add(samples, atMs), durationMs: toMs(samples.length) };
  }

  /** @param {number} count */
  #dropOldest(count) {
    for (const entry of this.entries.splice(0, count)) this.#bytes -= bytesInMemory(entry);
  }

  /** @param {number} atMs */
  #lastIndexBefore(atMs) {
    return this.entries.findLast((entry) => entry.atMs <= atMs)?.index ?? 0;
  }
}

/** @param {Entry} entry */
function bytesInMemory({ event, bytes }) {
  // The audio of these was replaced by a description.
  return event.type === 'input_audio_buffer.append' || event.type === 'response.output_audio.delta' ? 0 : bytes;
}
