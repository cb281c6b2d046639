import type { Transcript } from '../conversation/user-audio.ts';
import { isSpeakable } from '../speech/speech-text.ts';

/** Whether an automatic response is due, because the user said something that has not been answered. */
export class PendingResponse {
  /** Committed turns whose transcript is pending. */
  #awaited: { wanted: boolean }[] = [];
  #due = false;

  /** Due, and all transcripts are known, so that one response can answer everything. */
  get ready(): boolean {
    return this.#due && this.#awaited.length === 0;
  }

  /** Whether one is due, or may become due with a pending transcript. */
  get expected(): boolean {
    return this.#due || this.#awaited.some(({ wanted }) => wanted);
  }

  /**
   * Adds a committed turn. `wanted`: whether it is to be answered automatically. Call the returned function when it is
   * transcribed, or immediately without a transcript for a model with `hearsAudio`: then voice activity alone counts as
   * speech.
   */
  await(wanted: boolean): (transcript: Transcript | undefined) => void {
    const turn = { wanted };
    this.#awaited.push(turn);
    return (transcript) => {
      this.#awaited = this.#awaited.filter((other) => other !== turn);
      // A failed transcription also leads to a response, which fails and reports it.
      const saysSomething = !transcript || 'failure' in transcript || isSpeakable(transcript.text);
      this.#due ||= turn.wanted && saysSomething;
    };
  }

  /** Call when a response begins: it answers everything said before. */
  answered(): void {
    this.#due = false;
    for (const turn of this.#awaited) turn.wanted = false;
  }
}
