import { messageOf } from '../../core/errors.ts';
import { jsonLength } from '../../core/json-pieces.ts';
import { mcpErrors } from '../../protocol/errors/mcp-errors.ts';
import { errorEvent, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { copyItem } from '../../protocol/wire/items.ts';
import type { ListedTool, McpListToolsItem } from '../../protocol/wire/mcp-items.ts';
import type { McpTool, Tool } from '../../protocol/wire/tools.ts';
import type { ServerTool } from '../ports/tool-runner.ts';
import { ImportError, type ToolServer } from '../ports/tool-servers.ts';
import type { SessionCore } from '../session-core.ts';
import { connectionKey, mcpToolsOf, removeOldest, ToolDefinitions } from './definitions.ts';
import { isAllowed, needsApproval } from './tool-policy.ts';

/** A tool that a response offers to its model, with the server that runs it. */
export interface OfferedTool extends ServerTool {
  readonly run: (args: string, signal: AbortSignal) => ReturnType<ToolServer['callTool']>;
}

interface OpenServer {
  readonly server: ToolServer;
  /** The definition that was imported last. */
  definition: McpTool;
  /** Undefined until they are imported. */
  tools: readonly ListedTool[] | undefined;
  /** The last of the imports that run, one after the other. */
  importing: Promise<void> | undefined;
  /** The tools have changed since the running import began. */
  stale: boolean;
  importedAtMs: number;
}

/** Minimum time between imports because a server reports that its tools have changed. */
const minRefreshMs = 5000;
const none: readonly OfferedTool[] = [];

/**
 * The MCP servers of one session: their definitions, the import of their tools with its events, and the tools that a
 * response may offer.
 */
export class McpTools {
  readonly #core: SessionCore;
  #definitions: ToolDefinitions | undefined;
  /** By `connectionKey`, the least recently used first. Created when used, because most sessions have no servers. */
  #open: Map<string, OpenServer> | undefined;
  #abort: AbortController | undefined;
  #begun = false;
  #offered: { tools: readonly Tool[]; offered: readonly OfferedTool[] } | undefined;

  constructor(core: SessionCore) {
    this.#core = core;
  }

  /**
   * Settings with complete definitions. `root`: where they are set.
   * @throws {WireError} for a server that was not defined, or cannot be used, and for too many servers
   */
  complete<Settings extends { tools?: Tool[] | undefined }>(
    settings: Settings,
    root: 'session' | 'response',
  ): Settings {
    if (!settings.tools) return settings;
    if (mcpToolsOf(settings.tools).length === 0) return settings;
    const { mcpServers, items } = this.#core.settings.limits;
    this.#definitions ??= new ToolDefinitions(this.#core.toolServers, mcpServers);
    const tools = this.#definitions.complete(settings.tools, `${root}.tools`);
    const servers = mcpToolsOf(tools);
    const others = root === 'response' ? mcpToolsOf(this.#core.config.tools) : [];
    const used = new Set([...servers, ...others].map(connectionKey));
    if (used.size > mcpServers) throw mcpErrors.tooManyServers(`${root}.tools`, mcpServers);
    const imports = servers.filter((definition) => !this.#isImported(definition)).length;
    if (this.#core.conversation.entries.length + imports > items) throw wireErrors.tooManyItems(items);
    return { ...settings, tools };
  }

  /** Imports the initial servers; call when the first client can see it. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#core.attempt('opening the MCP servers of the session', () => {
      this.use(this.complete(this.#core.config, 'session').tools);
    });
  }

  /** Imports the tools of servers that are new, or whose definition has changed. The definitions are complete. */
  use(tools: readonly Tool[]): void {
    const servers = mcpToolsOf(tools);
    if (servers.length === 0 && !this.#open) return;
    this.#open ??= new Map();
    for (const definition of servers) {
      const open = this.#opened(this.#open, definition);
      if (!this.#isImported(definition)) this.#import(open, definition);
    }
    const inUse = [...servers, ...mcpToolsOf(this.#core.config.tools)];
    this.#definitions?.note(servers, inUse);
    const { mcpServers } = this.#core.settings.limits;
    const unused = removeOldest(this.#open, mcpServers, new Set(inUse.map(connectionKey)));
    for (const { server } of unused) server.close();
  }

  /** Resolves when no import of these servers is running. Rejects with the signal's reason. */
  async imported(tools: readonly Tool[], signal: AbortSignal): Promise<void> {
    const imports = mcpToolsOf(tools).map((definition) => this.#open?.get(connectionKey(definition))?.importing);
    await Promise.all(imports);
    signal.throwIfAborted();
  }

  /** The imported tools of these servers, and those of the embedding program. The same list while nothing changes. */
  offered(tools: readonly Tool[]): readonly OfferedTool[] {
    const { toolRunner } = this.#core;
    const own = toolRunner.tools().map(
      (tool): OfferedTool => ({
        ...tool,
        run: (args, signal) =>
          toolRunner.run({ serverLabel: tool.serverLabel, name: tool.name, arguments: args }, signal),
      }),
    );
    const servers = mcpToolsOf(tools);
    if (servers.length === 0) return own.length === 0 ? none : own;
    if (this.#offered?.tools !== tools) {
      this.#offered = { tools, offered: servers.flatMap((definition) => this.#offeredBy(definition)) };
    }
    return own.length === 0 ? this.#offered.offered : [...own, ...this.#offered.offered];
  }

  close(): void {
    this.#abort?.abort();
    for (const { server } of this.#open?.values() ?? []) server.close();
    this.#open = undefined;
  }

  #isImported(definition: McpTool): boolean {
    const open = this.#open?.get(connectionKey(definition));
    if (!open || (open.tools === undefined && !open.importing)) return false;
    return JSON.stringify(open.definition.allowed_tools) === JSON.stringify(definition.allowed_tools);
  }

  #offeredBy(definition: McpTool): OfferedTool[] {
    const { server, tools = [] } = this.#open?.get(connectionKey(definition)) ?? {};
    if (!server) return [];
    return tools
      .filter((tool) => isAllowed(tool, definition))
      .map((tool) => ({
        serverLabel: definition.server_label,
        name: tool.name,
        ...(tool.description && { description: tool.description }),
        parameters: tool.input_schema,
        requiresApproval: needsApproval(tool, definition, server.approval),
        run: (args, signal) => server.callTool({ name: tool.name, arguments: args }, signal),
      }));
  }

  #opened(servers: Map<string, OpenServer>, definition: McpTool): OpenServer {
    const key = connectionKey(definition);
    const known = servers.get(key);
    servers.delete(key);
    const open = known ?? {
      server: this.#core.toolServers.open(definition, () => this.#changed(key)),
      definition,
      tools: undefined,
      importing: undefined,
      stale: false,
      importedAtMs: 0,
    };
    servers.set(key, open);
    return open;
  }

  #changed(key: string): void {
    const open = this.#open?.get(key);
    if (!open || this.#core.closed) return;
    if (open.importing || open.stale) {
      open.stale = true;
      return;
    }
    const { clock } = this.#core;
    const waitMs = open.importedAtMs + minRefreshMs - clock.now();
    open.stale = true;
    const refresh = () => {
      open.stale = false;
      if (this.#open?.get(key) !== open || this.#core.closed) return;
      const { items } = this.#core.settings.limits;
      if (this.#core.conversation.entries.length < items) this.#import(open, open.definition);
    };
    if (waitMs <= 0) refresh();
    else clock.after(waitMs, refresh);
  }

  #import(open: OpenServer, definition: McpTool): void {
    const { ids, conversation } = this.#core;
    open.definition = definition;
    const item: McpListToolsItem = {
      id: ids('item'),
      type: 'mcp_list_tools',
      server_label: definition.server_label,
      tools: [],
    };
    conversation.insert(item, 'end');
    this.#emitItem('conversation.item.added', item);
    this.#core.emit({ type: 'mcp_list_tools.in_progress', item_id: item.id });
    const before = open.importing ?? Promise.resolve();
    const importing = before.then(async () => {
      await this.#list(open, item, definition);
      if (open.importing === importing) this.#ended(open);
    });
    open.importing = importing;
  }

  /** No import of a server is running any more. */
  #ended(open: OpenServer): void {
    open.importing = undefined;
    if (!open.stale) return;
    open.stale = false;
    this.#changed(connectionKey(open.definition));
  }

  /** Never rejects. */
  async #list(open: OpenServer, item: McpListToolsItem, definition: McpTool): Promise<void> {
    const { clock, observers } = this.#core;
    const startedAt = clock.now();
    let failure: unknown;
    this.#abort ??= new AbortController();
    try {
      const listed = await open.server.listTools(this.#abort.signal);
      if (this.#core.closed) return;
      item.tools = this.#checked(listed, definition);
      open.tools = listed;
    } catch (error) {
      failure = error;
    }
    if (this.#core.closed) return;
    if (failure !== undefined) open.server.forgetTools();
    open.importedAtMs = clock.now();
    this.#offered = undefined;
    const serverLabel = definition.server_label;
    observers.publish({
      ...{ type: 'tools_imported', serverLabel, tools: item.tools.length, tookMs: clock.now() - startedAt },
      ...(failure !== undefined && { error: detailOf(failure) }),
    });
    this.#publish(item, failure);
  }

  /** Nothing is sent about an item that was deleted meanwhile, except an error. */
  #publish(item: McpListToolsItem, failure: unknown): void {
    const { conversation } = this.#core;
    if (conversation.find(item.id)) {
      conversation.grown(item.id);
      this.#emitItem('conversation.item.done', item);
      const type = failure === undefined ? 'mcp_list_tools.completed' : 'mcp_list_tools.failed';
      this.#core.emit({ type, item_id: item.id });
    }
    if (failure === undefined) return;
    const reason = failure instanceof ImportError ? failure.message : 'The server had an error while importing them.';
    this.#core.emit(errorEvent(mcpErrors.importFailed(item.server_label, reason), null));
  }

  /** @throws {ImportError} when the allowed tools exceed a limit */
  #checked(listed: readonly ListedTool[], definition: McpTool): ListedTool[] {
    const { mcpTools, toolBytes, itemCharacters } = this.#core.settings.limits;
    const tools = listed.filter((tool) => isAllowed(tool, definition));
    if (tools.length > mcpTools) {
      throw new ImportError(
        `It offers ${tools.length} tools; at most ${mcpTools} can be used. Select some with 'allowed_tools'.`,
      );
    }
    const characters = jsonLength(tools, toolBytes);
    if (characters > toolBytes) {
      throw new ImportError(
        `The definitions of its tools have more than ${toolBytes} bytes. Select some with 'allowed_tools'.`,
      );
    }
    if (this.#core.conversation.characters + characters > itemCharacters) {
      throw new ImportError('The conversation has no room for the list of its tools.');
    }
    return tools;
  }

  #emitItem(type: 'conversation.item.added' | 'conversation.item.done', item: McpListToolsItem): void {
    const previous_item_id = this.#core.conversation.previousId(item.id);
    this.#core.emit({ type, previous_item_id, item: copyItem(item) });
  }
}

function detailOf(failure: unknown): string {
  const { message, detail } =
    failure instanceof ImportError ? failure : { message: messageOf(failure), detail: undefined };
  return detail === undefined ? message : `${message} (${detail})`;
}
