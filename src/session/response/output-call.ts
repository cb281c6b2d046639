import type { FunctionCallItem } from '../../protocol/wire/items.ts';
import type { UnsentEvent } from '../../protocol/wire/server-events.ts';

/** A function call that the server makes always has its id. */
export type MadeCall = FunctionCallItem & { call_id: string };

export interface OutputCallOptions {
  item: MadeCall;
  outputIndex: number;
  responseId: string;
  emit(event: UnsentEvent): void;
}

/** A function call on its way out. */
export class OutputCall {
  readonly item: MadeCall;
  readonly outputIndex: number;
  readonly #options: OutputCallOptions;

  constructor(options: OutputCallOptions) {
    this.#options = options;
    this.item = options.item;
    this.outputIndex = options.outputIndex;
  }

  sendArguments(delta: string): void {
    this.item.arguments += delta;
    this.#options.emit({ type: 'response.function_call_arguments.delta', ...this.#at(), delta });
  }

  /** Cut short, it has no `arguments.done`: a client would run the tool on it (docs/protocol.md §3c). */
  end(whole: boolean): void {
    if (!whole) return;
    if (this.item.arguments.trim() === '') this.item.arguments = '{}';
    const { name, arguments: all } = this.item;
    this.#options.emit({ type: 'response.function_call_arguments.done', ...this.#at(), name, arguments: all });
  }

  #at() {
    return {
      response_id: this.#options.responseId,
      item_id: this.item.id,
      output_index: this.outputIndex,
      call_id: this.item.call_id,
    };
  }
}
