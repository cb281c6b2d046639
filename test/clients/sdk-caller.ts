/** A wrapper of the official SDK's sockets, in either dialect: records events and waits for them. */

import { bytesToSamples, concatSamples } from '../../src/audio/pcm.ts';
import { frameCheck, type WireDialect } from '../support/frame-check.ts';

/** The part of the SDK's sockets that both dialects share. */
interface SdkSocket<Event> {
  on(type: 'event', listener: (event: Event) => void): unknown;
  on(type: 'error', listener: (error: Error) => void): unknown;
  send(event: { type: 'input_audio_buffer.append'; audio: string }): void;
  close(): void;
  /** The underlying WebSocket. */
  readonly socket: { on(type: 'message', listener: (data: { toString(): string }) => void): unknown };
}

export class SdkCaller<Event extends { type: string }, Socket extends SdkSocket<Event>> {
  readonly rt: Socket;
  readonly events: Event[] = [];
  #failed: Error | undefined;
  #watchers: (() => void)[] = [];

  constructor(rt: Socket, dialect: WireDialect) {
    this.rt = rt;
    const check = frameCheck(dialect);
    rt.socket.on('message', (data) => check(data.toString()));
    rt.on('event', (event) => {
      this.events.push(event);
      this.#notify();
    });
    rt.on('error', (error) => {
      this.#failed = error;
      this.#notify();
    });
  }

  /** The first event of a type at or after a position; fails on an `error` event. */
  async next<T extends Event['type']>(type: T, from = 0): Promise<Extract<Event, { type: T }>> {
    for (;;) {
      if (this.#failed) throw this.#failed;
      const found = this.events.slice(from).find((event): event is Extract<Event, { type: T }> => event.type === type);
      if (found) return found;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** Sends 24 kHz audio in chunks of 100 ms, like a microphone. */
  speak(samples: Int16Array): void {
    for (let start = 0; start < samples.length; start += 2400) {
      const audio = Buffer.from(samples.slice(start, start + 2400).buffer).toString('base64');
      this.rt.send({ type: 'input_audio_buffer.append', audio });
    }
  }

  /** All audio of an item, from events of a type. */
  audioOf(type: Event['type'], itemId: string): Int16Array {
    const parts = this.events.flatMap((event) =>
      event.type === type && 'item_id' in event && event.item_id === itemId && 'delta' in event
        ? [bytesToSamples(Buffer.from(String(event.delta), 'base64'))]
        : [],
    );
    return concatSamples(parts);
  }

  #notify(): void {
    for (const resolve of this.#watchers.splice(0)) resolve();
  }
}

/** Long enough for a busy machine; limits a test that hangs. */
export const timeout = 60_000;

/** A function that both dialects declare identically. */
export const weatherTool = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'Get the current weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** Waits for the session, and closes the connection after `use`, also if it throws. */
export async function during<Event extends { type: string }, Socket extends SdkSocket<Event>>(
  caller: SdkCaller<Event, Socket>,
  use: (caller: SdkCaller<Event, Socket>) => Promise<void>,
): Promise<void> {
  try {
    await caller.next('session.created');
    await use(caller);
  } finally {
    caller.rt.close();
  }
}
