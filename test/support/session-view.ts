import { EventEmitter, once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { ParleyServer } from '../../src/server/server.ts';

export interface ViewEvent {
  type: string;
  [field: string]: unknown;
}

/** A viewer of a session on a real connection, which reads its server-sent events. */
export class SessionView {
  readonly events: ViewEvent[] = [];
  /** Everything that was received. */
  text = '';
  readonly #response: IncomingMessage;
  readonly #received = new EventEmitter();
  /** Resolves when the response is complete, or its connection closed. */
  readonly closed: Promise<void>;
  #taken = 0;
  #unread = '';

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('error', () => {});
    this.closed = new Promise((resolve) => response.once('close', resolve));
    response.on('data', (piece: string) => this.#read(piece));
  }

  /** Opens a view, and waits for its first event. */
  static async open(server: Pick<ParleyServer, 'url'>, id: string, key?: string): Promise<SessionView> {
    const view = await SessionView.connect(server, id, key);
    await view.until('parley.view.opened');
    return view;
  }

  /** As `open`, without waiting for an event. @throws {Error} when it is refused */
  static async connect({ url }: Pick<ParleyServer, 'url'>, id: string, key?: string): Promise<SessionView> {
    const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    const sent = request(`${url}/v1/parley/sessions/${id}/events`, { headers, agent: false });
    sent.end();
    const [response]: IncomingMessage[] = await once(sent, 'response');
    if (response?.statusCode !== 200) throw new Error(`The view was refused with ${response?.statusCode}.`);
    return new SessionView(response);
  }

  /** The next event of a type. @throws {Error} when the view is closed before */
  async until(type: string): Promise<ViewEvent> {
    for (;;) {
      const event = this.events[this.#taken];
      if (event === undefined) {
        if (this.#response.closed) throw new Error(`The view was closed before '${type}'.`);
        await Promise.race([once(this.#received, 'events'), this.closed]);
        continue;
      }
      this.#taken += 1;
      if (event.type === type) return event;
    }
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  leave(): void {
    this.#response.destroy();
  }

  #read(piece: string): void {
    this.text += piece;
    const messages = (this.#unread + piece).split('\n\n');
    this.#unread = messages.pop() ?? '';
    for (const message of messages) {
      if (message.startsWith('data: ')) this.events.push(JSON.parse(message.slice('data: '.length)));
    }
    this.#received.emit('events');
  }
}
