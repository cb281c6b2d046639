import { rejectOnAbort } from '../../core/abort.ts';
import { messageOf } from '../../core/errors.ts';
import { copyItem, type McpCallItem, type ToolCallError } from '../../protocol/wire/items.ts';
import type { ServerToolResult } from '../ports/tool-runner.ts';
import type { SessionCore } from '../session-core.ts';

/** A call in the output of a response. */
export interface ServerCall {
  readonly item: McpCallItem;
  readonly outputIndex: number;
  readonly responseId: string;
}

interface OpenCall extends ServerCall {
  /** Aborts the run, if it is running. */
  readonly abort: AbortController;
  result?: ServerToolResult;
}

/**
 * The calls of server-side tools. A call belongs to the conversation rather than to its response: it continues when the
 * response ends, is cancelled or interrupted, and its result is stored with its item. Results are published only after
 * the response has ended.
 */
export class ToolCalls {
  readonly #core: SessionCore;
  readonly #settled: () => void;
  readonly #open = new Map<string, OpenCall>();
  readonly #activeResponses = new Set<string>();

  /** `settled` is called when a call has been published. */
  constructor(core: SessionCore, settled: () => void) {
    this.#core = core;
    this.#settled = settled;
  }

  /** Whether a call is running, or its result is not published yet. */
  get running(): boolean {
    return this.#open.size > 0;
  }

  /** Runs a call whose arguments are complete. */
  run(call: ServerCall): void {
    const { limits } = this.#core.settings;
    const busy = this.#open.size >= limits.toolCalls;
    const { item, outputIndex } = call;
    const open = this.#add(call);
    this.#core.emit({ type: 'response.mcp_call.in_progress', item_id: item.id, output_index: outputIndex });
    if (busy) this.#settle(open, failed(`The session is already running ${limits.toolCalls} tools.`));
    else void this.#run(open);
  }

  /** Ends a call whose response ended before its arguments were complete. */
  refuse(call: ServerCall): void {
    this.#settle(this.#add(call), failed('The response ended before the call was complete: the tool was not run.'));
  }

  /** Call when a response has ended: the results of its calls are published from now on. */
  responseEnded(responseId: string): void {
    this.#activeResponses.delete(responseId);
    for (const call of [...this.#open.values()]) if (call.responseId === responseId) this.#publish(call);
  }

  /** Call when an item is about to be deleted: if it is a running call, the call is aborted. */
  release(itemId: string): void {
    const call = this.#open.get(itemId);
    this.#open.delete(itemId);
    call?.abort.abort();
    if (call) this.#settled();
  }

  close(): void {
    for (const { abort } of this.#open.values()) abort.abort();
    this.#open.clear();
    this.#core.toolRunner.close?.();
  }

  #add(call: ServerCall): OpenCall {
    const open = { ...call, abort: new AbortController() };
    this.#open.set(call.item.id, open);
    this.#activeResponses.add(call.responseId);
    return open;
  }

  async #run(call: OpenCall): Promise<void> {
    const { clock, settings, toolRunner, observers } = this.#core;
    const { item, responseId, abort } = call;
    const { server_label: serverLabel, name } = item;
    const startedAt = clock.now();
    const { toolCallMs } = settings.limits;
    let fault: string | undefined;
    const cancel = clock.after(toolCallMs, () => {
      this.#settle(call, failed(`The tool did not finish within ${toolCallMs / 1000} s.`));
      abort.abort();
    });
    try {
      const running = toolRunner.run({ serverLabel, name, arguments: item.arguments }, abort.signal);
      this.#settle(call, this.#checked(await Promise.race([running, rejectOnAbort(abort.signal)])));
    } catch (error) {
      if (!abort.signal.aborted) fault = messageOf(error);
      this.#settle(call, failed('The server had an error while running the tool.'));
    } finally {
      cancel();
    }
    if (this.#core.closed) return;
    const error = call.result && 'error' in call.result ? call.result.error.type : undefined;
    observers.publish({
      ...{ type: 'tool_call_done', responseId, itemId: item.id, serverLabel, name },
      ...{ tookMs: clock.now() - startedAt, error, fault },
    });
  }

  /** Runners are third-party code, and not all of them are type-checked. */
  #checked(result: ServerToolResult): ServerToolResult {
    const { toolOutputCharacters, itemCharacters } = this.#core.settings.limits;
    if ('error' in result) return { error: checkedError(result.error, toolOutputCharacters) };
    const { output } = result;
    if (typeof output !== 'string') throw new TypeError('The output of a tool must be a string.');
    if (output.length > toolOutputCharacters) {
      return failed(
        `The output of the tool has ${output.length} characters; at most ${toolOutputCharacters} are allowed.`,
      );
    }
    if (this.#core.conversation.characters + output.length > itemCharacters) {
      return failed('The conversation has no room for the output of the tool.');
    }
    return result;
  }

  /** Only the first result counts. */
  #settle(call: OpenCall, result: ServerToolResult): void {
    call.result ??= result;
    if (!this.#activeResponses.has(call.responseId)) this.#publish(call);
  }

  #publish(call: OpenCall): void {
    const { item, outputIndex, result } = call;
    if (!result || this.#open.get(item.id) !== call) return;
    this.#open.delete(item.id);
    if ('error' in result) item.error = result.error;
    else item.output = result.output;
    const { conversation } = this.#core;
    conversation.grown(item.id);
    const previous_item_id = conversation.previousId(item.id);
    this.#core.emit({ type: 'conversation.item.done', previous_item_id, item: copyItem(item) });
    const type = 'error' in result ? 'response.mcp_call.failed' : 'response.mcp_call.completed';
    this.#core.emit({ type, item_id: item.id, output_index: outputIndex });
    this.#settled();
  }
}

function failed(message: string): { error: ToolCallError } {
  return { error: { type: 'tool_execution_error', message } };
}

function checkedError(error: ToolCallError, maxCharacters: number): ToolCallError {
  const message = String(error.message).slice(0, maxCharacters);
  if (error.type !== 'protocol_error' && error.type !== 'http_error') return { type: 'tool_execution_error', message };
  return { type: error.type, code: Number.isSafeInteger(error.code) ? error.code : 0, message };
}
