/**
 * The position in what a call plays: events say which answer is played, and when it ends, but the audio of the track has
 * no positions. The time since the answer became audible is the position.
 */

/** The browser plays an answer this much later than its event at most; then it plays silence. */
const maxDelayMs = 2000;
/** Chunks of the track that are this old have no successors: the browser does not let the page listen. */
const maxChunkAgeMs = 500;
const chunkMs = 20;

export class CallPlayback {
  #onPosition;
  #onAudible;
  /** @type {{ responseId: string, startedMs: number, isAudible: boolean } | null} */
  #playing = null;
  #lastChunkMs = Number.NEGATIVE_INFINITY;

  /**
   * @param {(responseId: string, ms: number) => void} onPosition `ms` is infinite at the end of the answer
   * @param {(responseId: string) => void} onAudible if the browser lets the page listen
   */
  constructor(onPosition, onAudible) {
    this.#onPosition = onPosition;
    this.#onAudible = onAudible;
  }

  /** @param {import('../realtime-client.js').ServerEvent} event */
  receive(event) {
    switch (event.type) {
      case 'output_audio_buffer.started':
        this.#playing = { responseId: event.response_id, startedMs: performance.now(), isAudible: false };
        this.#report();
        break;
      case 'output_audio_buffer.stopped':
        this.#playing = null;
        this.#onPosition(event.response_id, Number.POSITIVE_INFINITY);
        break;
      case 'output_audio_buffer.cleared':
        this.#playing = null;
        break;
      default:
        break;
    }
  }

  /**
   * The next 20 ms of the track were played.
   * @param {boolean} isAudible
   */
  played(isAudible) {
    this.#lastChunkMs = performance.now();
    if (!isAudible || this.#playing === null || this.#playing.isAudible) return;
    this.#playing.isAudible = true;
    this.#playing.startedMs = this.#lastChunkMs - chunkMs;
    this.#onAudible(this.#playing.responseId);
  }

  stop() {
    this.#playing = null;
  }

  /** Once per frame; a hidden page has none, and needs none. */
  #report() {
    const playing = this.#playing;
    if (playing === null) return;
    const now = performance.now();
    const passedMs = now - playing.startedMs;
    const isAwaited = !playing.isAudible && now - this.#lastChunkMs < maxChunkAgeMs && passedMs < maxDelayMs;
    if (!isAwaited) this.#onPosition(playing.responseId, passedMs);
    requestAnimationFrame(() => {
      if (this.#playing === playing) this.#report();
    });
  }
}
