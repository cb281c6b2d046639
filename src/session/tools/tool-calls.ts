import { rejectOnAbort } from '../../core/abort.ts';
import { messageOf } from '../../core/errors.ts';
import { copyItem } from '../../protocol/wire/items.ts';
import type { McpCallItem, ToolCallError } from '../../protocol/wire/mcp-items.ts';
import type { ServerToolResult } from '../ports/tool-runner.ts';
import type { SessionCore } from '../session-core.ts';
import { Approvals, type Decision } from './approvals.ts';
import type { OfferedTool } from './mcp-tools.ts';

/** A call in the output of a response. */
export interface ServerCall {
  readonly item: McpCallItem;
  readonly outputIndex: number;
  readonly responseId: string;
}

interface OpenCall extends ServerCall {
  /** Aborts the run, if it is running. */
  readonly abort: AbortController;
  /** Requests the client's approval, which it waits for; undefined once it has been requested. */
  request?: (() => void) | undefined;
  /** Whether its tool has not been started, because the client has not approved the call. */
  waits: boolean;
  result?: ServerToolResult;
}

/**
 * The calls of server-side tools. A call belongs to the conversation rather than to its response: it continues when the
 * response ends, is cancelled or interrupted, and its result is stored with its item. Results and requests for approval
 * are published only after the response has ended: clients answer them with the next response.
 */
export class ToolCalls {
  readonly #core: SessionCore;
  readonly #settled: (responseId: string) => void;
  readonly #approvals: Approvals;
  readonly #open = new Map<string, OpenCall>();
  readonly #activeResponses = new Set<string>();
  /** The tools that each active response offers to its model. */
  readonly #offered = new Map<string, readonly OfferedTool[]>();

  /** `settled` is called when a call of a response has been published. */
  constructor(core: SessionCore, settled: (responseId: string) => void) {
    this.#core = core;
    this.#settled = settled;
    this.#approvals = new Approvals(core);
  }

  /** Whether a call is running, or its result is not published yet. Calls that wait for approval do not count. */
  get running(): boolean {
    return this.#started > 0;
  }

  /** Whether a call of a response is running or waits for approval. */
  isOpen(responseId: string): boolean {
    return this.#open.values().some((call) => call.responseId === responseId);
  }

  /** Call when a response begins, with the tools that it offers to its model. */
  offer(responseId: string, tools: readonly OfferedTool[]): void {
    this.#offered.set(responseId, tools);
  }

