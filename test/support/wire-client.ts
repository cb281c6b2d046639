import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { RealtimeClient, type RealtimeClientOptions } from '../../src/cli/realtime-client.ts';
import type { ServerEventOf } from '../../src/protocol/index.ts';
import { dialectAsked, frameCheck, type WireDialect } from './frame-check.ts';

export interface ConnectOptions extends RealtimeClientOptions {
  /** The dialect of the client secret; by default, that of the connection. */
  speaks?: WireDialect;
}

/** A client on a real socket, which validates each frame of the server (see `frameCheck`). */
export class WireClient extends RealtimeClient {
  readonly #check: (frame: string) => void;

  constructor(url: string, { speaks, ...options }: ConnectOptions = {}) {
    super(url, options);
    this.#check = frameCheck(speaks ?? dialectAsked(url, options.headers, options.protocols));
  }

  /** Connects, and waits for the session. */
  static async open(url: string, options: ConnectOptions = {}): Promise<WireClient> {
    const client = new WireClient(url, options);
    await client.until('session.created');
    return client;
  }

  /** Sends a text question and waits for the end of the response. */
  async ask(text: string): Promise<ServerEventOf<'response.done'>> {
    this.send(userText(text));
    this.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    return this.until('response.done');
  }

  protected override receive(frame: string): void {
    this.#check(frame);
    super.receive(frame);
  }
}

/** The HTTP response to a refused WebSocket request. */
export async function refusedUpgrade(
  url: string,
  options: ConnectOptions = {},
): Promise<{ status: number | undefined; body: unknown }> {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(url, [...protocols], rest);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: JSON.parse(text) };
}

function userText(text: string): object {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  };
}
