/** The level of the microphone: a meter, and the halo of the talk button. */

import { element } from '../dom.js';

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
/** Changes per second would distract, and cost layout: the meter changes at these intervals. */
const intervalMs = { usual: 100, reducedMotion: 500 };
/** The part of the last level that remains, so that the meter falls slowly. */
const decay = 0.6;

export class LevelMeter {
  #meter = element('level', HTMLMeterElement);
  #halo = element('halo', HTMLElement);
  #loudest = 0;
  #shownMs = 0;

  /** @param {number} level of the microphone, 0…1, every 20 ms; 0 when it is closed */
  show(level) {
    if (!reducedMotion.matches) this.#halo.style.setProperty('--user-level', level.toFixed(2));
    this.#loudest = Math.max(this.#loudest, level);
    const now = performance.now();
    if (now - this.#shownMs < (reducedMotion.matches ? intervalMs.reducedMotion : intervalMs.usual)) return;
    this.#shownMs = now;
    this.#meter.value = Math.max(this.#loudest, this.#meter.value * decay);
    this.#loudest = 0;
  }

  /** @param {number} level of what is played, 0…1 */
  showOutput(level) {
    if (!reducedMotion.matches) this.#halo.style.setProperty('--agent-level', level.toFixed(2));
  }

  /** The microphone is closed. */
  clear() {
    this.#loudest = 0;
    this.#meter.value = 0;
    this.#halo.style.setProperty('--user-level', '0');
  }
}
