import type { AudioClip } from '../../audio/audio-clip.ts';
import type { WireError } from '../../protocol/errors/wire-errors.ts';
import type { Peer } from '../../session/ports/peer.ts';
import type { Outgoing } from './outgoing.ts';

export interface QueuedEvent {
  from: Peer;
  sent: Outgoing;
}

/** Audio of a peer that carries it itself. */
export interface QueuedAudio {
  from: Peer;
  audio: AudioClip;
}

interface QueuedRefusal {
  from: Peer;
  refusal: WireError;
  clientEventId: string | null;
}

/** A queued entry: an event, audio, or a refusal that keeps its place among them. */
export type QueuedFrame = QueuedEvent | QueuedAudio | QueuedRefusal;

/** Size of an entry in addition to its text. */
const entryBytes = 256;

/** Client events that the upstream cannot take yet, while it is being connected or a response is being admitted. */
export class ClientQueue {
  readonly #limitBytes: number;
  readonly #entries: QueuedFrame[] = [];
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  /** Whether reading from clients should pause. */
  get full(): boolean {
    return this.#bytes > this.#limitBytes;
  }

  /** Whether clients continue to fill the queue although they are paused, with frames that were refused. */
  get overflowing(): boolean {
    return this.#bytes > 2 * this.#limitBytes;
  }

  push(entry: QueuedFrame): void {
    this.#entries.push(entry);
    this.#bytes += weight(entry);
  }

  /** Puts back an entry that could not be handled. */
  putBack(entry: QueuedFrame): void {
    this.#entries.unshift(entry);
    this.#bytes += weight(entry);
  }

  take(): QueuedFrame | undefined {
    const entry = this.#entries.shift();
    if (entry) this.#release(weight(entry));
    return entry;
  }

  /** Resolves once the queue is not full. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Drops everything. */
  clear(): void {
    this.#entries.length = 0;
    this.#release(this.#bytes);
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.full) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function weight(entry: QueuedFrame): number {
  if ('audio' in entry) return entryBytes + entry.audio.samples.byteLength;
  return entryBytes + ('refusal' in entry ? 0 : entry.sent.frame.length);
}
