/**
 * Runs sessions faster than real time: all of them share a simulated clock, which stands still while anything is computed.
 * So voice activity, transcripts and playback have the times that they would have in real time on an idle machine.
 */

import { FakeClock, settle } from '../../dev/harness/fake-clock.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import { SimulatedEngines } from './simulated-engines.ts';
import { chunkMs, type SimulatedSession } from './simulated-session.ts';

/** A session with what its user does. */
export interface Scene {
  readonly session: SimulatedSession;
  /** Called before each chunk is written; returns whether the scene is over. */
  next(): boolean;
}

export type RecordedResults = ConstructorParameters<typeof SimulatedEngines>[2];

export class Simulation {
  readonly clock: FakeClock;
  readonly engines: Engines;
  readonly #simulated: SimulatedEngines;

  constructor(engines: Engines, recorded: RecordedResults) {
    this.clock = new FakeClock(() => this.#idle());
    this.#simulated = new SimulatedEngines(engines, this.clock, recorded);
    this.engines = this.#simulated.engines;
  }

  /** Runs all scenes at once, to their ends. */
  async run(scenes: readonly Scene[]): Promise<void> {
    let running = scenes;
    while (running.length > 0) {
      await this.clock.advance(chunkMs);
      running = running.filter((scene) => !this.#over(scene));
      for (const { session } of running) session.write();
      await this.#idle();
    }
  }

  #over(scene: Scene): boolean {
    if (!scene.next()) return false;
    scene.session.end();
    return true;
  }

  async #idle(): Promise<void> {
    await settle();
    for (let work = this.#simulated.computing; work; work = this.#simulated.computing) {
      await work.catch(() => {});
      await settle();
    }
  }
}
