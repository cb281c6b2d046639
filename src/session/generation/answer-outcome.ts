import type { LeftOut } from '../ports/language-model.ts';
import { isSpeakable } from '../speech/speech-text.ts';
import { StageError } from '../stage.ts';
import type { CheckedEvent } from './tool-call-check.ts';
import type { GenerationItem } from './tool-names.ts';

interface Asked {
  readonly items: readonly GenerationItem[];
  readonly instructions: string;
  readonly instructionsOfResponse?: boolean;
  readonly speech?: object;
}

const leftOutFaults: { readonly [Kind in LeftOut]: string } = {
  open_reasoning: 'its reasoning did not end, so that the rest of its answer cannot be separated from it',
  calls: 'it wrote a tool call as text, which is not clear enough to be run. Have its server parse tool calls',
  reasoning: 'it reasoned and gave no answer. Lower its reasoning effort, or let its server generate more tokens',
};

/** Decides whether an answer is complete (docs/protocol.md, "Answers without words"). */
export class AnswerOutcome {
  readonly #asked: Asked;
  /** The kind of text that `ModelWords`, or else the engine, removed from the answer. */
  leftOut: LeftOut | undefined;
  #words = false;
  /** Whether the text contains letters or digits. Emoji and punctuation alone need no audio. */
  #speakable = false;
  /** Whether the model has made a call. */
  called = false;
  /** Whether the model has answered with its own audio. */
  spokeItself = false;
  #sounded = false;
  #silentCharacters = 0;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Takes an event of the model, and returns it. */
  read(event: CheckedEvent): CheckedEvent {
    switch (event.type) {
      case 'text':
        this.#readWords(event.text);
        break;
      case 'audio':
        this.#readWords(event.transcript);
        this.spokeItself = true;
        this.#sounded ||= event.samples.length > 0;
        break;
      case 'call':
        this.called = true;
        break;
      case 'finish':
        this.leftOut ??= event.leftOut;
        break;
    }
    return event;
  }

  /** Call after the voice has processed a clause. `sounded`: whether it produced audio. */
  spoke(clause: string, sounded: boolean): void {
    if (sounded) this.#sounded = true;
    else this.#silentCharacters += clause.trim().length;
  }

  /** The reason why an answer that the model ended by itself is incomplete; undefined if it is complete. */
  get failure(): StageError | undefined {
    if (this.#silentCharacters > 0) {
      const problem = `it produced no audio for ${this.#silentCharacters} characters of the answer. It may not support their language`;
      return new StageError('voice', 'failed', `The voice failed: ${problem}.`);
    }
    const fault = this.called ? undefined : this.#modelFault();
    if (fault === undefined) return undefined;
    return new StageError('languageModel', 'failed', `The language model failed: ${fault}.`);
  }

  #modelFault(): string | undefined {
    const { leftOut } = this;
    if (leftOut === 'open_reasoning' || leftOut === 'calls') return leftOutFaults[leftOut];
    if (!this.#words && !this.#sounded) {
      if (leftOut === 'reasoning') return leftOutFaults.reasoning;
      return asksForWords(this.#asked) ? 'it ended its answer without a word' : undefined;
    }
    if (!this.#asked.speech || this.#sounded || !this.#speakable) return undefined;
    return this.spokeItself
      ? 'it gave words without their audio'
      : 'its answer holds nothing that can be spoken, such as code alone';
  }

  #readWords(text: string): void {
    this.#words ||= text.trim() !== '';
    this.#speakable ||= isSpeakable(text);
  }
}

/** Whether the model was expected to answer: not after a blank turn or an answer, nor while a call lacks its output. */
function asksForWords({ items, instructions, instructionsOfResponse }: Asked): boolean {
  if (instructionsOfResponse) return true;
  const last = items.at(-1);
  if (last === undefined) return instructions.trim() !== '';
  if (last.type !== 'message') return !someCallWaits(items);
  if (last.role === 'assistant') return false;
  return last.content.some((part) => {
    if (part.type === 'image') return true;
    const words = part.type === 'text' ? part.text : part.transcript;
    return words === undefined || words.trim() !== '';
  });
}

function someCallWaits(items: readonly GenerationItem[]): boolean {
  const latest = items.slice(items.findLastIndex(({ type }) => type === 'message') + 1);
  const answered = new Set(latest.map((item) => (item.type === 'call_output' ? item.callId : undefined)));
  return latest.some((item) => item.type === 'call' && !answered.has(item.callId));
}
