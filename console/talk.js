/** Sends the microphone to the server: continuously, with turn detection there, or while a key is held. */

import { Microphone } from './audio/microphone.js';
import { encodeBase64, levelOf, sampleRateHz, toMs } from './audio/pcm.js';
import { closingSilenceMs, turnModeOf } from './settings/settings.js';

/**
 * @typedef {object} Parts
 * @property {import('./realtime-client.js').RealtimeClient} client
 * @property {import('./conversation.js').Conversation} conversation
 * @property {import('./settings/settings.js').Settings} settings
 * @property {import('./audio/devices.js').AudioChoice} audio
 * @property {(level: number) => void} onLevel 0…1
 * @property {() => void} onOpened the microphone is open
 * @property {() => void} onClosed
 * @property {(samples: Int16Array) => void} onCallAudio the audio sent on the track of a call, in chunks of 20 ms
 * @property {() => void} onChange
 * @property {(message: string) => void} onProblem
 */

/** The minimum duration of a commit. */
const leastTurnMs = 100;
/** Recording continues briefly after the key is released, because people release it early. */
const releaseTailMs = 120;

export class Talk {
  #parts;
  #settings;
  #microphone;
  #held = false;
  /** Audio still to be sent after the key was released. */
  #tailMs = 0;
  #sentMs = 0;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#microphone = new Microphone(
      parts.audio,
      (samples) => this.#onChunk(samples),
      () => void this.#replaceLost(),
    );
  }

  get isOn() {
    return this.#microphone.isOpen;
  }

  /** Whether the microphone is open or requested. */
  get isWanted() {
    return this.#microphone.isOpen || this.#microphone.isOpening;
  }

  get isHeld() {
    return this.#held;
  }

  get isPushToTalk() {
    return turnModeOf(this.#settings.session) === 'push_to_talk';
  }

  /** @param {import('./settings/settings.js').Settings} settings */
  apply(settings) {
    const changesHands = (turnModeOf(settings.session) === 'push_to_talk') !== this.isPushToTalk;
    if (changesHands) this.off();
    this.#settings = settings;
  }

  async on() {
    if (this.isWanted) return;
    const opening = this.#microphone.open();
    this.#parts.onChange();
    try {
      await opening;
      if (this.isOn) this.#parts.onOpened();
    } catch (error) {
      this.#held = false;
      this.#parts.onProblem(error instanceof Error ? error.message : String(error));
    }
    this.sendTrack();
    this.#parts.onChange();
  }

  /** @param {import('./audio/devices.js').AudioChoice} choice takes effect at once */
  async choose(choice) {
    this.#microphone.choose(choice);
    if (this.isWanted) await this.#reopen();
  }

  /**
   * Changes to the chosen microphone once it is connected.
   * @param {readonly import('./audio/devices.js').Device[]} connected
   */
  async devicesChanged(connected) {
    if (this.#microphone.isSecondChoice(connected)) await this.#reopen();
  }

  async #reopen() {
    this.#microphone.close();
    await this.on();
  }

  /** The open microphone was disconnected: another one may be there. */
  async #replaceLost() {
    await this.on();
    if (this.isOn) this.#parts.onProblem(`The microphone was disconnected. ${this.#microphone.name} replaces it.`);
  }

  /** In a call, the track of the microphone is sent while it listens. Call it when a session has started. */
  sendTrack() {
    const listens = !this.isPushToTalk || this.#held || this.#tailMs > 0;
    this.#parts.client.sendTrack(listens ? this.#microphone.track : null);
  }

  /** Closes the microphone. Silence is sent until the server has ended the current turn. */
  off() {
    if (this.isOn && !this.isPushToTalk) {
      const ms = this.#parts.conversation.userSpeaks ? closingSilenceMs(this.#settings) : 500;
      this.#parts.client.sendAudio(encodeBase64(new Int16Array((ms * sampleRateHz) / 1000)));
    }
    this.#held = false;
    this.#tailMs = 0;
    this.#microphone.close();
    this.sendTrack();
    this.#parts.onClosed();
    this.#parts.onChange();
  }

  /** Push to talk: the key was pressed. */
  async press() {
    if (this.#held) return;
    this.#held = true;
    const continuesTurn = this.#tailMs > 0;
    this.#tailMs = 0;
    if (!continuesTurn) this.#sentMs = 0;
    this.#parts.conversation.interrupt();
    // A call has sent silence since the last turn.
    if (!continuesTurn && this.#parts.client.carriesAudio)
      this.#parts.client.send({ type: 'input_audio_buffer.clear' });
    this.#parts.onChange();
    await this.on();
    this.sendTrack();
  }

  /** Push to talk: the key was released. */
  release() {
    if (!this.#held) return;
    this.#held = false;
    if (this.isOn) this.#tailMs = releaseTailMs;
    this.#parts.onChange();
  }

  /** @param {Int16Array} samples */
  #onChunk(samples) {
    const { client, conversation, onLevel, onCallAudio, onProblem } = this.#parts;
    const listens = !this.isPushToTalk || this.#held || this.#tailMs > 0;
    onLevel(listens ? levelOf(samples) : 0);
    if (!listens || !conversation.isConnected) return;
    if (client.carriesAudio) onCallAudio(samples);
    else if (client.sendAudio(encodeBase64(samples)) === 'dropped') {
      onProblem('The connection is too slow for speech. Some of your speech was lost.');
    }
    const ms = toMs(samples.length);
    this.#sentMs += ms;
    if (!this.isPushToTalk || this.#held) return;
    this.#tailMs = Math.max(0, this.#tailMs - ms);
    if (this.#tailMs > 0) return;
    this.sendTrack();
    this.#endTurn();
  }

  #endTurn() {
    if (this.#sentMs >= leastTurnMs + releaseTailMs) {
      this.#parts.conversation.endTurn();
    } else {
      this.#parts.client.send({ type: 'input_audio_buffer.clear' });
      this.#parts.onProblem('The recording was too short. Hold the button while you speak.');
    }
    this.#sentMs = 0;
    this.#parts.onChange();
  }
}
