import type { EngineCall } from '../ports/language-model.ts';

/** Memory of an entry in addition to its characters. */
const entryCharacters = 64;

/**
 * Maps the call ids of clients to those of engines, which expect their own ids back; some contain state that the engine
 * needs to continue. Includes calls outside the conversation, whose items clients may send back. The oldest are
 * dropped.
 */
export class EngineCalls {
  readonly #maxCharacters: number;
  readonly #calls = new Map<string, EngineCall>();
  #characters = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  note(callId: string, call: EngineCall): void {
    this.#calls.set(callId, call);
    this.#characters += charactersOf(call);
    for (const [oldest, made] of this.#calls) {
      if (this.#characters <= this.#maxCharacters) return;
      this.#calls.delete(oldest);
      this.#characters -= charactersOf(made);
    }
  }

  find(callId: string): EngineCall | undefined {
    return this.#calls.get(callId);
  }
}

function charactersOf({ id, engine = '' }: EngineCall): number {
  return entryCharacters + id.length + engine.length;
}
