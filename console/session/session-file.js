/** A session as files: its events as JSON lines, its audio as WAV. */

import { readStereo, writeStereo } from '../audio/wav.js';
import { summarise } from '../event-summary.js';
import { toGaEvent } from '../settings/dialect.js';
import { Marks } from '../timeline/marks.js';
import { TranscriptWriter } from '../transcript-writer.js';
import { SessionRecord } from './record.js';

/** @typedef {import('./record.js').Entry} Entry */
/** @typedef {import('./track.js').Track} Track */

/** The file cannot be opened; the message says why, and where. */
export class SessionFileError extends Error {}

const version = 1;
/** Maximum duration of the audio that is saved, up to its end. */
const maxAudioMs = 3_600_000;
const pieceMs = 1000;

/**
 * @param {SessionRecord} record
 * @returns {string} a line about the session, then a line per event and per stretch of an answer that was played
 */
export function formatEvents(record) {
  const lines = [
    { parley_session: version, started_at: record.startedAt.toISOString() },
    ...record.entries.map(({ atMs, direction, bytes, audio, event, wire }) => ({
      ms: tenths(atMs),
      direction,
      bytes,
      ...(audio && { audio: { start_ms: tenths(audio.startMs), duration_ms: tenths(audio.durationMs) } }),
      event: wire ?? event,
    })),
    ...record.played.map(({ itemId, startMs, endMs }) => ({
      played: { item_id: itemId, start_ms: tenths(startMs), end_ms: tenths(endMs) },
    })),
  ];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

/**
 * @param {SessionRecord} record
 * @returns {ArrayBuffer | null} null without audio
 */
export function formatAudio({ user, assistant }) {
  const endMs = Math.max(user.endMs, assistant.endMs);
  const startMs = Math.max(Math.min(user.startMs, assistant.startMs), endMs - maxAudioMs);
  if (user.isEmpty && assistant.isEmpty) return null;
  return writeStereo(user.samples(startMs, endMs), assistant.samples(startMs, endMs), startMs);
}

/**
 * @param {string} text of the events
 * @param {ArrayBuffer | null} audio
 * @returns {SessionRecord}
 * @throws {SessionFileError}
 * @throws {import('../audio/wav.js').WavError}
 */
export function parseSession(text, audio) {
  const [first = '', ...lines] = text.split('\n');
  const about = parseLine(first, 1);
  if (about.parley_session !== version) throw new SessionFileError('Line 1 is not the first line of a saved session.');
  const startedAt = new Date(String(about.started_at));
  if (Number.isNaN(startedAt.getTime())) throw new SessionFileError('Line 1 has no valid started_at.');
  const record = new SessionRecord(startedAt, audio === null ? { withoutAudio: 'Opened without audio' } : {});
  const trial = new Trial();
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    try {
      restoreLine(record, parseLine(line, i + 2), trial);
    } catch (error) {
      if (error instanceof SessionFileError) throw error;
      throw new SessionFileError(`Line ${i + 2} is not an event that this page knows.`);
    }
  }
  if (audio !== null) {
    const { left, right, startMs } = readStereo(audio);
    addPieces(record.user, left, startMs);
    addPieces(record.assistant, right, startMs);
  }
  return record;
}

/**
 * @param {SessionRecord} record
 * @param {Record<string, any>} line
 * @param {Trial} trial
 * @throws {TypeError | RangeError} if a field is missing
 */
function restoreLine(record, line, trial) {
  if (line.played) {
    const { item_id: itemId, start_ms: startMs, end_ms: endMs } = line.played;
    record.restorePlayed({ itemId: String(itemId), startMs: finite(startMs), endMs: finite(endMs) });
    return;
  }
  const { ms, direction, bytes, audio, event: wire } = line;
  if (typeof wire.type !== 'string') throw new TypeError('The event has no type.');
  const event = /** @type {Entry['event']} */ (toGaEvent(wire));
  /** @type {Entry} */
  const entry = {
    index: 0,
    atMs: finite(ms),
    direction: direction === 'sent' ? 'sent' : 'received',
    event,
    bytes: finite(bytes),
    audio: audio ? { startMs: finite(audio.start_ms), durationMs: finite(audio.duration_ms) } : null,
    ...(wire !== event && { wire }),
  };
  trial.read(entry);
  record.restore(entry);
}

/** Reads events as the page does and shows nothing, to refuse events without the fields of their type. */
class Trial {
  #marks = new Marks();
  #writer = new TranscriptWriter({
    add: () => true,
    has: () => false,
    addImages: ignore,
    append: ignore,
    complete: ignore,
    endSession: ignore,
    markInterrupted: ignore,
    place: ignore,
    remark: ignore,
    remove: ignore,
    startSession: ignore,
    withoutAudio: ignore,
  });

  /**
   * @param {Entry} entry
   * @throws {TypeError | RangeError} if a field is missing
   */
  read(entry) {
    if (typeof summarise(entry.event) !== 'string') throw new TypeError('The event has no text.');
    this.#marks.add(entry);
    if (entry.direction === 'received') this.#writer.receive(entry.event);
  }
}

function ignore() {}

/**
 * @param {string} line
 * @param {number} number
 * @returns {Record<string, any>}
 */
function parseLine(line, number) {
  try {
    const value = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // As for other values.
  }
  throw new SessionFileError(`Line ${number} is not a JSON object.`);
}

/**
 * @param {Track} track
 * @param {Int16Array} samples
 * @param {number} startMs
 */
function addPieces(track, samples, startMs) {
  const pieceSamples = pieceMs * 24;
  for (let from = 0; from < samples.length; from += pieceSamples) {
    const piece = samples.subarray(from, from + pieceSamples);
    if (piece.some((sample) => sample !== 0)) track.add(startMs + from / 24, piece);
  }
}

/** @param {unknown} value @returns {number} @throws {RangeError} */
function finite(value) {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new RangeError('Not a time.');
  return value;
}

/** @param {number} ms */
function tenths(ms) {
  return Math.round(ms * 10) / 10;
}
