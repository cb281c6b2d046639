import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { Item } from '../../protocol/wire/items.ts';
import type { ApprovalRequestItem, McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { Report } from './report.ts';

interface ServerCallsOptions {
  report: Report;
  send(event: ClientEvent): void;
  /** Whether a call is approved; called after it was reported. */
  approve(): Promise<boolean>;
}

/** Calls of tools that the server runs: reports them, and answers the requests for approval. */
export class ServerCalls {
  readonly #options: ServerCallsOptions;
  readonly #open = new Set<string>();
  #decisions = Promise.resolve();
  #undecided = 0;

  constructor(options: ServerCallsOptions) {
    this.#options = options;
  }

  /** Whether the user has to decide about a call. */
  get deciding(): boolean {
    return this.#undecided > 0;
  }

  /** Whether a call has not ended. */
  get running(): boolean {
    return this.#open.size > 0;
  }

  called({ id, server_label, name, arguments: args }: McpCallItem, nowMs: number): void {
    this.#open.add(id);
    this.#options.report.line('call', `${server_label}: ${name} ${args}`, nowMs);
  }

  /** Returns whether the item is the result of a call, and no other call is running. */
  itemDone(item: Item, nowMs: number): boolean {
    if (item.type === 'mcp_approval_request') this.#decide(item, nowMs);
    if (item.type !== 'mcp_call' || !this.#open.delete(item.id)) return false;
    const { server_label, name, error, output } = item;
    const result = error ? `failed: ${error.message}` : (output ?? '');
    this.#options.report.line('call', `${server_label}: ${name} → ${result}`, nowMs);
    return !this.running;
  }

  /** One request after the other, as a terminal has only one line. */
  #decide({ id, server_label, name, arguments: args }: ApprovalRequestItem, nowMs: number): void {
    const { report, send, approve } = this.#options;
    this.#undecided += 1;
    this.#decisions = this.#decisions.then(async () => {
      report.line('call', `Approve ${server_label}: ${name} ${args}? [y/N]`, nowMs);
      const approved = await approve();
      report.line('call', approved ? 'approved' : 'rejected');
      send({
        type: 'conversation.item.create',
        item: { type: 'mcp_approval_response', approval_request_id: id, approve: approved },
      });
      this.#undecided -= 1;
    });
  }
}
