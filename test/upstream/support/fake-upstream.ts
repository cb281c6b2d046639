/** A scripted upstream, for correct, incorrect and slow behaviour. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';

type Json = Record<string, unknown> & { type: string };

/** A connection from the relay. */
export class UpstreamSide {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  readonly received: Json[] = [];
  readonly closed: Promise<number>;
  #taken = 0;
  #wake: () => void = () => {};
  #events = 0;

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on('message', (data) => {
      this.received.push(JSON.parse(data.toString()) as Json);
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  /** The next event of a type from the relay. */
  async next(type: string): Promise<Json> {
    for (;;) {
      const event = this.received[this.#taken];
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#taken++;
      if (event.type === type) return event;
    }
  }

  /** Sends events, each with a unique id. */
  send(...events: object[]): void {
    for (const event of events) this.sendText(JSON.stringify({ event_id: `event_up_${++this.#events}`, ...event }));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Resolves when the relay has read everything that was sent so far, because it has answered a ping. */
  async delivered(): Promise<void> {
    const pong = once(this.socket, 'pong');
    this.socket.ping();
    await pong;
  }

  create(changes: object = {}): void {
    this.send({ type: 'session.created', session: { ...upstreamSession, ...changes } });
  }

  /** A response with some output that is still in progress. */
  beginResponse(words = 'Hello there', previous_item_id: string | null = null): void {
    const at = { response_id: 'resp_up', item_id: 'item_answer', output_index: 0, content_index: 0 };
    const item = { id: 'item_answer', object: 'realtime.item', type: 'message', role: 'assistant' };
    const begun = { ...item, status: 'in_progress', content: [] };
    this.send(
      { type: 'response.created', response: responseOf('in_progress') },
      { type: 'response.output_item.added', response_id: 'resp_up', output_index: 0, item: begun },
      { type: 'conversation.item.added', previous_item_id, item: begun },
      { type: 'response.content_part.added', ...at, part: { type: 'audio', transcript: '' } },
      { type: 'response.output_audio_transcript.delta', ...at, delta: words },
      { type: 'response.output_audio.delta', ...at, delta: Buffer.alloc(480).toString('base64') },
    );
  }

  /** Accepts the events that restore a session in a new connection: the update, and this number of items. */
  async takeRestoring(count: number): Promise<{ update: unknown; items: Json[] }> {
    this.create({ id: 'sess_up_2' });
    const { session: update } = await this.next('session.update');
    this.send({ type: 'session.updated', session: { ...upstreamSession, id: 'sess_up_2' } });
    const items: Json[] = [];
    while (items.length < count) {
      const { item } = await this.next('conversation.item.create');
      const previous_item_id = items.at(-1)?.id ?? null;
      items.push(item as Json);
      const whole = { object: 'realtime.item', status: 'completed', ...(item as Json) };
      this.send({ type: 'conversation.item.added', previous_item_id, item: whole });
      this.send({ type: 'conversation.item.done', previous_item_id, item: whole });
    }
    return { update, items };
  }
}

export const upstreamSession = {
  type: 'realtime',
  object: 'realtime.session',
  id: 'sess_up_1',
  model: 'gpt-realtime-2026-01-01',
  output_modalities: ['audio'],
  instructions: 'As the upstream says.',
  tools: [],
  tool_choice: 'auto',
  max_output_tokens: 'inf',
  tracing: null,
  truncation: 'auto',
  prompt: null,
  expires_at: 1_767_230_000,
  include: null,
  audio: {
    input: {
      format: { type: 'audio/pcm', rate: 24000 },
      transcription: null,
      noise_reduction: null,
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 200,
        idle_timeout_ms: null,
        create_response: true,
        interrupt_response: true,
      },
    },
    output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'marin', speed: 1 },
  },
};

export const noTokens = {
  total_tokens: 0,
  input_tokens: 0,
  output_tokens: 0,
  input_token_details: {
    text_tokens: 0,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: 0,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 0, audio_tokens: 0 },
};

export function responseOf(status: string, changes: object = {}): object {
  return {
    object: 'realtime.response',
    id: 'resp_up',
    status,
    status_details: null,
    output: [],
    conversation_id: 'conv_up',
    output_modalities: ['audio'],
    max_output_tokens: 'inf',
    audio: { output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'marin' } },
    usage: status === 'in_progress' ? null : noTokens,
    metadata: null,
    ...changes,
  };
}

export class FakeUpstream {
  readonly url: string;
  readonly #server: Server;
  readonly #sides: UpstreamSide[] = [];
  #wake: () => void = () => {};

  private constructor(server: Server, sockets: WebSocketServer) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/v1/realtime`;
    server.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.#sides.push(new UpstreamSide(webSocket, request));
        this.#wake();
      });
    });
  }

  static async start(t: TestContext): Promise<FakeUpstream> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 ** 2 });
    const upstream = new FakeUpstream(server, sockets);
    t.after(() => upstream.stop());
    return upstream;
  }

  /** The next connection. */
  async connection(): Promise<UpstreamSide> {
    for (;;) {
      const side = this.#sides.shift();
      if (side !== undefined) return side;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stops listening, and closes its connections. */
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const side of this.#sides) side.socket.terminate();
  }
}

/** A server that answers every request, including upgrades, with the same HTTP text, or never. */
export async function plainServer(t: TestContext, answer: string | undefined): Promise<string> {
  const server = createServer();
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {});
    if (answer !== undefined) socket.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/realtime`;
}
