import { cutPlace, WellFormedText } from '../../core/unicode.ts';
import type { LeftOut, ModelRequest } from '../ports/language-model.ts';
import { ModelMarkup } from '../speech/model-markup.ts';
import { readWrittenCalls, type WrittenCallEvent } from './written-calls.ts';

/** Code units that are read per turn of the event loop: a few milliseconds of work. */
const unitsAtOnce = 1024;

/** The text of a model, made well-formed and without reasoning and markup. */
export class ModelWords {
  readonly #wellFormed = new WellFormedText();
  readonly #markup = new ModelMarkup();

  get leftOut(): LeftOut | undefined {
    return this.#markup.leftOut;
  }

  /** Reads text in pieces, which may be blank; the caller may yield to the event loop between them. */
  *read(text: string): Generator<string, void, undefined> {
    let at = 0;
    do {
      const end =
        text.length - at <= unitsAtOnce
          ? text.length
          : at + cutPlace(text.slice(at, at + unitsAtOnce + 1), unitsAtOnce);
      yield this.#markup.push(this.#wellFormed.push(text.slice(at, end)));
      at = end;
    } while (at < text.length);
  }

  /** The text that was held back, at the end or before another event. */
  end(): string {
    return this.#markup.push(this.#wellFormed.flush()) + this.#markup.flush();
  }

  /** The tool calls that the model wrote as text, if they are clear. Call after `end`. */
  calls(request: Pick<ModelRequest, 'tools' | 'toolChoice'>): WrittenCallEvent[] {
    return readWrittenCalls(this.#markup.callText, request);
  }
}
