import type { ToolCallError } from '../../protocol/wire/items.ts';
import type { ModelTool } from './language-model.ts';

/** A tool that the server runs. `serverLabel` and `name` together are unique in a session. */
export interface ServerTool extends ModelTool {
  /** The server of tools that has it: `server_label` of its calls. */
  readonly serverLabel: string;
}

export interface ServerToolCall {
  readonly serverLabel: string;
  readonly name: string;
  /** As the model wrote them: usually JSON, but not checked against the tool's `parameters`. */
  readonly arguments: string;
}

/** The text that the model reads, or why there is none. Clients see both. */
export type ServerToolResult = { output: string } | { error: ToolCallError };

/** Runs tools for the models of one session. */
export interface ToolRunner {
  /** The tools that the model of the next response may call. Asked for each response in the conversation. */
  tools(): readonly ServerTool[];
  /**
   * Runs a tool. When `signal` is aborted (time limit, call deleted, end of the session), the result is ignored.
   * A rejection is a defect of the runner: it is logged, and clients get a general message.
   */
  run(call: ServerToolCall, signal: AbortSignal): Promise<ServerToolResult>;
  /** The session has ended. */
  close?(): void;
}
