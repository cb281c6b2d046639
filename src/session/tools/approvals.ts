import { mcpErrors } from '../../protocol/errors/mcp-errors.ts';
import { copyItem } from '../../protocol/wire/items.ts';
import type { ApprovalRequestItem, McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { SessionCore } from '../session-core.ts';

/** The client's answer to a request. */
export interface Decision {
  readonly approval_request_id: string;
  readonly approve: boolean;
  readonly reason?: string | null | undefined;
}

/** Calls that wait for the client's approval. A call that waits blocks nothing but itself. */
export class Approvals {
  readonly #core: SessionCore;
  /** By the id of the request. */
  readonly #waiting = new Map<string, { callId: string; decide: (decision: Decision | undefined) => void }>();

  constructor(core: SessionCore) {
    this.#core = core;
  }

  /** Requests approval of a call. `decide` gets the decision, or undefined if the request was deleted. */
  request(call: McpCallItem, decide: (decision: Decision | undefined) => void): void {
    const { ids, conversation } = this.#core;
    const { server_label, name } = call;
    const item: ApprovalRequestItem = {
      ...{ id: ids('mcpr'), type: 'mcp_approval_request', server_label, name, arguments: call.arguments },
    };
    call.approval_request_id = item.id;
    conversation.insert(item, { after: call.id });
    this.#waiting.set(item.id, { callId: call.id, decide });
    for (const type of ['conversation.item.added', 'conversation.item.done'] as const) {
      this.#core.emit({ type, previous_item_id: call.id, item: copyItem(item) });
    }
  }

  /** @throws {WireError} if no such request waits; `param` is the place of its id */
  require({ approval_request_id: id }: Decision, param: string): void {
    if (this.#waiting.has(id)) return;
    if (this.#core.conversation.find(id)?.item.type !== 'mcp_approval_request') {
      throw mcpErrors.unknownApproval(param, id);
    }
    throw mcpErrors.approvalAnswered(param, id);
  }

  /** Does nothing if the request does not wait any more. */
  answer(decision: Decision): void {
    const waiting = this.#waiting.get(decision.approval_request_id);
    this.#waiting.delete(decision.approval_request_id);
    waiting?.decide(decision);
  }

  /** Call when an item is about to be deleted: a call, or a request. */
  release(itemId: string): void {
    const waiting = this.#waiting.get(itemId);
    this.#waiting.delete(itemId);
    waiting?.decide(undefined);
    for (const [id, { callId }] of this.#waiting) if (callId === itemId) this.#waiting.delete(id);
  }

  close(): void {
    this.#waiting.clear();
  }
}
