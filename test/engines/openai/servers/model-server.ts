import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A request that a test server has received. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Resolves when the connection is closed or the response has ended. */
  closed: Promise<void>;
}

export type Handler = (request: Received, response: ServerResponse) => void | Promise<void>;

export interface ModelServer {
  /** `http://127.0.0.1:43211/v1` */
  url: string;
  readonly requests: readonly Received[];
  /** Number of connections opened so far. */
  readonly connections: number;
  /** Resolves with the nth request (from 1). */
  request(count: number): Promise<Received>;
  stop(): Promise<void>;
}

/** A real HTTP server on a free port, closed at the end of the test. */
export async function modelServer(t: TestContext, handle: Handler): Promise<ModelServer> {
  const requests: Received[] = [];
  const waiting: { count: number; resolve: (request: Received) => void }[] = [];
  let connections = 0;
  const server = createServer((incoming, response) => {
    void received(incoming, response).then((request) => {
      requests.push(request);
      for (const { count, resolve } of waiting) if (count === requests.length) resolve(request);
      return handle(request, response);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(stop);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    get connections() {
      return connections;
    },
    request(count) {
      const come = requests[count - 1];
      return come ? Promise.resolve(come) : new Promise((resolve) => waiting.push({ count, resolve }));
    },
    stop,
  };
}

async function received(incoming: IncomingMessage, response: ServerResponse): Promise<Received> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  response.on('close', resolve);
  const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
  return { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, body, closed };
}

/** The usual response of a server: JSON with a status. */
export function sendJson(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Sends the events of a stream, each in a separate packet; strings are sent unchanged. */
export async function sendEvents(response: ServerResponse, events: readonly unknown[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const event of events) {
    if (response.destroyed) return;
    response.write(typeof event === 'string' ? event : `data: ${JSON.stringify(event)}\n\n`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  response.end();
}

/** Never answers, like a server that hangs; ends with its connection. */
export function hangs({ closed }: Received): Promise<void> {
  return closed;
}
