/** Definitions of MCP servers, and references to earlier ones. */

import { mcpErrors } from '../../protocol/errors/mcp-errors.ts';
import type { McpTool, Tool } from '../../protocol/wire/tools.ts';
import type { ToolServers } from '../ports/tool-servers.ts';

/**
 * The definitions of a session, by label. A later one may leave out the address, and then takes over all that it does
 * not set itself.
 */
export class ToolDefinitions {
  readonly #servers: ToolServers;
  readonly #byLabel = new Map<string, McpTool>();

  constructor(servers: ToolServers) {
    this.#servers = servers;
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

  /** Call when a list has taken effect, so that later ones can refer to its servers. */
  note(tools: readonly McpTool[]): void {
    for (const tool of tools) this.#byLabel.set(tool.server_label, tool);
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

/** The same for definitions of one server with the same secrets. */
export function connectionKey(definition: McpTool): string {
  const { server_label, server_url, connector_id, tunnel_id, authorization, headers } = definition;
  return JSON.stringify([
    ...[server_label, server_url, connector_id, tunnel_id, authorization].map((field) => field ?? null),
    Object.entries(headers ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
