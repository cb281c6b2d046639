/** The microphone, as chunks of 20 ms in the wire format. */

import { captureStream } from './capture.js';
import { processing } from './devices.js';

/** @typedef {import('./devices.js').AudioChoice} AudioChoice */

/** The microphone is unavailable; the message says what the user can do. */
export class MicrophoneError extends Error {}

export class Microphone {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {AudioContext | null} */
  #context = null;
  /** Stands for the opening that is under way, or has succeeded; closing forgets it. @type {object | null} */
  #attempt = null;
  #choice;
  #onChunk;
  #onLost;

  /**
   * @param {AudioChoice} choice
   * @param {(samples: Int16Array) => void} onChunk
   * @param {() => void} onLost called when the device goes away while it is open; it is then closed
   */
  constructor(choice, onChunk, onLost) {
    this.#choice = choice;
    this.#onChunk = onChunk;
    this.#onLost = onLost;
  }

  /** The name of the open device. */
  get name() {
    return this.track?.label ?? '';
  }

  /**
   * Whether the open device is another than the chosen one.
   * @param {readonly import('./devices.js').Device[]} connected
   */
  isSecondChoice(connected) {
    const { microphoneId } = this.#choice;
    return (
      this.isOpen &&
      this.track?.getSettings().deviceId !== microphoneId &&
      connected.some(({ id }) => id === microphoneId)
    );
  }

  /** @param {AudioChoice} choice from the next opening on */
  choose(choice) {
    this.#choice = choice;
  }

  /** The track of the open microphone. */
  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  get isOpen() {
    return this.#context !== null;
  }

  /** The browser may be asking the user for permission. */
  get isOpening() {
    return this.#attempt !== null && !this.isOpen;
  }

  /**
   * Requests the microphone and starts to deliver chunks. Call it from a user gesture. If it is closed before it has
   * opened, it stays closed, whatever the user answers.
   * @throws {MicrophoneError}
   */
  async open() {
    if (this.#attempt !== null) return;
    const attempt = {};
    this.#attempt = attempt;
    try {
      await this.#openFor(attempt);
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#attempt = null;
      throw error;
    }
  }

  /** @param {object} attempt */
  async #openFor(attempt) {
    const stream = await requestStream(this.#choice);
    if (this.#attempt !== attempt) return stopTracks(stream);
    let context;
    try {
      context = await captureStream(stream, this.#onChunk);
      await context.resume();
    } catch (error) {
      stopTracks(stream);
      throw new MicrophoneError(`The microphone cannot be read: ${error instanceof Error ? error.message : error}`);
    }
    if (this.#attempt !== attempt) {
      stopTracks(stream);
      context.close();
      return;
    }
    this.#stream = stream;
    this.#context = context;
    stream.getAudioTracks()[0]?.addEventListener('ended', () => {
      if (this.#stream !== stream) return;
      this.close();
      this.#onLost();
    });
  }

  close() {
    if (this.#stream !== null) stopTracks(this.#stream);
    this.#context?.close();
    this.#stream = null;
    this.#context = null;
    this.#attempt = null;
  }
}

/** @param {AudioChoice} choice */
async function requestStream({ microphoneId, ...choice }) {
  if (!navigator.mediaDevices) {
    throw new MicrophoneError(
      'Browsers allow the microphone on secure pages only. Open this page at localhost, or over https.',
    );
  }
  /** @type {MediaTrackConstraints} */
  const audio = { channelCount: 1 };
  for (const name of processing) audio[name] = choice[name];
  const chosen = microphoneId === '' ? audio : { ...audio, deviceId: { exact: microphoneId } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: chosen }).catch((error) => {
      // The chosen one is not connected.
      if (error.name !== 'OverconstrainedError') throw error;
      return navigator.mediaDevices.getUserMedia({ audio });
    });
  } catch (error) {
    throw new MicrophoneError(explain(error));
  }
}

/** @param {unknown} error of `getUserMedia` */
function explain(error) {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError') {
    return 'The browser did not allow the microphone. Allow it in the settings of this site (beside the address), then press Talk again.';
  }
  if (name === 'NotFoundError') return 'No microphone was found. Connect one, or type instead.';
  if (name === 'NotReadableError' || name === 'AbortError') {
    return 'The microphone is in use by another program, or the system denies access. Close the other program, or choose another microphone under Audio.';
  }
  return `The microphone cannot be opened: ${error instanceof Error ? error.message : error}`;
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
