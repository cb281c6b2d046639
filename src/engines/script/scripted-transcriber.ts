import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type {
  OpenTurn,
  PartialTranscript,
  TranscribeOptions,
  Transcriber,
  TranscriptEvent,
} from '../../session/ports/transcriber.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { traitsOf } from '../decorate.ts';
import { EngineError } from '../engine-error.ts';
import { fail } from './failures.ts';
import type { HearsSection, Script, ScriptedPartials } from './script.ts';

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
  const { follow: followBehind, ...behind } = traitsOf(transcriber);
  let turns = 0;
  const listens = hears?.turns.some(({ text }) => text === undefined) ?? true;
  const hasPartials = hears?.turns.some(({ partials }) => partials !== undefined) ?? false;
  /** The words of the turn that is transcribed next. */
  const follow = (turn: OpenTurn, options: TranscribeOptions) => {
    const scripted = hears?.turns[turns];
    const isHeard = scripted ? scripted.text === undefined : !hears;
    return isHeard && followBehind ? followBehind(turn, options) : speakPartials(turn, scripted?.partials, options);
  };
  return {
    ...(listens ? behind : { settings: [], warm: behind.warm }),
    ...((hasPartials || (listens && followBehind)) && { follow }),
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

async function* speakPartials(
  turn: OpenTurn,
  partials: ScriptedPartials | undefined,
  { signal }: TranscribeOptions,
): AsyncGenerator<PartialTranscript, void, undefined> {
  const { text, perWordMs } = partials ?? { text: '', perWordMs: 0 };
  for (const [index, word] of wordsOf(text).entries()) {
    await turn.reaches((index + 1) * perWordMs, signal);
    yield { type: 'delta', text: word };
  }
}

function wordsOf(text: string): string[] {
  return text.trim().match(/\s*\S+/gu) ?? [];
}

function* transcriptEvents({ text = '', confidence }: HearsSection['turns'][number]): Generator<TranscriptEvent> {
  for (const word of wordsOf(text)) yield { type: 'delta', text: word };
  yield { type: 'done', text: text.trim(), confidence };
}
