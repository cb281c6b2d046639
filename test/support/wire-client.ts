import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../../src/protocol/index.ts';
import { dialectAsked, frameCheck, type WireDialect } from './frame-check.ts';

export interface ConnectOptions extends ClientOptions {
  protocols?: string[];
  /** The dialect of the client secret; by default, that of the connection. */
  speaks?: WireDialect;
}

/** A client on a real socket: returns events in order, each validated (see `frameCheck`). */
export class WireClient {
  readonly socket: WebSocket;
  /** The close frame, or code 1006 if the connection was cut. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #events: ServerEvent[] = [];
  #wake: () => void = () => {};
  #ended = false;

  constructor(url: string, { protocols = [], speaks, ...options }: ConnectOptions = {}) {
    this.socket = new WebSocket(url, protocols, options);
    const check = frameCheck(speaks ?? dialectAsked(url, options.headers, protocols));
    this.socket.on('message', (data) => {
      check(data.toString());
      this.#events.push(JSON.parse(data.toString()) as ServerEvent);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
    // A failure to connect is thrown to the test that waits for the connection.
    this.socket.on('error', () => {});
  }

  /** Connects, and waits for the session. */
  static async open(url: string, options: ConnectOptions = {}): Promise<WireClient> {
    const client = new WireClient(url, options);
    await client.until('session.created');
    return client;
  }

  send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  /** The next event; fails when the connection ends without one. */
  async next(): Promise<ServerEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      assert.ok(!this.#ended, 'the connection ended before the event that was waited for');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next event of a type; earlier ones are dropped. */
  async until<T extends ServerEventType>(type: T): Promise<ServerEventOf<T>> {
    for (;;) {
      const event = await this.next();
      if (isOfType(event, type)) return event;
    }
  }

  /** Sends a text question and waits for the end of the response. */
  async ask(text: string): Promise<ServerEventOf<'response.done'>> {
    this.send(userText(text));
    this.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    return this.until('response.done');
  }

  /** Events that have arrived and were not read. */
  get waiting(): number {
    return this.#events.length;
  }
}

/** The HTTP response to a refused WebSocket request. */
export async function refusedUpgrade(
  url: string,
  options: ConnectOptions = {},
): Promise<{ status: number | undefined; body: unknown }> {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(url, protocols, rest);
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

function isOfType<T extends ServerEventType>(event: ServerEvent, type: T): event is ServerEventOf<T> {
  return event.type === type;
}