  /** Runs a call whose arguments are complete, or has it approved first. */
  run(call: ServerCall): void {
    const { item, responseId } = call;
    const tool = this.#offered
      .get(responseId)
      ?.find(({ serverLabel, name }) => serverLabel === item.server_label && name === item.name);
    const open = this.#add(call);
    if (!tool) return this.#settle(open, failed('The tool is not available any more.'));
    if (!tool.requiresApproval) return this.#start(open, tool);
    const { toolApprovals, items } = this.#core.settings.limits;
    if (this.#waiting >= toolApprovals) {
      return this.#settle(open, failed(`${toolApprovals} earlier calls are waiting for approval.`));
    }
    open.waits = true;
    open.request = () => {
      if (this.#core.conversation.entries.length >= items) {
        open.waits = false;
        return this.#settle(open, failed('The conversation has no room for a request for approval.'));
      }
      this.#approvals.request(item, (decision) => {
        if (this.#core.closed || this.#open.get(item.id) !== open) return;
        open.waits = false;
        if (decision?.approve) return this.#start(open, tool);
        this.#settle(open, failed(refusalOf(decision)));
      });
    };
  }

  /** @throws {WireError} if no request waits for this answer; `param` is the place of its id */
  requireApproval(decision: Decision, param: string): void {
    this.#approvals.require(decision, param);
  }

  /** Takes the client's answer to a request for approval. */
  decide(decision: Decision): void {
    this.#approvals.answer(decision);
  }

  /** Ends a call whose response ended before its arguments were complete. */
  refuse(call: ServerCall): void {
    this.#settle(this.#add(call), failed('The response ended before the call was complete: the tool was not run.'));
  }

  /** Call when a response has ended: the results of its calls are published from now on. */
  responseEnded(responseId: string): void {
    this.#activeResponses.delete(responseId);
    this.#offered.delete(responseId);
    for (const call of [...this.#open.values()]) {
      if (call.responseId !== responseId) continue;
      call.request?.();
      call.request = undefined;
      this.#publish(call);
    }
  }

  /**
   * Call when an item is about to be deleted: if it is a running call, the call is aborted. The returned function
   * reports its end: call it when the item has been deleted, because the model may continue then.
   */
  release(itemId: string): () => void {
    this.#approvals.release(itemId);
    const call = this.#open.get(itemId);
    this.#open.delete(itemId);
    call?.abort.abort();
    return () => {
      if (call) this.#settled(call.responseId);
    };
  }

  close(): void {
    for (const { abort } of this.#open.values()) abort.abort();
    this.#open.clear();
    this.#offered.clear();
    this.#approvals.close();
  }

  #add(call: ServerCall): OpenCall {
    const open: OpenCall = { ...call, abort: new AbortController(), waits: false };
    this.#open.set(call.item.id, open);
    this.#activeResponses.add(call.responseId);
    return open;
  }

  get #started(): number {
    return this.#open.size - this.#waiting;
  }

  get #waiting(): number {
    return this.#open.values().reduce((count, { waits }) => count + (waits ? 1 : 0), 0);
  }

  #start(call: OpenCall, tool: OfferedTool): void {
    const { toolCalls } = this.#core.settings.limits;
    const { item, outputIndex } = call;
    const busy = this.#started > toolCalls;
    this.#core.emit({ type: 'response.mcp_call.in_progress', item_id: item.id, output_index: outputIndex });
    if (busy) this.#settle(call, failed(`The session is already running ${toolCalls} tools.`));
    else void this.#run(call, tool);
  }

  async #run(call: OpenCall, tool: OfferedTool): Promise<void> {
    const { clock, settings, observers } = this.#core;
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
      const running = tool.run(item.arguments, abort.signal);
      const result = await Promise.race([running, rejectOnAbort(abort.signal)]);
      this.#settle(call, this.#checked(result));
      if ('error' in result) fault = result.detail;
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
  #checked(raw: ServerToolResult): ServerToolResult {
    const { toolOutputCharacters, itemCharacters } = this.#core.settings.limits;
    const result = 'error' in raw ? { error: checkedError(raw.error, toolOutputCharacters) } : raw;
    const text = 'error' in result ? result.error.message : result.output;
    if (typeof text !== 'string') throw new TypeError('The output of a tool must be a string.');
    if (text.length > toolOutputCharacters) {
      return failed(
        `The output of the tool has ${text.length} characters; at most ${toolOutputCharacters} are allowed.`,
      );
    }
    if (this.#core.conversation.characters + text.length > itemCharacters) {
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
    this.#settled(call.responseId);
  }
}

/** For the client and the model. */
function refusalOf(decision: Decision | undefined): string {
  if (!decision) return 'The request for approval was deleted: the tool was not run.';
  const { reason } = decision;
  return `The call was not approved: the tool was not run.${reason ? ` Reason: ${reason}` : ''}`;
}

function failed(message: string): { error: ToolCallError } {
  return { error: { type: 'tool_execution_error', message } };
}

function checkedError(error: ToolCallError, maxCharacters: number): ToolCallError {
  const message = String(error.message).slice(0, maxCharacters);
  if (error.type !== 'protocol_error' && error.type !== 'http_error') return { type: 'tool_execution_error', message };
  return { type: error.type, code: Number.isSafeInteger(error.code) ? error.code : 0, message };
}
