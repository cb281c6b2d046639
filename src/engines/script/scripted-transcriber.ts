import type { AudioClip } from '../../audio/audio-clip.ts';
import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { TranscribeOptions, Transcriber, TranscriptEvent } from '../../session/ports/transcriber.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { EngineError } from '../engine-error.ts';
import { fail } from './failures.ts';
import type { Delays, HearsSection } from './script.ts';

export interface ScriptedTranscriberTools {
  clock: Clock;
  /** Cuts the client's connection. */
  drop: () => void;
}

/** Returns the script's transcript of the first, second, … spoken turn of a session, or delays a real transcription. */
export class ScriptedTranscriber implements Transcriber {
  readonly #transcriber: Transcriber;
  readonly #hears: HearsSection | undefined;
  readonly #delays: Delays;
  readonly #tools: ScriptedTranscriberTools;
  #turns = 0;

  /** Without `hears`, and for turns without a scripted transcript, `transcriber` is used. */
  constructor(
    transcriber: Transcriber,
    { hears, delays }: { hears?: HearsSection; delays: Delays },
    tools: ScriptedTranscriberTools,
  ) {
    this.#transcriber = transcriber;
    this.#hears = hears;
    this.#delays = delays;
    this.#tools = tools;
  }

  warm(): void {
    this.#transcriber.warm?.();
  }

  /** @throws {EngineError} for a turn that the script does not contain */
  async *transcribe(clip: AudioClip, options: TranscribeOptions): AsyncGenerator<TranscriptEvent, void, undefined> {
    const { signal, claim } = options;
    signal.throwIfAborted();
    // Nothing was said, so it is not a turn.
    if (clip.samples.length === 0) return yield { type: 'done', text: '' };
    const number = this.#turns + 1;
    const turn = this.#hears?.turns[this.#turns];
    // The session transcribes each turn once, in order.
    whenAdopted(claim, () => {
      this.#turns = number;
    });
    if (this.#hears && turn === undefined) {
      const { place, turns } = this.#hears;
      const message = `${place}: 'hears' has ${turns.length} spoken turns, and this is number ${number}. Add it, or leave 'hears' out for real recognition.`;
      throw new EngineError('script', message);
    }
    const { clock } = this.#tools;
    const drop = () => whenAdopted(claim, this.#tools.drop);
    await pause(turn?.delayMs ?? this.#delays.transcriber, clock, signal);
    const failure = turn?.failure;
    let words = 0;
    for await (const event of turn?.text === undefined
      ? this.#transcriber.transcribe(clip, options)
      : transcriptEvents(turn)) {
      signal.throwIfAborted();
      if (failure && (event.type === 'done' || words === failure.after)) return fail(failure, signal, drop);
      if (event.type === 'delta') words += 1;
      yield event;
    }
  }
}

function* transcriptEvents({ text = '', confidence }: HearsSection['turns'][number]): Generator<TranscriptEvent> {
  const trimmed = text.trim();
  for (const [word] of trimmed.matchAll(/\s*\S+/gu)) yield { type: 'delta', text: word };
  yield { type: 'done', text: trimmed, ...(confidence !== undefined && { confidence }) };
}
