import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { jsonPieces, jsonSize } from '../../core/json-pieces.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';

/** JSON written per turn of the event loop, in characters: a few milliseconds if each is escaped. */
const charactersPerTurn = 64 * 1024;

/** Serializing a value takes as long as this many characters. */
const charactersPerValue = 64;

/** An event that is long, or waits behind a long one. */
type Waiting = { frame: string } | { long: object; characters: number };

/**
 * The events for one client, in order. A long one is serialized over several turns of the event loop and sent in
 * fragments (RFC 6455 §5.4); later ones wait for it.
 */
export class OutputQueue {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #dialect: Dialect;
  readonly #waiting: Waiting[] = [];
  #waitingCharacters = 0;
  #writing = false;
  #gathering = false;
  #whenEmpty: (() => void) | undefined;

  constructor({ socket, stream, dialect }: { socket: WebSocket; stream: Duplex; dialect: Dialect }) {
    this.#socket = socket;
    this.#stream = stream;
    this.#dialect = dialect;
  }

  /** Bytes that the operating system has not taken yet; for an event that is not serialized yet, its characters. */
  get unsentBytes(): number {
    return this.#socket.bufferedAmount + this.#waitingCharacters;
  }

  /** Sends an event, unless the dialect does not have it; returns its cost, in characters. */
  send(event: OutgoingEvent): number {
    const rendered = this.#dialect.render(event);
    if (rendered === undefined) return 0;
    const { characters, values } = jsonSize(rendered);
    const cost = characters + charactersPerValue * values;
    if (characters > charactersPerTurn) {
      this.#wait({ long: rendered, characters }, characters);
      return cost;
    }
    const frame = JSON.stringify(rendered);
    if (this.#writing) {
      this.#wait({ frame }, frame.length);
    } else {
      this.#gatherWrites();
      this.#socket.send(frame);
    }
    return cost;
  }

  /** Calls back once everything is sent; synchronously if nothing waits. */
  whenEmpty(act: () => void): void {
    if (this.#writing) this.#whenEmpty = act;
    else act();
  }

  /** Drops all waiting events. */
  clear(): void {
    this.#waiting.length = 0;
    this.#waitingCharacters = 0;
  }

  #wait(waiting: Waiting, characters: number): void {
    this.#waiting.push(waiting);
    this.#waitingCharacters += characters;
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    for (let next = this.#waiting[0]; next && this.#socket.readyState === WebSocket.OPEN; next = this.#waiting[0]) {
      if ('frame' in next) this.#socket.send(next.frame);
      else await this.#writeLong(next.long);
      // Events dropped meanwhile no longer count.
      if (this.#waiting[0] !== next) continue;
      this.#waiting.shift();
      this.#waitingCharacters -= 'frame' in next ? next.frame.length : next.characters;
    }
    this.#writing = false;
    this.#whenEmpty?.();
  }

  async #writeLong(value: object): Promise<void> {
    const others = new EventLoopYield(charactersPerTurn);
    let last: string | undefined;
    for (const piece of jsonPieces(value, charactersPerTurn)) {
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      if (last !== undefined) this.#socket.send(last, { fin: false });
      last = piece;
      await others.step(piece.length);
    }
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(last ?? '', { fin: true });
  }

  /** Events come in bursts of about twenty: those of one turn of the event loop are written with one system call. */
  #gatherWrites(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#stream.uncork();
    });
  }
}
