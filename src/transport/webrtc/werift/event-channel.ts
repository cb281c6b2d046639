import type { RTCDataChannel } from 'werift';
import type { ConnectionHandlers, EventChannel } from '../peer-connection.ts';

/** `drained` is called when fewer bytes than this are buffered. */
const drainedBytes = 65_536;
/** Counted for each message beside its content; otherwise any number of empty ones could wait. */
const overheadBytes = 64;

/** A data channel as the session's peer uses it: messages are processed one at a time, within a limit. */
export class WeriftChannel implements EventChannel {
  readonly maxMessageBytes: number;
  readonly #channel: RTCDataChannel;
  readonly #handlers: ConnectionHandlers;
  readonly #pendingLimit: number;
  readonly #flooded: () => void;
  #pending: (string | Uint8Array)[] = [];
  #pendingBytes = 0;
  #working = false;

  /** `pendingLimit`: bytes of messages that wait to be processed; `flooded` is called beyond it. */
  constructor(options: {
    channel: RTCDataChannel;
    maxMessageBytes: number;
    handlers: ConnectionHandlers;
    pendingLimit: number;
    flooded: () => void;
  }) {
    this.#channel = options.channel;
    this.maxMessageBytes = options.maxMessageBytes;
    this.#handlers = options.handlers;
    this.#pendingLimit = options.pendingLimit;
    this.#flooded = options.flooded;
    this.#channel.bufferedAmountLowThreshold = drainedBytes;
    this.#channel.bufferedAmountLow.subscribe(() => this.#handlers.drained());
    this.#channel.onMessage.subscribe((data) => this.#receive(data));
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  get bufferedBytes(): number {
    return this.#channel.bufferedAmount;
  }

  get isDelivered(): boolean {
    const { sctp } = this.#channel.sctp;
    // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
    return this.bufferedBytes === 0 && sctp.outboundQueue.length === 0 && sctp['sentQueue'].length === 0;
  }

  send(text: string): void {
    if (this.#channel.readyState === 'connecting') throw new RangeError('The data channel is not open');
    if (!this.isOpen) return;
    if (Buffer.byteLength(text) > this.maxMessageBytes) {
      throw new RangeError(`A message of more than ${this.maxMessageBytes} bytes`);
    }
    this.#channel.send(text);
  }

  /** Drops what has not been processed. */
  close(): void {
    this.#pending = [];
    this.#channel.onMessage.allUnsubscribe();
    this.#channel.bufferedAmountLow.allUnsubscribe();
  }

  #receive(data: string | Buffer): void {
    this.#pending.push(data);
    this.#pendingBytes += data.length + overheadBytes;
    if (this.#pendingBytes > this.#pendingLimit) this.#flooded();
    else if (!this.#working) void this.#work();
  }

  /** Runs synchronously as far as the handler does. */
  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      const handled = this.#handlers.message(next);
      if (handled) await handled;
      this.#pendingBytes -= next.length + overheadBytes;
    }
    this.#working = false;
  }
}
