/** The MCP servers of all sessions: those of the configuration, and those whose address a client gives. */

import type { Clock } from '../core/clock.ts';
import { AddressPolicy } from '../net/address-policy.ts';
import { GuardedFetch } from '../net/guarded-fetch.ts';
import { mcpErrors } from '../protocol/errors/mcp-errors.ts';
import type { McpTool } from '../protocol/wire/tools.ts';
import type { ToolServer, ToolServers } from '../session/ports/tool-servers.ts';
import type { ConfiguredServer, HttpTarget, StdioTarget } from './configured-server.ts';
import { ServerLink, SessionServer } from './server-link.ts';
import { SharedLists } from './shared-lists.ts';

export interface McpServersOptions {
  configured: readonly ConfiguredServer[];
  /** Whether clients may give addresses. */
  anyAddress: boolean;
  /** Private hosts and networks that clients may name. */
  allowed: readonly string[];
  clock: Clock;
  limits: McpLimits;
  /** Lines that programs write to their standard error. */
  stderr?: (server: string, line: string) => void;
}

export interface McpLimits {
  /** As in `LinkOptions`. */
  mcpResponseBytes: number;
  mcpImportMs: number;
  /** As in `SharedListsOptions`. */
  mcpLists: number;
  mcpListsBytes: number;
}

/** A server and what is known about it, before it is connected. */
interface Resolved {
  readonly target: HttpTarget | StdioTarget;
  readonly configured: ConfiguredServer | undefined;
}

/** A stream without messages stays open; calls and imports have their own limits. */
const idleMs = 24 * 3_600_000;
const connectMs = 10_000;

export class McpServers {
  readonly #options: McpServersOptions;
  readonly #configured: ReadonlyMap<string, ConfiguredServer>;
  readonly #lists: SharedLists<ServerLink>;

  constructor(options: McpServersOptions) {
    const { configured, clock, limits } = options;
    this.#options = options;
    this.#configured = new Map(configured.map((server) => [server.name, server]));
    this.#lists = new SharedLists({ clock, limits });
  }

  /** The servers for a session. Lists of tools are shared only within a tenant. */
  forSession(tenant: string): ToolServers {
    return {
      isConfigured: (label) => this.#configured.has(label),
      check: (definition, path) => void this.#resolve(definition, path),
      open: (definition, changed) => this.#open(tenant, definition, changed),
    };
  }

  /** The configured servers, for diagnosis. */
  get configured(): readonly ConfiguredServer[] {
    return [...this.#configured.values()];
  }

  close(): void {
    this.#lists.close();
  }

  #open(tenant: string, definition: McpTool, changed: () => void): ToolServer {
    const { clock, limits, stderr } = this.#options;
    const { target, configured } = this.#resolve(definition, '');
    const key = JSON.stringify([tenant, configured?.name ?? null, target]);
    const link = (listChanged: () => void) =>
      new ServerLink({
        ...{ target, clock, limits, only: configured?.tools, changed: listChanged },
        http: () => this.#http(configured === undefined ? [] : [target]),
        stderr: (line) => stderr?.(definition.server_label, line),
      });
    return new SessionServer(this.#lists.use(key, link, changed), configured);
  }

  /** For addresses that clients may name, and those of targets. */
  #http(targets: readonly (HttpTarget | StdioTarget)[]): GuardedFetch {
    const { allowed, clock } = this.#options;
    const hosts = targets.flatMap((each) =>
      'url' in each ? new URL(each.url).hostname.replace(/^\[(.*)\]$/, '$1') : [],
    );
    return new GuardedFetch({
      policy: new AddressPolicy([...allowed, ...hosts]),
      clock,
      timeouts: { connectMs, firstByteMs: idleMs, idleMs },
      keepAlive: true,
    });
  }

  /** @throws {WireError} */
  #resolve(definition: McpTool, path: string): Resolved {
    const { server_label, server_url, connector_id, tunnel_id, authorization, headers } = definition;
    if (server_url !== undefined) {
      if (!this.#options.anyAddress) throw mcpErrors.noMcp(path);
      const target = { url: server_url, headers: headers ?? {}, ...(authorization !== undefined && { authorization }) };
      return { target, configured: undefined };
    }
    const configured = this.#configured.get(connector_id ?? tunnel_id ?? server_label);
    if (!configured) {
      if (connector_id !== undefined) throw mcpErrors.unmappedServer(`${path}.connector_id`, connector_id);
      if (tunnel_id !== undefined) throw mcpErrors.unmappedServer(`${path}.tunnel_id`, tunnel_id);
      throw mcpErrors.undefinedServer(path, server_label);
    }
    const { target } = configured;
    if ('command' in target) return { target, configured };
    return { configured, target: withHeadersOf(definition, target) };
  }
}

/** A configured target with the client's headers and authorization, which take precedence in either form. */
function withHeadersOf({ authorization, headers }: McpTool, target: HttpTarget): HttpTarget {
  const authorizes = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'authorization');
  const token = authorization ?? (authorizes ? undefined : target.authorization);
  return {
    url: target.url,
    headers: { ...target.headers, ...headers },
    ...(token !== undefined && { authorization: token }),
  };
}
