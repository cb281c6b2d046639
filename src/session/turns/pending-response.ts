import type { Transcript } from '../conversation/user-audio.ts';
import { isSpeakable } from '../speech/speech-text.ts';

/** Whether an automatic response is due: someone said something, and nothing has answered it yet. */
export class PendingResponse {
  /** Turns that are committed and not understood yet. */
  readonly #awaited = new Set<{ wanted: boolean }>();
  #due = false;

  /** Due, and everything that was said is understood: one response can answer it all. */
  get ready(): boolean {
    return this.#due && this.#awaited.size === 0;
  }

  /** Whether one is due, or a turn that is not understood yet may bring one. */
  get expected(): boolean {
    return this.#due || [...this.#awaited].some(({ wanted }) => wanted);
  }

  /**
   * A turn was committed. `wanted`: it is to be answered by itself. Call what is returned once it is transcribed, or at
   * once, without a transcript, for a model that hears: then voice activity alone has told that something was said.
   */
  await(wanted: boolean): (transcript: Transcript | undefined) => void {
    const turn = { wanted };
    this.#awaited.add(turn);
    return (transcript) => {
      this.#awaited.delete(turn);
      // A failed transcription is answered too: its response fails and says so.
      const saysSomething = !transcript || 'failure' in transcript || isSpeakable(transcript.text);
      this.#due ||= turn.wanted && saysSomething;
    };
  }

  /** A response begins: it answers everything that was said before. */
  answered(): void {
    this.#due = false;
    for (const turn of this.#awaited) turn.wanted = false;
  }
}
