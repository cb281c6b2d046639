/** Reproducible random numbers: the same seed gives the same sequence on every machine. */

export class Random {
  #state: number;

  /** Each `stream` of a seed is a separate sequence. */
  constructor(seed: number, stream: number) {
    this.#state = scramble(scramble(seed >>> 0) ^ (stream >>> 0));
  }

  /** 0…1, without 1. The generator is Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    return scramble(this.#state) / 2 ** 32;
  }

  /** An integer between `from` and `to`, inclusive. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @throws {RangeError} for an empty list */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.integer(0, list.length - 1)] as T;
  }

  /** The second element of a pair, weighted by the first. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice;
    }
    return this.pick(choices)[1];
  }

  shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((element) => ({ element, order: this.next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ element }) => element);
  }
}

function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 15), 1 | bits);
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
  return (bits ^ (bits >>> 14)) >>> 0;
}
