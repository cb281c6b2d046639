/** A sound of the corpus while the assistant speaks: is it an interruption, and when is that decided? */

import { lengthMs, type Overlap } from '../../dev/corpus/corpus.ts';
import type { SimulatedSession } from './simulated-session.ts';
import type { Scene } from './simulation.ts';

/** From the assistant's first audio to the sound. */
const afterStartMs = 2500;
/** After the sound, in which a decision counts. */
const afterSoundMs = 1500;
/** The duration of an echo alone. */
const echoMs = 6000;

export interface OverlapOutcome {
  overlap: Overlap;
  /** From the onset of the sound to `speech_started`; undefined if there was none. */
  announcedMs: number | undefined;
  /** Whether the response was cancelled. */
  interrupted: boolean;
  /** The assistant's echo was taken for speech before the sound began. */
  isSpoiled: boolean;
}

export class OverlapScene implements Scene {
  readonly session: SimulatedSession;
  readonly #overlap: Overlap;
  #asked = false;
  #onsetMs: number | undefined;

  constructor(session: SimulatedSession, overlap: Overlap) {
    this.session = session;
    this.#overlap = overlap;
  }

  next(): boolean {
    if (!this.#asked) this.session.say({ type: 'response.create' });
    this.#asked = true;
    if (this.#onsetMs === undefined && this.session.playedToMs > 0) {
      this.#onsetMs = this.session.writtenMs + (this.#overlap.kind === 'echo' ? 0 : afterStartMs);
      this.session.add(this.#overlap.samples, this.#onsetMs);
    }
    if (this.#onsetMs === undefined) return false;
    const soundMs = this.#overlap.kind === 'echo' ? echoMs : lengthMs(this.#overlap);
    return this.session.writtenMs > this.#onsetMs + soundMs + afterSoundMs;
  }

  get outcome(): OverlapOutcome {
    const onsetMs = this.#onsetMs ?? Number.NaN;
    const { events } = this.session;
    const started = events.find(({ event }) => event.type === 'input_audio_buffer.speech_started');
    const done = events.find(({ event }) => event.type === 'response.done');
    return {
      overlap: this.#overlap,
      announcedMs: started && started.atMs - onsetMs,
      isSpoiled: started !== undefined && started.atMs < onsetMs,
      interrupted: done?.event.type === 'response.done' && done.event.response.status === 'cancelled',
    };
  }
}
