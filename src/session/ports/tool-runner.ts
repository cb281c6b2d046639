import type { ToolCallError } from '../../protocol/wire/mcp-items.ts';
import type { ModelTool } from './language-model.ts';

/** A server-side tool. `serverLabel` and `name` together are unique in a session. */
export interface ServerTool extends ModelTool {
  /** The server that provides the tool: `server_label` of its calls. */
  readonly serverLabel: string;
  /** Whether each call waits until the client has approved it. */
  readonly requiresApproval?: boolean;
}

export interface ServerToolCall {
  readonly serverLabel: string;
  readonly name: string;
  /** The arguments from the model: usually JSON, but not validated against the tool's `parameters`. */
  readonly arguments: string;
}

/** The text for the model, or an error. Clients see both, but not `detail`, which is for the operator's log. */
export type ServerToolResult = { output: string } | { error: ToolCallError; detail?: string };

/** Runs tools for the models of one session. */
export interface ToolRunner {
  /** The tools for the model of the next response. Called for each response in the conversation. */
  tools(): readonly ServerTool[];
  /**
   * Runs a tool. When `signal` is aborted (time limit, call deleted, end of the session), the result is ignored.
   * A rejection is a defect of the runner: it is logged, and clients get a generic message.
   */
  run(call: ServerToolCall, signal: AbortSignal): Promise<ServerToolResult>;
  /** Called when the session has ended. */
  close?(): void;
}
