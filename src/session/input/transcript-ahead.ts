import { isDeepStrictEqual } from 'node:util';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { Channel } from '../../core/channel.ts';
import { PendingAdoption } from '../generation/pending-adoption.ts';
import type { TranscriptEvent } from '../ports/transcriber.ts';
import type { Priority } from '../ports/work-claim.ts';
import type { SessionTools } from '../settings.ts';
import { type TranscriptionRequest, transcribe } from './transcriber-request.ts';

/** Maximum events of a transcript before its adoption. */
const eventsAhead = 4096;

/** The result of a transcript: its text, and the probability that a sentence ended with the audio, if known. */
export type PauseWords = Pick<Extract<TranscriptEvent, { type: 'done' }>, 'text' | 'endOfSentence'>;

/**
 * The transcript of a turn that may have ended, started before that is decided. The transcription of the turn adopts it
 * if its audio and its request are the same; otherwise it is dropped without effects.
 */
export class TranscriptAhead {
  readonly clip: AudioClip;
  /** Resolves with the result; with undefined if it fails or is dropped. Never rejects. */
  readonly words: Promise<PauseWords | undefined>;
  readonly #request: TranscriptionRequest;
  readonly #adoption = new PendingAdoption();
  readonly #abort = new AbortController();
  readonly #events = new Channel<TranscriptEvent>(eventsAhead);
  #failed = false;

  /** `priority`: `live` where a decision waits for it. */
  constructor(
    clip: AudioClip,
    { request, priority, tools }: { request: TranscriptionRequest; priority: Priority; tools: SessionTools },
  ) {
    this.clip = clip;
    this.#request = request;
    const { promise, resolve } = Promise.withResolvers<PauseWords | undefined>();
    this.words = promise;
    void this.#run(tools, priority, resolve).finally(() => resolve(undefined));
  }

  /** The transcript, if it is of the same audio by the same request and has not failed. */
  adopt(clip: AudioClip, request: TranscriptionRequest): AsyncIterable<TranscriptEvent> | undefined {
    if (this.#failed || this.#abort.signal.aborted) return undefined;
    if (clip !== this.clip || !isDeepStrictEqual(request, this.#request)) return undefined;
    this.#adoption.adopt();
    return this.#events;
  }

  /** Stops it, also if it was adopted. */
  abort(): void {
    this.#abort.abort();
    this.#events.end();
  }

  async #run(tools: SessionTools, priority: Priority, known: (words: PauseWords) => void): Promise<void> {
    const work = { priority, adoption: this.#adoption, abort: this.#abort };
    try {
      for await (const event of transcribe(this.clip, this.#request, tools, work)) {
        if (event.type === 'done') known(event);
        if (!(await this.#events.put(event)) || event.type === 'done') break;
      }
      this.#events.end();
    } catch (error) {
      this.#failed = true;
      this.#events.fail(error);
    }
  }
}
