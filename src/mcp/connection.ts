import type {
  CallToolResult,
  Client,
  JsonSchemaValidator,
  ListToolsResult,
  PriorDiscovery,
  Tool,
  Transport,
} from '@modelcontextprotocol/client';
import { settleWithin, unlessAborted } from '../core/abort.ts';
import type { Clock } from '../core/clock.ts';
import { packageVersion } from '../core/version.ts';
import type { GuardedFetch } from '../net/guarded-fetch.ts';
import { boundedFetch } from './bounded-fetch.ts';
import type { HttpTarget, StdioTarget } from './configured-server.ts';
import { isLostConnection, mayLackStreamableHttp, streamEnded } from './failures.ts';
import { maxReconnectionMs, minReconnectionMs, reconnections } from './reconnections.ts';
import { fetchWithHeaders } from './requests.ts';

type Sdk = typeof import('@modelcontextprotocol/client');

export interface ConnectionOptions {
  target: HttpTarget | StdioTarget;
  /** Makes the client for its requests, whose connections end with this one. */
  http: () => GuardedFetch;
  clock: Clock;
  /** Maximum size of a message of the server, and of its messages within a minute. */
  maxBytes: number;
  /** The discovery of another connection to the same server, which saves requests. */
  known?: () => Discovery | undefined;
  /** Maximum wait for a program to answer in the latest version; it is then taken to speak an earlier one. */
  probeMs: number;
  /** Called when the server has changed its tools. */
  changed?: () => void;
  /** Lines that a program writes to its standard error. */
  stderr?: (line: string) => void;
}

/** The version of the protocol, and the transport, that a server speaks. */
export interface Discovery {
  readonly prior: PriorDiscovery;
  readonly transport: 'streamable' | 'sse' | 'stdio';
}

interface OpenClient {
  readonly sdk: Sdk;
  readonly client: Client;
  /** Requests that wait for their answer. */
  running: number;
  /** Not used for further requests; closed when none is running. */
  lost: boolean;
}

/** A client that is being connected, or is connected. */
interface Opening {
  readonly open: Promise<OpenClient>;
  readonly abort: AbortController;
  /** Requests that wait for the connection; it is aborted when none waits any more. */
  waiting: number;
}

/** Deadlines are those of the callers, on the clock of the server. */
const noTimeoutMs = 2 ** 31 - 1;
/** Maximum time for telling a server that its session has ended. */
const farewellMs = 2000;

/**
 * One connection to an MCP server. Connects when it is used, and again after the connection was lost. Calls are never
 * repeated: they may have had their effect.
 */
