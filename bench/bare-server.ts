/** The bare limit: a WebSocket server that parses and decodes the same appends, and does nothing else. */

import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export interface BareServer {
  wsUrl: string;
  close(): Promise<void>;
}

export async function startBareServer(): Promise<BareServer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const event: unknown = JSON.parse(data.toString());
      if (typeof event !== 'object' || event === null) return;
      if ('audio' in event && typeof event.audio === 'string') Buffer.from(event.audio, 'base64');
      else socket.send('{"type":"session.updated"}');
    });
    socket.send('{"type":"session.created"}');
  });
  // A server that listens on a port has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    wsUrl: `ws://127.0.0.1:${port}/v1/realtime`,
    close: () =>
      new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close(() => resolve());
      }),
  };
}
