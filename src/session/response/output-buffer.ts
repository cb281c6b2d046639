import type { UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { PlaybackListener } from '../ports/playback.ts';

/**
 * Reports the measured playback of the conversation's audio as `output_audio_buffer.*` (docs/protocol.md §7): `started`
 * when a response becomes audible, `stopped` when a response that is done has been played, `cleared` when it is cut off.
 */
export class OutputBuffer implements PlaybackListener {
  readonly #emit: (event: UnsentEvent) => void;
  /** Responses that are not done. */
  #running: string[] = [];
  #playing: string | undefined;
  /** The response of the last audio that was passed to the playback. */
  #queued: string | undefined;
  #hasDrained = false;

  constructor(emit: (event: UnsentEvent) => void) {
    this.#emit = emit;
  }

  /** The response that is audible, or was when its audio ran out. */
  get playing(): string | undefined {
    return this.#playing;
  }

  /** Whether that response is not done. */
  get isRunning(): boolean {
    return this.#playing !== undefined && this.#running.includes(this.#playing);
  }

  /** The response of the last audio, played or not, unless it is done. */
  get speaking(): string | undefined {
    return this.#running.find((id) => id === this.#queued);
  }

  responseCreated(responseId: string): void {
    this.#running.push(responseId);
  }

  responseEnded(responseId: string): void {
    this.#running = this.#running.filter((id) => id !== responseId);
    this.#stopIfOver();
  }

  /** More audio of a response was passed to the playback. */
  queued(responseId: string): void {
    this.#queued = responseId;
    this.#hasDrained = false;
  }

  started(responseId: string): void {
    this.#hasDrained = false;
    if (this.#playing === responseId) return;
    this.#end('output_audio_buffer.stopped');
    this.#playing = responseId;
    this.#emit({ type: 'output_audio_buffer.started', response_id: responseId });
  }

  drained(): void {
    this.#hasDrained = true;
    this.#stopIfOver();
  }

  /** Audio that has not been played was dropped. */
  cleared(): void {
    this.#end('output_audio_buffer.cleared');
  }

  #stopIfOver(): void {
    if (this.#playing === undefined || !this.#hasDrained || this.#running.includes(this.#playing)) return;
    this.#end('output_audio_buffer.stopped');
  }

  #end(type: 'output_audio_buffer.stopped' | 'output_audio_buffer.cleared'): void {
    const responseId = this.#playing;
    this.#playing = undefined;
    if (responseId !== undefined) this.#emit({ type, response_id: responseId });
  }
}