export class McpConnection {
  readonly #options: ConnectionOptions;
  #opening: Opening | undefined;
  /** The client of `#opening`, once it is connected. */
  #client: Client | undefined;
  #discovery: Discovery | undefined;
  /** Whether a connection has failed: what was known before may be about a version of the server that was replaced. */
  #mayHaveChanged = false;
  #http: GuardedFetch | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get discovery(): Discovery | undefined {
    return this.#discovery;
  }

  /**
   * The tools of the server, page by page: their number and total size are not bounded.
   * @throws an error of the SDK or of `fetch`; the signal's reason
   */
  async *toolPages(signal: AbortSignal): AsyncGenerator<readonly Tool[]> {
    const options = { signal, timeout: noTimeoutMs };
    let cursor: string | undefined;
    do {
      const params = cursor === undefined ? {} : { cursor };
      const list = async (client: Client): Promise<ListToolsResult> => {
        if (!client.getServerCapabilities()?.tools) return { tools: [] };
        // `listTools` of the client would collect all pages before their size can be checked.
        return client.request({ method: 'tools/list', params }, options);
      };
      const isReused = this.#client !== undefined;
      const page = await this.#request(list, signal).catch((error: unknown) => {
        // The server may have forgotten the connection, for example because it was restarted.
        if (isReused && !this.#client && !signal.aborted) return this.#request(list, signal);
        throw error;
      });
      yield page.tools;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  /** @throws as `toolPages` */
  async callTool(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult> {
    // Given this definition, the client neither compiles the server's schemas nor repeats a refused request.
    const toolDefinition: Tool = { name, inputSchema: { type: 'object' } };
    const options = { toolDefinition, signal, timeout: noTimeoutMs };
    return this.#request((client) => client.callTool({ name, arguments: args }, options), signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#client) this.#opening?.abort.abort(new Error('The connection is closed.'));
    const open = await this.#opening?.open.catch(() => undefined);
    if (open) await this.#end(open);
    await this.#http?.close();
  }

  /** Ends the session at the server too, if it has one. */
  async #end({ sdk, client }: OpenClient): Promise<void> {
    const { transport } = client;
    if (transport instanceof sdk.StreamableHTTPClientTransport) {
      await settleWithin(transport.terminateSession(), farewellMs, this.#options.clock).catch(() => {});
    }
    await client.close().catch(() => {});
  }

  async #connected(signal: AbortSignal): Promise<OpenClient> {
    if (this.#closed) throw new Error('The connection is closed.');
    this.#opening ??= this.#begin();
    const opening = this.#opening;
    opening.waiting += 1;
    try {
      return await unlessAborted(opening.open, signal);
    } finally {
      opening.waiting -= 1;
      if (signal.aborted && opening.waiting === 0 && !this.#client) this.#giveUp(opening, signal.reason);
    }
  }

  /** Connects for all requests that wait, whichever of them is aborted. */
  #begin(): Opening {
    const abort = new AbortController();
    const opening = { open: this.#connect(abort.signal), abort, waiting: 0 };
    opening.open.catch((error: unknown) => {
      this.#mayHaveChanged = true;
      this.#giveUp(opening, error);
    });
    return opening;
  }

  #giveUp(opening: Opening, reason: unknown): void {
    if (this.#opening === opening) this.#opening = undefined;
    opening.abort.abort(reason);
  }

  /** After a loss of the connection, the next request connects again. */
  async #request<T>(send: (client: Client) => Promise<T>, signal: AbortSignal): Promise<T> {
    const open = await this.#connected(signal);
    open.running += 1;
    try {
      return await unlessAborted(send(open.client), signal);
    } catch (error) {
      if (!isLostConnection(error, open.sdk)) throw error;
      open.lost = true;
      this.#mayHaveChanged = true;
      this.#forget(open.client);
      throw error;
    } finally {
      open.running -= 1;
      if (open.lost && open.running === 0) await open.client.close().catch(() => {});
    }
  }

  #forget(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#opening = undefined;
  }

  async #connect(signal: AbortSignal): Promise<OpenClient> {
    const sdk = await import('@modelcontextprotocol/client');
    const { target } = this.#options;
    const known = this.#mayHaveChanged ? undefined : (this.#options.known?.() ?? this.#discovery);
    if ('command' in target) {
      const { getDefaultEnvironment, StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
      const { maxBytes, stderr } = this.#options;
      const { command, args, env, cwd } = target;
      const transport = new StdioClientTransport({
        ...{ command, args: [...args], stderr: 'pipe', maxBufferSize: maxBytes },
        env: { ...getDefaultEnvironment(), ...env },
        ...(cwd !== undefined && { cwd }),
      });
      transport.stderr?.on('data', (chunk: Buffer) => stderr?.(chunk.toString().trimEnd()));
      return this.#opened(sdk, transport, { transport: 'stdio', known, signal });
    }
    const url = new URL(target.url);
    this.#http ??= this.#options.http();
    const { maxBytes, clock } = this.#options;
    const fetch = boundedFetch(fetchWithHeaders(this.#http.fetch, target), { maxBytes, clock });
    const overSse = () =>
      this.#opened(sdk, new sdk.SSEClientTransport(url, { fetch }), { transport: 'sse', known: undefined, signal });
    if (known?.transport === 'sse') return overSse();
    const streamable = new sdk.StreamableHTTPClientTransport(url, {
      fetch,
      reconnectionScheduler: reconnections(clock),
      reconnectionOptions: {
        initialReconnectionDelay: minReconnectionMs,
        maxReconnectionDelay: maxReconnectionMs,
        reconnectionDelayGrowFactor: 2,
        maxRetries: 4,
      },
    });
    try {
      return await this.#opened(sdk, failingWithStreams(streamable), { transport: 'streamable', known, signal });
    } catch (error) {
      if (signal.aborted || !mayLackStreamableHttp(error, sdk)) throw error;
      return overSse().catch(() => {
        // The first error is about the transport that servers should have.
        throw error;
      });
    }
  }

  async #opened(
    sdk: Sdk,
    transport: Transport,
    how: { transport: Discovery['transport']; known: Discovery | undefined; signal: AbortSignal },
  ): Promise<OpenClient> {
    const { changed, probeMs } = this.#options;
    const timeoutMs = how.transport === 'stdio' ? probeMs : noTimeoutMs;
    const client = new sdk.Client(
      { name: 'parley', version: packageVersion() },
      {
        // The older transport exists only in older versions.
        versionNegotiation: { mode: how.transport === 'sse' ? 'legacy' : 'auto', probe: { timeoutMs } },
        jsonSchemaValidator: anyJson,
        ...(changed && { listChanged: { tools: { autoRefresh: false, onChanged: changed } } }),
      },
    );
    const prior = how.known?.transport === how.transport ? how.known.prior : undefined;
    const connecting = client.connect(transport, { signal: how.signal, timeout: noTimeoutMs, ...(prior && { prior }) });
    try {
      await unlessAborted(connecting, how.signal);
    } catch (error) {
      connecting.catch(() => {});
      await transport.close().catch(() => {});
      throw error;
    }
    this.#client = client;
    this.#mayHaveChanged = false;
    client.onclose = () => this.#forget(client);
    client.onerror = (error) => {
      // The session has ended with its stream; the transport would open another one, which belongs to no session, and
      // whose timer it sets after this call.
      if (error instanceof sdk.SseError) queueMicrotask(() => void client.close().catch(() => {}));
    };
    const discover = client.getDiscoverResult();
    this.#discovery = {
      prior: discover ? { kind: 'modern', discover } : { kind: 'legacy' },
      transport: how.transport,
    };
    return { sdk, client, running: 0, lost: false };
  }
}

/** A request whose stream ends without an answer fails at once; the client would wait until its time is over. */
function failingWithStreams(transport: Transport): Transport {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    // For a request that has been answered, the client ignores it.
    const onRequestStreamEnd = () => {
      if ('id' in message && message.id !== undefined) {
        transport.onmessage?.({ jsonrpc: '2.0', id: message.id, error: streamEnded });
      }
    };
    return send(message, { onRequestStreamEnd, ...options });
  };
  return transport;
}

/** Accepts everything: to compile a schema of a server could block the event loop for seconds. */
const anyJson = {
  getValidator<T>(): JsonSchemaValidator<T> {
    return (input) => ({ valid: true, data: input as T, errorMessage: undefined });
  },
};
