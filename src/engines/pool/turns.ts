interface Client<T> {
  /** Virtual milliseconds: where the others stood when its work began, and what it has used since. */
  tag: number;
  readonly work: T;
}

/**
 * Shares time equally between clients by start-time fair queueing (Goyal, Vin, Cheng 1996): of those with work the one
 * that has used least is next, and a client that had no work for a while has saved up nothing.
 */
export class Turns<T> {
  readonly #clients = new Map<string, Client<T>>();
  readonly #isBusy: (work: T) => boolean;
  #now = 0;

  constructor(isBusy: (work: T) => boolean) {
    this.#isBusy = isBusy;
  }

  /** The work of each client that has some. */
  get busy(): T[] {
    return [...this.#busy()].map(({ work }) => work);
  }

  get(name: string): T | undefined {
    return this.#clients.get(name)?.work;
  }

  /** The work of a client that is about to get some. */
  enter(name: string, none: () => T): T {
    const client = this.#clients.get(name) ?? { tag: this.#now, work: none() };
    if (!this.#isBusy(client.work)) client.tag = Math.max(client.tag, this.#now);
    this.#clients.set(name, client);
    return client.work;
  }

  /** The work of the client whose turn it is. */
  next(): T | undefined {
    let next: Client<T> | undefined;
    for (const client of this.#busy()) if (next === undefined || client.tag < next.tag) next = client;
    if (next) this.#now = Math.max(this.#now, next.tag);
    return next?.work;
  }

  charge(name: string, ms: number): void {
    const client = this.#clients.get(name);
    if (client) client.tag += ms;
  }

  /** Forgets clients without work whose use no longer matters. */
  prune(): void {
    for (const [name, { tag, work }] of this.#clients) {
      if (tag <= this.#now && !this.#isBusy(work)) this.#clients.delete(name);
    }
  }

  clear(): void {
    this.#clients.clear();
    this.#now = 0;
  }

  #busy(): IteratorObject<Client<T>> {
    return this.#clients.values().filter(({ work }) => this.#isBusy(work));
  }
}
