import type { EngineCall } from '../ports/language-model.ts';

/** What an entry takes beside its characters. */
const entryCharacters = 64;

/**
 * The ids that engines gave to calls, by the ids that clients know: engines want theirs back, some of them hold what the
 * engine needs to go on. Also of calls outside the conversation, whose items clients may send back. The oldest are forgotten.
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
