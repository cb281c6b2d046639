import type { Item } from '../../protocol/wire/items.ts';
import type { McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { ServerEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';

/** Maximum number of concurrent tool calls of an upstream that are tracked. */
const maxCalls = 256;
/** Maximum characters of arguments that are stored. */
const maxArguments = 16 * 1024;
const message = 'The connection to the upstream was lost before the tool had answered.';

interface OpenCall {
  item: McpCallItem;
  outputIndex: number;
  /** Its place in the conversation, once it has one. */
  previousId: string | null | undefined;
  /** Announced as complete in the conversation. */
  settled: boolean;
}

/** The unfinished tool calls of an upstream, which outlive their responses. */
export class OpenCalls {
  readonly #calls = new Map<string, OpenCall>();

  /** Records an event that was passed on. */
  observe(event: ServerEvent): void {
    switch (event.type) {
      case 'response.output_item.added':
        if (event.item.type === 'mcp_call' && this.#calls.size < maxCalls) this.#add(event.item, event.output_index);
        return;
      case 'conversation.item.added':
      case 'conversation.item.done':
        return this.#place(event);
      case 'response.mcp_call_arguments.done': {
        const call = this.#calls.get(event.item_id);
        if (call) call.item.arguments = event.arguments.slice(0, maxArguments);
        return;
      }
      case 'response.mcp_call.completed':
      case 'response.mcp_call.failed':
      case 'conversation.item.deleted':
        this.#calls.delete(event.item_id);
    }
  }

  /** The events that end every open call: its item with the error, and the call as failed. */
  fail(): UnsentEvent[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls.flatMap(({ item, outputIndex, previousId: previous_item_id, settled }): UnsentEvent[] => {
      const failed: Item = { ...item, error: { type: 'tool_execution_error', message } };
      const done = previous_item_id !== undefined && !settled;
      return [
        ...(done ? [{ type: 'conversation.item.done' as const, previous_item_id, item: failed }] : []),
        { type: 'response.mcp_call.failed', item_id: item.id, output_index: outputIndex },
      ];
    });
  }

  #add(item: McpCallItem, outputIndex: number): void {
    this.#calls.set(item.id, { item: { ...item }, outputIndex, previousId: undefined, settled: false });
  }

  #place(event: Extract<ServerEvent, { type: 'conversation.item.added' | 'conversation.item.done' }>): void {
    const call = this.#calls.get(event.item.id);
    if (!call) return;
    call.previousId = event.previous_item_id;
    call.settled = event.type === 'conversation.item.done';
  }
}
