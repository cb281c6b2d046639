import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { generate } from 'selfsigned';

/** A plain server on a loopback address that records its requests. */
export class LocalServer {
  readonly requests: IncomingMessage[] = [];
  /** Number of connections so far. */
  connections = 0;
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(
    t: TestContext,
    answer: RequestListener,
    { host = '127.0.0.1', tls }: { host?: string; tls?: { cert: string; key: string } } = {},
  ): Promise<LocalServer> {
    const server = tls ? createTlsServer(tls) : createServer();
    await once(server.listen(0, host), 'listening');
    const local = new LocalServer(server);
    server.on('connection', () => {
      local.connections += 1;
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      local.requests.push(request);
      answer(request, response);
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return local;
  }

  /** Resolves with the next request. */
  async nextRequest(): Promise<{ request: IncomingMessage; response: ServerResponse }> {
    const [request, response] = (await once(this.#server, 'request')) as [IncomingMessage, ServerResponse];
    return { request, response };
  }
}

export async function certificateFor(name: string): Promise<{ cert: string; key: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  });
  return { cert, key };
}
