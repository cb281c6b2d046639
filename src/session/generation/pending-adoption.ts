import type { Adoption } from '../ports/work-claim.ts';

/** The adoption of speculative work that has not been decided. */
export class PendingAdoption implements Adoption {
  #adopted = false;
  readonly #waiting: (() => void)[] = [];

  get adopted(): boolean {
    return this.#adopted;
  }

  whenAdopted(act: () => void): void {
    if (this.#adopted) act();
    else this.#waiting.push(act);
  }

  adopt(): void {
    this.#adopted = true;
    for (const act of this.#waiting.splice(0)) act();
  }
}
