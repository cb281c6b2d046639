import type { ListedTool } from '../../protocol/wire/mcp-items.ts';
import type { McpTool } from '../../protocol/wire/tools.ts';
import type { ServerToolCall, ServerToolResult } from './tool-runner.ts';

/** Tools could not be imported. The message is the reason, as a sentence for clients; `detail` is for the log. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  readonly detail: string | undefined;

  constructor(message: string, detail?: string) {
    super(message);
    this.detail = detail;
  }
}

/** An MCP server, for one session. */
export interface ToolServer {
  /** The operator's terms: `always` cannot be lowered by clients; `never` is the default if they do not say. */
  readonly approval?: 'always' | 'never';
  /**
   * Imports its tools: all that the operator allows.
   * @throws {ImportError}
   * @throws the signal's reason
   */
  listTools(signal: AbortSignal): Promise<readonly ListedTool[]>;
  /** Call when the import has failed: the next one asks the server again. */
  forgetTools(): void;
  /** Runs a tool, once. Errors as `ToolRunner.run`. */
  callTool(call: Pick<ServerToolCall, 'name' | 'arguments'>, signal: AbortSignal): Promise<ServerToolResult>;
  /** Ends its connection when no call is running. */
  close(): void;
}

/** The MCP servers that one session can use. */
export interface ToolServers {
  /** Whether a label suffices, because the operator has configured a server of that name. */
  isConfigured(label: string): boolean;
  /** @throws {WireError} if there is no such server for this session; `path` is the place of the definition */
  check(definition: McpTool, path: string): void;
  /**
   * A server that passes `check`. Connects when it is used. `changed` is called when its tools have changed.
   */
  open(definition: McpTool, changed: () => void): ToolServer;
}
