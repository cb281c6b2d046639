import type { SessionCore } from '../session-core.ts';
import { stageFailed } from '../stage.ts';
import type { GrowingTurn } from './open-turn.ts';
import { blankMarkers } from './speech-markers.ts';
import { transcriberOptions, transcriptionRequest } from './transcriber-request.ts';

/** The deltas of one item, which several passes over its audio yield: none is sent again or withdrawn. */
export class ItemDeltas {
  #sent = '';

  /**
   * Begins a pass. The function takes its next words and returns those to send: none while the pass has not reached the
   * end of the words already sent, or if it contradicts them.
   */
  startPass(): (words: string) => string {
    let text = '';
    return (words) => {
      text += words;
      if (!text.startsWith(this.#sent)) return '';
      const unsent = text.slice(this.#sent.length);
      this.#sent = text;
      return unsent;
    };
  }
}

/** Sends the words of a turn during speech, if the client expects them and the transcriber offers them. */
export class PartialTranscripts {
  readonly #core: SessionCore;
  readonly #earlierTurns: () => Promise<void>;
  /** The deltas of the open turn. */
  #open: { itemId: string; deltas: ItemDeltas } | undefined;

  /** `earlierTurns` resolves when they are transcribed: their words come first, and the transcriber is free then. */
  constructor(core: SessionCore, earlierTurns: () => Promise<void>) {
    this.#core = core;
    this.#earlierTurns = earlierTurns;
  }

  get wanted(): boolean {
    return this.#core.streamsTranscripts && this.#core.engines.transcriber.follow !== undefined;
  }

  /** Follows a turn that will become this item. */
  follow(itemId: string, turn: GrowingTurn): void {
    const deltas = this.take(itemId);
    this.#open = { itemId, deltas };
    this.#follow(itemId, turn, deltas).catch((error: unknown) => {
      const { message, overloaded } = stageFailed('transcriber', error);
      if (turn.signal.aborted || overloaded) return;
      this.#core.observers.publish({ type: 'partial_transcript_failed', itemId, error: message });
    });
  }

  /** The deltas of an item that is transcribed now. */
  take(itemId: string): ItemDeltas {
    const deltas = this.#open?.itemId === itemId ? this.#open.deltas : undefined;
    if (deltas) this.#open = undefined;
    return deltas ?? new ItemDeltas();
  }

  async #follow(item_id: string, turn: GrowingTurn, deltas: ItemDeltas): Promise<void> {
    const core = this.#core;

    await this.#earlierTurns();
    const { signal } = turn;
    const request = transcriptionRequest(core);
    const { claim, engines } = core;
    const options = { ...transcriberOptions(request), claim: { ...claim, priority: 'partial' as const }, signal };
    const words = signal.aborted ? undefined : engines.transcriber.follow?.(turn, options);
    if (!words) return;
    const unsent = deltas.startPass();
    for await (const event of blankMarkers(words)) {
      if (signal.aborted || !this.wanted) return;
      const delta = event.type === 'delta' ? unsent(event.text) : '';
      if (delta === '') continue;
      core.emit({ type: 'conversation.item.input_audio_transcription.delta', item_id, content_index: 0, delta });
    }
  }
}
