/** A client's events in a form that makes two runs of the same conversation comparable. */

import type { WireDialect } from '../../support/frame-check.ts';
import { WireClient } from '../../support/wire-client.ts';

/** Of 16-bit audio at 24 kHz. */
const bytesPerMs = 48;

type Event = Record<string, unknown> & { type: string };

/** A client that records every event and waits for those that the conversation depends on. */
export class Witness {
  readonly events: Event[] = [];
  readonly #client: WireClient;

  private constructor(client: WireClient) {
    this.#client = client;
  }

  static async open(wsUrl: string, dialect: WireDialect): Promise<Witness> {
    const headers: Record<string, string> = dialect === 'beta' ? { 'OpenAI-Beta': 'realtime=v1' } : {};
    const witness = new Witness(new WireClient(`${wsUrl}?model=gpt-realtime`, { headers }));
    await witness.until((event) => /session\.created$/.test(event.type));
    return witness;
  }

  send(...events: object[]): void {
    for (const event of events) this.#client.send(event);
  }

  /** Waits for the next event that matches. */
  async until(wanted: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const event = { ...(await this.#client.next()) };
      this.events.push(event);
      if (wanted(event)) return event;
    }
  }

  /** Waits for the next event of a type. */
  type(type: string): Promise<Event> {
    return this.until((event) => event.type === type);
  }

  /** Waits for audio of at least `ms`, and returns the last delta. */
  async audio(deltaType: string, ms: number): Promise<Event> {
    for (let bytes = 0; ; ) {
      const event = await this.type(deltaType);
      bytes += Buffer.byteLength(String(event.delta), 'base64');
      if (bytes >= ms * bytesPerMs) return event;
    }
  }

  close(): void {
    this.#client.socket.close();
  }

  get closed(): Promise<{ code: number; reason: string }> {
    return this.#client.closed;
  }
}

const madeId = /\b(event|sess|conv|item|resp|call)_[A-Za-z0-9]{8,}\b/g;

/** Remaining limits increase over time. */
const timely: ReadonlySet<string> = new Set(['expires_at', 'reset_seconds', 'remaining']);

/** The events with each id replaced by its kind and order of appearance, and without wall times. */
export function normalised(events: readonly Event[]): unknown[] {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const named = JSON.stringify(events, (key, value: unknown) => (timely.has(key) ? 'a time' : value)).replaceAll(
    madeId,
    (id, kind: string) => {
      const known = names.get(id);
      if (known !== undefined) return known;
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      const name = `${kind}#${count}`;
      names.set(id, name);
      return name;
    },
  );
  return JSON.parse(named) as unknown[];
}
