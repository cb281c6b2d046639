/** Imports the tools of each MCP server of the configuration, and reports the result. */

import type { Config } from '../../config/config.ts';
import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { McpServers } from '../../mcp/mcp-servers.ts';
import { ImportError } from '../../session/ports/tool-servers.ts';
import type { UpstreamFinding } from './upstreams.ts';

export async function* checkMcpServers({
  mcpServers: configured,
  outgoingAllow: allowed,
  limits,
}: Config): AsyncGenerator<UpstreamFinding, void, undefined> {
  const servers = new McpServers({ configured, anyAddress: false, allowed, clock: systemClock, limits });
  try {
    const { open } = servers.forSession('doctor');
    for (const { name, target } of configured) {
      const where = 'url' in target ? new URL(target.url).host : target.command;
      const startedAt = performance.now();
      const server = open({ type: 'mcp', server_label: name }, () => {});
      try {
        const tools = await server.listTools(AbortSignal.timeout(limits.mcpImportMs));
        const did = `has ${tools.length} tools (${Math.round(performance.now() - startedAt)} ms)`;
        yield { name: `${name} (${where})`, did, fine: true };
      } catch (error) {
        const detail = error instanceof ImportError && error.detail ? ` (${error.detail})` : '';
        yield { name: `${name} (${where})`, did: `${messageOf(error)}${detail}`, fine: false };
      } finally {
        server.close();
      }
    }
  } finally {
    servers.close();
  }
}
