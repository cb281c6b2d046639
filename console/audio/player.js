/** Audio output: plays answers as they arrive, and tracks the position of each. */

import { sampleRateHz, toMs } from './pcm.js';

/** @typedef {import('./playback-queue.js').Position} Position */
/** @typedef {{ generation: number, playing: boolean, position: Position | null, peak: number, atSeconds: number }} Report */
/**
 * @typedef {object} PlayerListener
 * @property {(itemId: string, latencyMs: number) => void} onItemStarted the first sample of an item leaves the
 *   program; it is heard `latencyMs` later
 * @property {(position: Position, inMs: number) => void} onPosition when audio up to there is heard: in the past if the
 *   report is late
 * @property {(position: Position) => void} onDrained everything that has arrived was played, up to there
 * @property {(playing: boolean) => void} onPlaying
 * @property {(level: number) => void} onLevel 0…1
 * @property {(message: string) => void} onProblem
 */

const insecure =
  'The browser does not let this page play answers from a WebSocket. Open it at localhost, or over https, or choose WebRTC in Settings.';

export class Player {
  #listener;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Promise<AudioWorkletNode> | null} */
  #node = null;
  /** @type {Position | null} */
  #position = null;
  #playing = false;
  /** Number of flushes: pieces and reports from before the last one are ignored. */
  #generation = 0;
  #speakerId = '';

  /** @param {PlayerListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  get isPlaying() {
    return this.#playing;
  }

  /** Browsers allow audio only after a user gesture, so call it from one. */
  unlock() {
    this.#node ??= this.#open();
    // Without it, `play` reports the problem.
    this.#node.catch(() => {});
    this.#context?.resume();
  }

  /** @param {string} deviceId where to play; empty: the default */
  setSpeaker(deviceId) {
    this.#speakerId = deviceId;
    if (this.#context !== null) void useSpeaker(this.#context, deviceId);
  }

  /** @param {import('./playback-queue.js').Piece} piece */
  async play(piece) {
    const generation = this.#generation;
    this.#node ??= this.#open();
    const node = await this.#node.catch(() => null);
    if (node === null) return this.#listener.onProblem(insecure);
    if (generation === this.#generation) node.port.postMessage(piece, [piece.samples.buffer]);
  }

  /**
   * Stops playback immediately.
   * @returns {{ itemId: string, contentIndex: number, playedMs: number } | null} what was cut and how much of it has
   *   been heard; null when nothing was playing
   */
  flush() {
    const generation = ++this.#generation;
    this.#node?.then(
      (node) => node.port.postMessage({ flush: generation }),
      () => {},
    );
    const position = this.#playing ? this.#position : null;
    this.#setPlaying(false);
    if (position === null) return null;
    const heardMs = toMs(position.playedSamples) - this.#latencyMs();
    return { itemId: position.itemId, contentIndex: position.contentIndex, playedMs: Math.max(0, Math.floor(heardMs)) };
  }

  async #open() {
    const context = new AudioContext({ sampleRate: sampleRateHz, latencyHint: 'interactive' });
    this.#context = context;
    if (this.#speakerId !== '') void useSpeaker(context, this.#speakerId);
    await context.audioWorklet.addModule(new URL('./player-worklet.js', import.meta.url));
    const node = new AudioWorkletNode(context, 'parley-player', { numberOfInputs: 0, outputChannelCount: [1] });
    node.port.onmessage = ({ data }) => this.#receive(data);
    node.connect(context.destination);
    return node;
  }

  /** @param {{ overflow: true } | Report} message */
  #receive(message) {
    if ('overflow' in message) {
      this.#listener.onProblem('More than ten minutes of speech are waiting to be played. The rest is dropped.');
      return;
    }
    const { generation, playing, position, peak, atSeconds } = message;
    if (generation !== this.#generation) return;
    const isNew = position !== null && position.itemId !== this.#position?.itemId;
    this.#position = position;
    const ageMs = ((this.#context?.currentTime ?? atSeconds) - atSeconds) * 1000;
    if (position !== null) this.#listener.onPosition(position, this.#latencyMs() - ageMs);
    if (this.#playing && !playing && position !== null) this.#listener.onDrained(position);
    this.#setPlaying(playing);
    if (isNew && playing) this.#listener.onItemStarted(position.itemId, this.#latencyMs());
    this.#listener.onLevel(playing ? Math.min(1, peak * 1.6) : 0);
  }

  /** @param {boolean} playing */
  #setPlaying(playing) {
    if (playing === this.#playing) return;
    this.#playing = playing;
    this.#listener.onPlaying(playing);
  }

  /** Output latency of the browser, as far as it is known. */
  #latencyMs() {
    const context = this.#context;
    return context === null ? 0 : Math.max(context.outputLatency || 0, context.baseLatency || 0) * 1000;
  }
}

/**
 * @param {AudioContext} context
 * @param {string} deviceId one that is gone has no effect
 */
async function useSpeaker(context, deviceId) {
  // Not in every browser, nor in TypeScript's types.
  const setSinkId = Reflect.get(context, 'setSinkId');
  if (typeof setSinkId === 'function') await setSinkId.call(context, deviceId).catch(() => {});
}
