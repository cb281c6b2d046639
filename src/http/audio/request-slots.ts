/**
 * Shares slots between keys. A key gets another slot only while more are free than it holds, so that no key holds more
 * than half of them, and one is always left for a key that holds none ("dynamic threshold": Choudhury and Hahne,
 * "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
 */
export class RequestSlots {
  readonly count: number;
  readonly #taken = new Map<string | undefined, number>();
  #free: number;
  readonly #shared: boolean;

  /** With fewer than two `keys`, slots are not shared. */
  constructor({ slots, keys }: { slots: number; keys: number }) {
    this.count = slots;
    this.#free = slots;
    this.#shared = keys > 1;
  }

  /**
   * Takes a slot and returns the function that releases it, or the reason why there is none: all are taken, or the key
   * has its share.
   */
  take(key: string | undefined): (() => void) | 'full' | 'share' {
    const taken = this.#taken.get(key) ?? 0;
    if (this.#free === 0) return 'full';
    if (this.#shared && this.count > 1 && taken >= this.#free) return 'share';
    this.#free -= 1;
    this.#taken.set(key, taken + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#free += 1;
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left === 0) this.#taken.delete(key);
      else this.#taken.set(key, left);
    };
  }
}
