/** Real MCP servers for tests and benchmarks, on a loopback address. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse';
import { z } from 'zod';

/** `modern`: version 2026-07-28, without sessions; `legacy`: an earlier one, with sessions; `sse`: the older transport. */
export type McpEra = 'modern' | 'legacy' | 'sse';

export interface LocalMcpServer {
  readonly url: string;
  /** The requests so far: method, headers, and the JSON-RPC method of a POST. */
  readonly requests: readonly { method: string; headers: IncomingMessage['headers']; rpc: string | undefined }[];
  /** How often a JSON-RPC method was requested. */
  count(rpc: string): number;
  /** Notifies all clients that the tools have changed. */
  toolsChanged(): Promise<void>;
  /** Forgets all sessions, as a restart does, perhaps with another version. */
  restart(as?: McpEra): Promise<void>;
  close(): Promise<void>;
}

/** The tools of `docs`, the server of most tests. */
export function docsServer(): McpServer {
  const server = new McpServer({ name: 'docs', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.registerTool(
    'search',
    {
      description: 'Searches the docs.',
      inputSchema: z.object({ query: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ query }) => ({ content: [{ type: 'text', text: `Found: ${query}` }] }),
  );
  server.registerTool(
    'remove',
    { description: 'Removes a page.', inputSchema: z.object({ page: z.string() }) },
    async () => ({
      content: [{ type: 'text', text: 'No such page.' }],
      isError: true,
    }),
  );
  return server;
}

export async function startMcpServer(era: McpEra, make: () => McpServer = docsServer): Promise<LocalMcpServer> {
  const requests: LocalMcpServer['requests'][number][] = [];
  let host = hosts[era](make);
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const rpc: unknown = Reflect.get(Object(body), 'method');
    requests.push({
      method: request.method ?? '',
      headers: request.headers,
      rpc: typeof rpc === 'string' ? rpc : undefined,
    });
    await host.handle(request, response, body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    count: (rpc) => requests.filter((request) => request.rpc === rpc).length,
    toolsChanged: () => host.toolsChanged(),
    async restart(as) {
      await host.restart();
      if (as) host = hosts[as](make);
    },
    async close() {
      server.closeAllConnections();
      await host.restart();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

interface Host {
  handle(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void>;
  toolsChanged(): Promise<void>;
  restart(): Promise<void>;
}

const hosts: Record<McpEra, (make: () => McpServer) => Host> = {
  modern(make) {
    const handler = createMcpHandler(make);
    const handle = toNodeHandler(handler);
    return {
      handle: (request, response, body) => handle(request, response, body),
      toolsChanged: async () => handler.notify.toolsChanged(),
      restart: async () => {},
    };
  },
  legacy(make) {
    const sessions = new Map<string, { transport: NodeStreamableHTTPServerTransport; server: McpServer }>();
    let counter = 0;
    return {
      async handle(request, response, body) {
        const id = request.headers['mcp-session-id'];
        const known = typeof id === 'string' ? sessions.get(id) : undefined;
        if (known) return known.transport.handleRequest(request, response, body);
        if (id !== undefined) return void response.writeHead(404).end();
        const server = make();
        const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
          sessionIdGenerator: () => `session-${++counter}`,
          onsessioninitialized: (sessionId) => void sessions.set(sessionId, { transport, server }),
        });
        await server.connect(transport);
        await transport.handleRequest(request, response, body);
      },
      async toolsChanged() {
        for (const { server } of sessions.values()) server.sendToolListChanged();
      },
      async restart() {
        for (const { transport } of sessions.values()) await transport.close();
        sessions.clear();
      },
    };
  },
  sse(make) {
    const sessions = new Map<string, { transport: SSEServerTransport; server: McpServer }>();
    return {
      async handle(request, response, body) {
        const url = new URL(request.url ?? '', 'http://localhost');
        if (request.method === 'GET') {
          const transport = new SSEServerTransport('/messages', response);
          const server = make();
          sessions.set(transport.sessionId, { transport, server });
          return server.connect(transport);
        }
        const session = sessions.get(url.searchParams.get('sessionId') ?? '');
        if (url.pathname === '/messages' && session)
          return session.transport.handlePostMessage(request, response, body);
        response.writeHead(405).end();
      },
      async toolsChanged() {
        for (const { server } of sessions.values()) server.sendToolListChanged();
      },
      async restart() {
        for (const { transport } of sessions.values()) await transport.close();
        sessions.clear();
      },
    };
  },
};
