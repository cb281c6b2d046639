import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { Transcriber, TranscriptEvent } from '../../session/ports/transcriber.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { traitsOf } from '../decorate.ts';
import { EngineError } from '../engine-error.ts';
import { fail } from './failures.ts';
import type { HearsSection, Script } from './script.ts';

export interface ScriptedTranscriberTools {
  clock: Clock;
  /** Cuts the client's connection. */
  drop: () => void;
}

/**
 * Returns the script's transcript of the first, second, … spoken turn of a session. Without `hears`, and for turns
 * without a scripted transcript, it delays the result of `transcriber`.
 * @throws {EngineError} for a turn that the script does not contain
 */
export function scriptedTranscriber(
  transcriber: Transcriber,
  { hears, delays }: Pick<Script, 'hears' | 'delays'>,
  tools: ScriptedTranscriberTools,
): Transcriber {
  let turns = 0;
  return {
    ...traitsOf(transcriber),
    async *transcribe(clip, options) {
      const { signal, claim } = options;
      signal.throwIfAborted();
      // Nothing was said, so it is not a turn.
      if (clip.samples.length === 0) return yield { type: 'done', text: '' };
      const number = turns + 1;
      const turn = hears?.turns[turns];
      // The session transcribes each turn once, in order.
      whenAdopted(claim, () => {
        turns = number;
      });
      if (hears && turn === undefined) {
        const message = `${hears.place}: 'hears' has ${hears.turns.length} spoken turns, and this is number ${number}. Add it, or leave 'hears' out for real recognition.`;
        throw new EngineError('script', message);
      }
      const drop = () => whenAdopted(claim, tools.drop);
      await pause(turn?.delayMs ?? delays.transcriber, tools.clock, signal);
      const failure = turn?.failure;
      let words = 0;
      for await (const event of turn?.text === undefined
        ? transcriber.transcribe(clip, options)
        : transcriptEvents(turn)) {
        signal.throwIfAborted();
        if (failure && (event.type === 'done' || words === failure.after)) return fail(failure, signal, drop);
        if (event.type === 'delta') words += 1;
        yield event;
      }
    },
  };
}

function* transcriptEvents({ text = '', confidence }: HearsSection['turns'][number]): Generator<TranscriptEvent> {
  const trimmed = text.trim();
  for (const [word] of trimmed.matchAll(/\s*\S+/gu)) yield { type: 'delta', text: word };
  yield { type: 'done', text: trimmed, confidence };
}
