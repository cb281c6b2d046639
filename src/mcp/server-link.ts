import type { Tool } from '@modelcontextprotocol/client';
import type { Clock } from '../core/clock.ts';
import { isJsonObject, tryParseJson } from '../core/json.ts';
import { jsonLength } from '../core/json-pieces.ts';
import type { GuardedFetch } from '../net/guarded-fetch.ts';
import { nestsDeeperThan } from '../protocol/parse/frame-parser.ts';
import type { ListedTool } from '../protocol/wire/mcp-items.ts';
import type { ServerToolCall, ServerToolResult } from '../session/ports/tool-runner.ts';
import { ImportError, type ToolServer } from '../session/ports/tool-servers.ts';
import { toolResult } from './call-result.ts';
import type { ConfiguredServer, HttpTarget, StdioTarget } from './configured-server.ts';
import { McpConnection } from './connection.ts';
import { callFailure, importFailure } from './failures.ts';
import type { ListSource, ListUse, ToolList } from './shared-lists.ts';

/** Far deeper than any schema, and safe for recursive functions. */
const maxSchemaDepth = 64;
/** Maximum number of pages of a list of tools. */
const maxPages = 64;

export interface LinkOptions {
  target: HttpTarget | StdioTarget;
  /** The only tools that are listed. */
  only: readonly string[] | undefined;
  /** As in `ConnectionOptions`. */
  http: () => GuardedFetch;
  clock: Clock;
  limits: {
    /** Maximum size of a response or message of the server, and of its list of tools. */
    mcpResponseBytes: number;
    /** Maximum duration of an import. */
    mcpImportMs: number;
  };
  /** Called when the server has changed its tools. */
  changed: () => void;
  /** Lines that a program writes to its standard error. */
  stderr: (line: string) => void;
}

/** A server that sessions share: the connection that lists its tools, and further ones for calls. */
export class ServerLink implements ListSource {
  readonly #options: LinkOptions;
  readonly #listing: McpConnection;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#listing = this.#connection({ changed: options.changed });
  }

  async list(): Promise<ToolList> {
    const { clock, limits } = this.#options;
    const { mcpImportMs } = limits;
    const abort = new AbortController();
    const tooLong = new ImportError(`It was not done within ${mcpImportMs / 1000} s.`);
    const cancel = clock.after(mcpImportMs, () => abort.abort(tooLong));
    try {
      return await this.#listed(abort.signal);
    } catch (error) {
      if (error instanceof ImportError) throw error;
      const { reason, detail } = importFailure(error, await import('@modelcontextprotocol/client'));
      throw new ImportError(reason, detail);
    } finally {
      cancel();
    }
  }

  /** Ends with the first page that exceeds a limit. @throws {ImportError} */
  async #listed(signal: AbortSignal): Promise<ToolList> {
    const { only, limits } = this.#options;
    const { mcpResponseBytes } = limits;
    const listed: ListedTool[] = [];
    let pages = 0;
    let bytes = 0;
    for await (const page of this.#listing.toolPages(signal)) {
      pages += 1;
      if (pages > maxPages) throw new ImportError(`It has a list of more than ${maxPages} pages of tools.`);
      const tools = page.filter(({ name }) => only?.includes(name) ?? true).map(listedTool);
      bytes += jsonLength(tools, mcpResponseBytes);
      if (bytes > mcpResponseBytes) {
        throw new ImportError(`It has a list of tools with more than ${mcpResponseBytes} bytes.`);
      }
      listed.push(...tools);
    }
    return { tools: listed, bytes };
  }

  /**
   * A connection for the calls of one session: servers keep state by connection. A program has only one, which all
   * sessions share.
   */
  forCalls(): McpConnection {
    if ('command' in this.#options.target) return this.#listing;
    return this.#connection({ known: () => this.#listing.discovery });
  }

  /** Ends a connection for calls. */
  endCalls(connection: McpConnection): void {
    if (connection !== this.#listing) void connection.close();
  }

  close(): void {
    void this.#listing.close();
  }

  #connection(more: Pick<ConstructorParameters<typeof McpConnection>[0], 'changed' | 'known'>): McpConnection {
    const { target, http, clock, limits, stderr } = this.#options;
    const { mcpResponseBytes: maxBytes, mcpImportMs } = limits;
    const probeMs = mcpImportMs / 2;
    return new McpConnection({ target, http, clock, maxBytes, probeMs, stderr, ...more });
  }
}

/** A server in the use of one session. */
export class SessionServer implements ToolServer {
  readonly #use: ListUse<ServerLink>;
  readonly #configured: ConfiguredServer | undefined;
  #calls: McpConnection | undefined;
  #running = 0;
  #closed = false;

  constructor(use: ListUse<ServerLink>, configured: ConfiguredServer | undefined) {
    this.#use = use;
    this.#configured = configured;
  }

  get approval(): 'always' | 'never' | undefined {
    return this.#configured?.approval;
  }

  listTools(signal: AbortSignal): Promise<readonly ListedTool[]> {
    return this.#use.list(signal);
  }

  forgetTools(): void {
    this.#use.forget();
  }

  async callTool(
    { name, arguments: json }: Pick<ServerToolCall, 'name' | 'arguments'>,
    signal: AbortSignal,
  ): Promise<ServerToolResult> {
    const args = tryParseJson(json);
    this.#running += 1;
    try {
      this.#calls ??= this.#use.source.forCalls();
      return toolResult(await this.#calls.callTool(name, isJsonObject(args) ? args : {}, signal));
    } catch (error) {
      signal.throwIfAborted();
      return callFailure(error, await import('@modelcontextprotocol/client'));
    } finally {
      this.#running -= 1;
      if (this.#closed) this.#end();
    }
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    if (this.#running > 0) return;
    if (this.#calls) this.#use.source.endCalls(this.#calls);
    this.#use.release();
  }
}

/** @throws {ImportError} for a tool that cannot be offered to a model */
function listedTool({ name, description = '', inputSchema, annotations }: Tool): ListedTool {
  const schema: Record<string, unknown> = inputSchema;
  if (nestsDeeperThan(maxSchemaDepth, schema)) {
    throw new ImportError(
      `The schema of its tool '${name.slice(0, 64)}' is nested more than ${maxSchemaDepth} levels deep.`,
    );
  }
  return { name, input_schema: schema, description, annotations: annotations ? { ...annotations } : null };
}
