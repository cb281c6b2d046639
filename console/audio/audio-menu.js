/** The menu of the microphone and the speaker. */

import { element } from '../dom.js';
import { canChooseSpeaker, connectedDevices, processing, saveAudioChoice } from './devices.js';

/** @typedef {import('./devices.js').AudioChoice} AudioChoice */

export class AudioMenu {
  #microphone = element('microphone', HTMLSelectElement);
  #speaker = element('speaker', HTMLSelectElement);
  #choice;
  #inCall;

  /**
   * @param {AudioChoice} choice
   * @param {object} options
   * @param {() => boolean} options.inCall
   * @param {(choice: AudioChoice) => void} options.onChange
   * @param {(microphones: import('./devices.js').Device[]) => void} options.onConnected devices were connected or disconnected
   */
  constructor(choice, { inCall, onChange, onConnected }) {
    this.#choice = choice;
    this.#inCall = inCall;
    const menu = element('audio-menu', HTMLElement);
    for (const name of processing) checkbox(name).checked = choice[name];
    menu.addEventListener('change', () => {
      this.#choice = this.#read();
      saveAudioChoice(this.#choice);
      onChange(this.#choice);
    });
    menu.addEventListener('toggle', () => {
      placeBelow(menu, element('audio-button', HTMLElement));
      void this.refresh();
    });
    navigator.mediaDevices?.addEventListener('devicechange', async () => onConnected(await this.refresh()));
    void this.refresh();
  }

  /** Lists the connected devices; returns the microphones. */
  async refresh() {
    const { microphones, speakers } = await connectedDevices();
    fill(this.#microphone, microphones, this.#choice.microphoneId);
    fill(this.#speaker, speakers, this.#choice.speakerId);
    element('speaker-field', HTMLElement).hidden = !canChooseSpeaker(this.#inCall());
    element('unnamed-devices', HTMLElement).hidden = microphones.length > 0;
    return microphones;
  }

  /** @returns {AudioChoice} */
  #read() {
    const [echoCancellation, noiseSuppression, autoGainControl] = processing.map((name) => checkbox(name).checked);
    return {
      microphoneId: this.#microphone.value,
      speakerId: this.#speaker.value,
      echoCancellation: echoCancellation ?? true,
      noiseSuppression: noiseSuppression ?? true,
      autoGainControl: autoGainControl ?? true,
    };
  }
}

/**
 * Places a menu below its button, as far as the window has room.
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function placeBelow(menu, button) {
  const { left, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(bottom + 6, innerHeight - height - 8))}px`;
}

/** @param {(typeof processing)[number]} name */
function checkbox(name) {
  return element(name, HTMLInputElement);
}

/**
 * @param {HTMLSelectElement} select
 * @param {import('./devices.js').Device[]} devices
 * @param {string} chosenId stays chosen while the device is not connected
 */
function fill(select, devices, chosenId) {
  const isMissing = chosenId !== '' && devices.every(({ id }) => id !== chosenId);
  select.replaceChildren(
    new Option('Default of the system', ''),
    ...devices.map(({ id, name }) => new Option(name, id)),
    ...(isMissing ? [new Option('The chosen one, when it is connected', chosenId)] : []),
  );
  select.value = chosenId;
}
