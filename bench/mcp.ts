/** Tools of MCP servers, compared with a plain client of the protocol. */

import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { instantEngines } from '../dev/harness/instant-engines.ts';
import { type LocalMcpServer, startMcpServer } from '../dev/harness/mcp-server.ts';
import type { ServerEvent } from '../src/protocol/wire/server-events.ts';
import { startServer } from '../src/server/server.ts';
import { type Section, summarise } from './figures.ts';

const tools = 100;
const sessions = 50;

export async function mcp({ calls, imports }: { calls: number; imports: number }): Promise<Section> {
  const target = await startMcpServer('modern', manyTools);
  const { engines, ...set } = instantEngines();
  const server = await startServer({
    config: { port: 0, outgoingAllow: ['127.0.0.1'], logLevel: 'silent' },
    engines: {
      ...set,
      engines: {
        ...engines,
        languageModel: {
          async *generate() {
            yield { type: 'call', name: 'bench_tool_0' };
            yield { type: 'call_arguments', delta: '{"query":"x"}' };
            yield { type: 'call_end' };
            yield { type: 'finish', reason: 'stop' };
          },
        },
      },
    },
  });
  try {
    const plain = await plainClient(target);
    const session = await BenchSession.open(server.wsUrl);
    await session.import(target, 'calls');
    const called = { plain: [] as number[], parley: [] as number[] };
    for (let round = 0; round < calls; round += 1) {
      called.plain.push(await timed(() => plain.callTool({ name: 'tool_0', arguments: { query: 'x' } })));
      called.parley.push(await session.call());
    }
    await plain.close();
    const imported = { plain: [] as number[], parley: [] as number[] };
    for (let round = 0; round < imports; round += 1) {
      imported.plain.push(
        await timed(async () => {
          const client = await plainClient(target);
          await client.listTools();
          await client.close();
        }),
      );
      imported.parley.push(await timed(() => session.import(target, `import ${round}`)));
    }
    const { together, asked } = await importTogether(server.wsUrl, target);
    session.close();
    const added = called.parley.map((ms, round) => ms - (called.plain[round] ?? Number.NaN));
    return {
      title: 'Tools of MCP servers',
      how:
        'A server of the protocol, Parley and their clients in one process. A call: from response.mcp_call.in_progress to response.mcp_call.completed at a client, in turns with a call of a plain client. ' +
        `An import of ${tools} tools: from session.update to mcp_list_tools.completed, and connecting and listing with a plain client. ` +
        `${sessions} sessions of a project that import at once asked the server ${asked} times.`,
      figures: [
        { name: 'a call by a plain client', unit: 'ms', ...summarise(called.plain) },
        { name: '  by Parley, for a session', unit: 'ms', ...summarise(called.parley) },
        { name: '  added', unit: 'ms', ...summarise(added), aim: { median: 2 } },
        { name: `an import of ${tools} tools by a plain client`, unit: 'ms', ...summarise(imported.plain) },
        { name: '  by Parley, for a session', unit: 'ms', ...summarise(imported.parley) },
        { name: `${sessions} sessions that import at once`, unit: 'ms', ...summarise(together) },
      ],
      warnings: [],
    };
  } finally {
    await server.close();
    await target.close();
  }
}

function manyTools(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  const inputSchema = z.object({
    query: z.string(),
    limit: z.number().optional(),
    tags: z.array(z.string()).optional(),
  });
  for (let index = 0; index < tools; index += 1) {
    server.registerTool(`tool_${index}`, { description: `Searches collection ${index}.`, inputSchema }, async () => ({
      content: [{ type: 'text', text: 'Found.' }],
    }));
  }
  return server;
}

async function plainClient({ url }: LocalMcpServer): Promise<Client> {
  const client = new Client({ name: 'plain', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

async function importTogether(wsUrl: string, target: LocalMcpServer) {
  const opened = await Promise.all(Array.from({ length: sessions }, () => BenchSession.open(wsUrl)));
  const before = target.count('tools/list');
  const together = await Promise.all(opened.map((each) => timed(() => each.import(target, 'together'))));
  for (const each of opened) each.close();
  return { together, asked: target.count('tools/list') - before };
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

/** A client of Parley that measures. */
class BenchSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<ServerEvent['type'], () => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const { type } = JSON.parse(data.toString()) as ServerEvent;
      const resolve = this.#waiting.get(type);
      this.#waiting.delete(type);
      resolve?.();
    });
  }

  static async open(wsUrl: string): Promise<BenchSession> {
    const socket = new WebSocket(`${wsUrl}?model=gpt-realtime`);
    await once(socket, 'open');
    return new BenchSession(socket);
  }

  /** `secret`: lists are shared by those that use the same. */
  async import({ url: server_url }: LocalMcpServer, secret: string): Promise<void> {
    const imported = this.#next('mcp_list_tools.completed');
    const definition = { type: 'mcp', server_label: 'bench', server_url, require_approval: 'never' };
    const session = {
      ...{ type: 'realtime', output_modalities: ['text'] },
      tools: [{ ...definition, headers: { 'x-secret': secret } }],
    };
    this.#send({ type: 'session.update', session });
    await imported;
  }

  /** The duration of a call, in milliseconds. */
  async call(): Promise<number> {
    const begun = this.#next('response.mcp_call.in_progress');
    const done = this.#next('response.mcp_call.completed');
    this.#send({ type: 'response.create' });
    await begun;
    const startMs = performance.now();
    await done;
    return performance.now() - startMs;
  }

  close(): void {
    this.#socket.close();
  }

  #next(type: ServerEvent['type']): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(type, resolve));
  }

  #send(event: object): void {
    this.#socket.send(JSON.stringify(event));
  }
}
