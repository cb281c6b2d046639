/** Definitions of MCP servers, and references to earlier ones. */

import { mcpErrors } from '../../protocol/errors/mcp-errors.ts';
import type { McpTool, Tool } from '../../protocol/wire/tools.ts';
import type { ToolServers } from '../ports/tool-servers.ts';

/**
 * The definitions of a session, by label. A later one may leave out the address, and then takes over all that it does
 * not set itself. At most `limit` are retained, or as many as are in use: they contain secrets of up to a megabyte.
 */
export class ToolDefinitions {
  readonly #servers: ToolServers;
  readonly #limit: number;
  /** The least recently used first. */
  readonly #byLabel = new Map<string, McpTool>();

  constructor(servers: ToolServers, limit: number) {
    this.#servers = servers;
    this.#limit = limit;
  }

  /**
   * The complete definitions of a list. `path` is its place.
   * @throws {WireError} for a server that was not defined, or cannot be used
   */
  complete(tools: readonly Tool[], path: string): Tool[] {
    return tools.map((tool, index) => {
      if (tool.type === 'function') return tool;
      const place = `${path}[${index}]`;
      const complete = this.#complete(tool, place);
      this.#servers.check(complete, place);
      return complete;
    });
  }

  /**
   * Call when a list has taken effect, so that later ones can refer to its servers. `inUse` includes the servers of the
   * session's configuration.
   */
  note(tools: readonly McpTool[], inUse: readonly McpTool[]): void {
    for (const tool of tools) {
      this.#byLabel.delete(tool.server_label);
      this.#byLabel.set(tool.server_label, tool);
    }
    removeOldest(this.#byLabel, this.#limit, new Set(inUse.map(({ server_label }) => server_label)));
  }

  #complete(tool: McpTool, place: string): McpTool {
    if (hasAddress(tool)) return tool;
    const earlier = this.#byLabel.get(tool.server_label);
    if (earlier) return { ...earlier, ...tool };
    if (this.#servers.isConfigured(tool.server_label)) return tool;
    throw mcpErrors.undefinedServer(place, tool.server_label);
  }
}

function hasAddress({ server_url, connector_id, tunnel_id }: McpTool): boolean {
  return server_url !== undefined || connector_id !== undefined || tunnel_id !== undefined;
}

export function mcpToolsOf(tools: readonly Tool[]): McpTool[] {
  return tools.filter((tool): tool is McpTool => tool.type === 'mcp');
}

/** Removes the first entries of a map beyond a limit, except those in use, and returns their values. */
export function removeOldest<Value>(map: Map<string, Value>, limit: number, inUse: ReadonlySet<string>): Value[] {
  const removed: Value[] = [];
  for (const [key, value] of map) {
    if (map.size <= limit) break;
    if (inUse.has(key)) continue;
    map.delete(key);
    removed.push(value);
  }
  return removed;
}

/** The same for definitions of one server with the same secrets. */
export function connectionKey(definition: McpTool): string {
  const { server_label, server_url, connector_id, tunnel_id, authorization, headers } = definition;
  return JSON.stringify([
    ...[server_label, server_url, connector_id, tunnel_id, authorization].map((field) => field ?? null),
    Object.entries(headers ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
