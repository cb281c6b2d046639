/** Live captions: which words of the answers have been heard. */

import { setBounded } from './bounded.js';
import { CallPlayback } from './connection/call-playback.js';

/** @typedef {import('./realtime-client.js').ServerEvent} ServerEvent */
/**
 * The word that is being spoken, as a range of characters of a text. The text before it has been heard.
 * @typedef {{ from: number, until: number }} SpokenWord
 */
/** @typedef {{ responseId: string, text: string, isComplete: boolean, starts: { char: number, ms: number }[] }} Answer */

/** Answers whose words can still be placed; older ones have been played. */
const maxAnswers = 50;
/** Duration of a character, where the server has not said where the words are. */
const usualMsPerCharacter = 65;

/** Places of words in the audio of answers, from `parley.words` (docs/protocol.md, R3.91). */
export class WordClock {
  /** By item, in order. @type {Map<string, Answer>} */
  #answers = new Map();

  /** @param {ServerEvent} event */
  receive(event) {
    switch (event.type) {
      case 'response.output_audio_transcript.delta':
        this.#answer(event).text += event.delta;
        break;
      case 'parley.words':
        for (const { start_char: char, audio_start_ms: ms } of event.words)
          this.#answer(event).starts.push({ char, ms });
        break;
      case 'response.output_audio_transcript.done':
        Object.assign(this.#answer(event), { text: event.transcript, isComplete: true });
        break;
      default:
        break;
    }
  }

  /**
   * The word at a position in the audio of an item.
   * @param {string} itemId
   * @param {number} atMs
   * @returns {SpokenWord | null} null if the item has no spoken words
   */
  wordAt(itemId, atMs) {
    const answer = this.#answers.get(itemId);
    if (answer === undefined) return null;
    const { text } = answer;
    const char = characterAt(answer, atMs);
    const word = Array.from(text.slice(0, char + 1).matchAll(/\S+/g)).at(-1);
    if (char >= text.length || word === undefined) return { from: char, until: char };
    return { from: word.index, until: word.index + (/^\S+/.exec(text.slice(word.index))?.[0].length ?? 0) };
  }

  /**
   * The item of a response at a position in what is played of the response, and the position in it.
   * @param {string} responseId
   * @param {number} atMs
   * @returns {{ itemId: string, atMs: number }[]} with the items before it, which have been played
   */
  itemsUntil(responseId, atMs) {
    const items = [...this.#answers].filter(([, answer]) => answer.responseId === responseId);
    let startMs = 0;
    return items.flatMap(([itemId, { starts }]) => {
      const place = { itemId, atMs: atMs - startMs };
      startMs += starts.at(-1)?.ms ?? 0;
      return place.atMs >= 0 ? [place] : [];
    });
  }

  /**
   * Whether all of an item has arrived.
   * @param {string} itemId
   */
  isComplete(itemId) {
    return this.#answers.get(itemId)?.isComplete ?? false;
  }

  clear() {
    this.#answers.clear();
  }

  /** @param {{ item_id: string, response_id: string }} event */
  #answer({ item_id: itemId, response_id: responseId }) {
    const known = this.#answers.get(itemId);
    if (known !== undefined) return known;
    const answer = { responseId, text: '', isComplete: false, starts: [] };
    setBounded(this.#answers, itemId, answer, maxAnswers);
    return answer;
  }
}

/**
 * @param {Answer} answer
 * @param {number} atMs
 */
function characterAt({ text, starts }, atMs) {
  if (atMs === Number.POSITIVE_INFINITY) return text.length;
  const at = starts.findLastIndex(({ ms }) => ms <= atMs);
  const last = starts[at] ?? { char: 0, ms: 0 };
  const next = starts[at + 1];
  const passedMs = atMs - last.ms;
  if (next === undefined) return Math.min(text.length, Math.floor(last.char + passedMs / usualMsPerCharacter));
  const passed = Math.floor(((next.char - last.char) * passedMs) / (next.ms - last.ms));
  return last.char + Math.max(0, Math.min(passed, next.char - last.char - 1));
}

export class Captions {
  #transcript;
  #clock = new WordClock();
  #call;

  /**
   * @param {import('./transcript.js').Transcript} transcript
   * @param {(responseId: string) => void} onAudible an answer of a call is heard
   */
  constructor(transcript, onAudible) {
    this.#transcript = transcript;
    this.#call = new CallPlayback((responseId, ms) => {
      for (const { itemId, atMs } of this.#clock.itemsUntil(responseId, ms)) this.heard(itemId, atMs);
    }, onAudible);
  }

  /** @param {ServerEvent} event after the transcript has shown it */
  receive(event) {
    if (event.type === 'session.created') this.#clock.clear();
    this.#clock.receive(event);
    this.#call.receive(event);
    if (event.type === 'response.output_audio_transcript.delta') this.#transcript.expectVoice(event.item_id);
    if (event.type === 'conversation.item.truncated') this.cut(event.item_id, event.audio_end_ms);
  }

  /**
   * The playback of an item has reached a position.
   * @param {string} itemId
   * @param {number} atMs infinite: its end
   */
  heard(itemId, atMs) {
    const word = this.#clock.wordAt(itemId, Math.max(0, atMs));
    if (word !== null) this.#transcript.showHeard(itemId, word);
  }

  /**
   * The playback of an item ended early: nothing after this position was heard.
   * @param {string} itemId
   * @param {number} atMs
   */
  cut(itemId, atMs) {
    const word = this.#clock.wordAt(itemId, atMs);
    if (word !== null) this.#transcript.showCut(itemId, word);
  }

  /**
   * All audio of an item that has arrived has been played.
   * @param {string} itemId
   * @param {number} atMs its end
   */
  drained(itemId, atMs) {
    this.heard(itemId, this.#clock.isComplete(itemId) ? Number.POSITIVE_INFINITY : atMs);
  }

  /**
   * The next 20 ms of the track of a call were played.
   * @param {boolean} isAudible
   */
  trackPlayed(isAudible) {
    this.#call.played(isAudible);
  }

  /** The connection ended, and with it the playback of a call. */
  stop() {
    this.#call.stop();
  }
}
