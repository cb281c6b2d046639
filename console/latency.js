/** Latency of each turn from the end of speech, by stage, measured on this page. */

import { element, make } from './dom.js';

/** @typedef {'transcript' | 'word' | 'audio' | 'heard'} Stage */
/** @typedef {NonNullable<import('../src/protocol/wire/ledger.ts').LedgerEvent['parts_ms']>} Parts */
/**
 * @typedef {object} Turn
 * @property {number} number
 * @property {string} kind how it ended, in words
 * @property {number} endedMs when the page knew that it had ended
 * @property {number} silenceMs what the server had waited for before it said so
 * @property {string | null} itemId
 * @property {string | null} responseId
 * @property {Partial<Record<Stage, number>>} stages milliseconds after `endedMs`
 * @property {Parts | null} parts what the server waited for
 * @property {HTMLLIElement} node
 */

const maxTurns = 100;
const labels = /** @type {const} */ ({
  transcript: 'transcript',
  word: 'first word',
  audio: 'first audio',
  heard: 'heard',
});
/** Minimum scale of the bars; longer turns extend it. */
const leastScaleMs = 800;

export class Latency {
  #list = element('latency', HTMLElement);
  /** @type {Turn[]} newest first */
  #turns = [];
  #count = 0;
  /** @type {Map<string, Turn>} */
  #byAnswerItem = new Map();

  constructor() {
    // It scrolls, so the keyboard must reach it.
    this.#list.tabIndex = 0;
  }

  /**
   * A turn has ended; the following stages are measured from now.
   * @param {{ kind: string, itemId?: string, silenceMs?: number }} turn
   */
  begin({ kind, itemId, silenceMs = 0 }) {
    const node = make('li', 'turn');
    const turn = {
      number: ++this.#count,
      kind,
      endedMs: performance.now(),
      silenceMs,
      itemId: itemId ?? null,
      responseId: null,
      stages: {},
      parts: null,
      node,
    };
    this.#turns.unshift(turn);
    this.#list.prepend(node);
    if (this.#turns.length > maxTurns) this.#turns.pop()?.node.remove();
    this.#render();
  }

  /**
   * Sets the item of a turn; that of a manual turn is not known before.
   * @param {string} itemId
   */
  committed(itemId) {
    const turn = this.#turns[0];
    if (turn !== undefined && turn.itemId === null && turn.responseId === null) turn.itemId = itemId;
  }

  /** @param {string} itemId */
  transcribed(itemId) {
    this.#mark(
      this.#turns.find((turn) => turn.itemId === itemId),
      'transcript',
    );
  }

  /** @param {string} responseId */
  answering(responseId) {
    const turn = this.#turns[0];
    if (turn !== undefined && turn.responseId === null) turn.responseId = responseId;
  }

  /** @param {string} responseId */
  word(responseId) {
    this.#mark(
      this.#turns.find((turn) => turn.responseId === responseId),
      'word',
    );
  }

  /**
   * @param {string} responseId
   * @param {string} itemId
   */
  audio(responseId, itemId) {
    const turn = this.#turns.find((candidate) => candidate.responseId === responseId);
    if (turn === undefined || turn.stages.audio !== undefined) return;
    this.#byAnswerItem.clear();
    this.#byAnswerItem.set(itemId, turn);
    this.#mark(turn, 'audio');
  }

  /**
   * @param {string} itemId
   * @param {number} inMs
   */
  heard(itemId, inMs) {
    this.#mark(this.#byAnswerItem.get(itemId), 'heard', inMs);
  }

  /**
   * In a call.
   * @param {string} responseId
   * @param {'audio' | 'heard'} stage `audio`: the server has sent the first of it
   */
  reached(responseId, stage) {
    this.#mark(
      this.#turns.find((turn) => turn.responseId === responseId),
      stage,
    );
  }

  /**
   * @param {string} responseId
   * @param {Parts} parts
   */
  measured(responseId, parts) {
    const turn = this.#turns.find((candidate) => candidate.responseId === responseId);
    if (turn === undefined) return;
    turn.parts = parts;
    if (turn.silenceMs > 0) turn.silenceMs = parts.policy;
    this.#render();
  }

  /** A new session numbers its turns from 1. */
  clear() {
    this.#turns = [];
    this.#count = 0;
    this.#list.replaceChildren();
  }

  /**
   * @param {Turn | undefined} turn
   * @param {Stage} stage
   * @param {number} [inMs]
   */
  #mark(turn, stage, inMs = 0) {
    if (turn === undefined || turn.stages[stage] !== undefined) return;
    turn.stages[stage] = Math.round(performance.now() + inMs - turn.endedMs);
    this.#render();
  }

  #render() {
    const shown = this.#turns.slice(0, 8);
    const scale = Math.max(
      leastScaleMs,
      ...shown.map((turn) => turn.silenceMs + Math.max(0, ...Object.values(turn.stages))),
    );
    for (const turn of shown) turn.node.replaceChildren(...render(turn, scale, turn === this.#turns[0]));
  }
}

/**
 * @param {Turn} turn
 * @param {number} scaleMs
 * @param {boolean} isLast whether an answer may still come
 */
function render({ number, kind, silenceMs, stages, parts: measured }, scaleMs, isLast) {
  const bar = make('div', 'bar-track');
  bar.setAttribute('aria-hidden', 'true');
  let atMs = 0;
  const segment = (/** @type {string} */ stage, /** @type {number} */ untilMs) => {
    if (untilMs <= atMs) return;
    const part = make('span', '');
    part.dataset.stage = stage;
    part.style.width = `${(100 * (untilMs - atMs)) / scaleMs}%`;
    bar.append(part);
    atMs = untilMs;
  };
  segment('silence', silenceMs);
  const inOrder = Object.entries(stages).sort((a, b) => a[1] - b[1]);
  for (const [stage, ms] of inOrder) segment(stage, silenceMs + ms);
  const last = stages.heard ?? stages.audio ?? stages.word;
  const parts = /** @type {Stage[]} */ (Object.keys(labels)).flatMap((stage) =>
    stages[stage] === undefined ? [] : [`${labels[stage]} ${silenceMs + stages[stage]} ms`],
  );
  return [
    make(
      'p',
      'turn-head',
      make('span', '', `Turn ${number}`),
      make('span', 'kind', kind),
      make('strong', '', last !== undefined ? `${silenceMs + last} ms` : isLast ? '…' : 'no answer'),
    ),
    bar,
    make('p', 'stages', parts.join(' · ')),
    ...(measured ? [make('p', 'stages', describeParts(measured))] : []),
  ];
}

/** @param {Parts} parts */
function describeParts({ policy, transcriber, language_model: model, voice, parley }) {
  const waits = { silence: policy, transcriber, model, voice, Parley: parley };
  return `Waited for: ${Object.entries(waits)
    .map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
    .join(' · ')}`;
}
