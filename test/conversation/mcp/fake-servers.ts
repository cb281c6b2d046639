/** MCP servers without a protocol, and a session that uses them. */

import assert from 'node:assert/strict';
import { mcpErrors } from '../../../src/protocol/errors/mcp-errors.ts';
import type { ListedTool, McpTool } from '../../../src/protocol/index.ts';
import type { ServerToolResult } from '../../../src/session/ports/tool-runner.ts';
import type { ToolServer, ToolServers } from '../../../src/session/ports/tool-servers.ts';
import type { SessionGrant, SessionSettings } from '../../../src/session/settings.ts';
import { newConversation, update, userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { call } from '../../support/fake-engines.ts';

export const search: ListedTool = {
  name: 'search',
  description: 'Searches the docs.',
  input_schema: { type: 'object', properties: { query: { type: 'string' } } },
  annotations: { readOnlyHint: true },
};
export const remove: ListedTool = {
  name: 'remove',
  description: '',
  input_schema: { type: 'object' },
  annotations: null,
};

interface MadeCall {
  name: string;
  arguments: string;
  signal: AbortSignal;
  answer(result: ServerToolResult): Promise<void>;
}

/** One server, opened for a session. */
export class FakeServer implements ToolServer {
  readonly definition: McpTool;
  readonly changed: () => void;
  readonly approval: 'always' | 'never' | undefined;
  readonly calls: MadeCall[] = [];
  readonly #servers: FakeServers;
  imports = 0;
  forgotten = 0;
  closed = false;

  constructor(definition: McpTool, changed: () => void, servers: FakeServers) {
    this.definition = definition;
    this.changed = changed;
    this.approval = servers.approval;
    this.#servers = servers;
  }

  listTools(): Promise<readonly ListedTool[]> {
    this.imports += 1;
    return this.#servers.lists();
  }

  forgetTools(): void {
    this.forgotten += 1;
  }

  callTool(made: { name: string; arguments: string }, signal: AbortSignal): Promise<ServerToolResult> {
    const { promise, resolve } = Promise.withResolvers<ServerToolResult>();
    this.calls.push({
      ...made,
      signal,
      async answer(result) {
        resolve(result);
        await settle();
      },
    });
    return promise;
  }

  close(): void {
    this.closed = true;
  }
}

/** The servers of a session: any address, and the configured server `house`. */
export class FakeServers implements ToolServers {
  readonly opened: FakeServer[] = [];
  approval: 'always' | 'never' | undefined;
  lists: () => Promise<readonly ListedTool[]> = async () => [search, remove];

  isConfigured(label: string): boolean {
    return label === 'house';
  }

  check({ connector_id }: McpTool, path: string): void {
    if (connector_id !== undefined) throw mcpErrors.unmappedServer(`${path}.connector_id`, connector_id);
  }

  open(definition: McpTool, changed: () => void): ToolServer {
    const server = new FakeServer(definition, changed, this);
    this.opened.push(server);
    return server;
  }

  get last(): FakeServer {
    const server = this.opened.at(-1);
    assert.ok(server, 'a server was opened');
    return server;
  }
}

export const url = 'https://docs.example/mcp';
export const docs = { type: 'mcp', server_label: 'docs', server_url: url, require_approval: 'never' };

interface Options {
  settings?: Partial<Omit<SessionSettings, 'limits'>> & { limits?: Partial<SessionSettings['limits']> };
  grant?: SessionGrant;
  servers?: FakeServers;
}

/** A text session with MCP servers, whose model calls `docs_search` with a query. */
export function newMcpSession({ settings = {}, grant, servers = new FakeServers() }: Options = {}) {
  const conversation = newConversation(settings, { toolServers: servers, ...(grant && { grant }) });
  const { client, engines } = conversation;
  engines.languageModel.script = () => call('docs_search', { query: 'pacing' });
  return {
    ...conversation,
    servers,
    /** Sets the tools of the session, imports them and adds a question. */
    async use(...tools: object[]): Promise<void> {
      await client.say(update({ output_modalities: ['text'], tools }));
      await client.say(userText('How does pacing work?'));
      client.forget();
    },
    respond: (response?: object) => client.say({ type: 'response.create', ...(response && { response }) }),
    approve: (approval_request_id: string, more: object = {}) =>
      client.say({
        type: 'conversation.item.create',
        item: { type: 'mcp_approval_response', approval_request_id, approve: true, ...more },
      }),
    /** The names of the tools that the model was offered last. */
    offered: () => engines.languageModel.requests.at(-1)?.tools.map(({ name }) => name),
    requestId(): string {
      const { item } =
        client.all('conversation.item.done').find((each) => each.item.type === 'mcp_approval_request') ?? {};
      assert.ok(item?.type === 'mcp_approval_request', 'an approval was requested');
      return item.id;
    },
  };
}
