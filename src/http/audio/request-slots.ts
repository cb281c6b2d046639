/**
 * Shares a number of slots between keys: a key gets another one only while more slots are free than it has, so that no key
 * has more than half of them, and there is always one for a key that has none ("dynamic threshold": Choudhury and Hahne,
 * "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
 */
export class RequestSlots {
  readonly count: number;
  readonly #taken = new Map<string | undefined, number>();
  #free: number;
  readonly #shared: boolean;

  /** A server that knows a single key, or none, has nobody to share with. */
  constructor({ slots, keys }: { slots: number; keys: number }) {
    this.count = slots;
    this.#free = slots;
    this.#shared = keys > 1;
  }

  /** Takes a slot and returns what gives it back, or why there is none: all are taken, or the key has its share. */
  take(key: string | undefined): (() => void) | 'full' | 'share' {
    const taken = this.#taken.get(key) ?? 0;
    if (this.#free === 0) return 'full';
    if (this.#shared && this.count > 1 && taken >= this.#free) return 'share';
    this.#free -= 1;
    this.#taken.set(key, taken + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#free += 1;
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left === 0) this.#taken.delete(key);
      else this.#taken.set(key, left);
    };
  }
}
