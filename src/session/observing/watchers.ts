import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';

/** Reads along in a session. Its functions return at once and must not throw. */
export interface Watcher {
  send(event: OutgoingEvent): void;
  /** The session has ended; nothing follows. */
  ended(): void;
}

/** The watchers of one session. They are no peers: the session neither counts them nor waits for them. */
export class Watchers {
  /** Created with the first watcher, because most sessions never have one. */
  #all: Set<Watcher> | undefined;
  #ended = false;

  /** Returns a function that removes it. */
  add(watcher: Watcher): () => void {
    if (this.#ended) {
      watcher.ended();
      return () => {};
    }
    this.#all ??= new Set();
    this.#all.add(watcher);
    return () => this.#all?.delete(watcher);
  }

  send(event: OutgoingEvent): void {
    if (this.#all) for (const watcher of this.#all) watcher.send(event);
  }

  end(): void {
    const all = this.#all;
    this.#ended = true;
    this.#all = undefined;
    if (all) for (const watcher of all) watcher.ended();
  }
}
