/** Microphones and speakers: the user's choice, which the browser stores, and what is connected. */

import { parseStored, readStored, writeStored } from '../stored.js';

/**
 * @typedef {object} AudioChoice
 * @property {string} microphoneId empty: the browser's default, also while the chosen one is not connected
 * @property {string} speakerId likewise
 * @property {boolean} echoCancellation
 * @property {boolean} noiseSuppression
 * @property {boolean} autoGainControl
 */
/** @typedef {{ id: string, name: string }} Device */

export const processing = /** @type {const} */ (['echoCancellation', 'noiseSuppression', 'autoGainControl']);

const storageKey = 'parley.audio';
/** Chromium's names for the default of the system, which the empty id means here. */
const defaultIds = ['', 'default', 'communications'];

/** @returns {AudioChoice} */
export function loadAudioChoice() {
  const stored = parseStored(readStored('localStorage', storageKey));
  const id = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : '');
  return {
    microphoneId: id(stored.microphoneId),
    speakerId: id(stored.speakerId),
    echoCancellation: stored.echoCancellation !== false,
    noiseSuppression: stored.noiseSuppression !== false,
    autoGainControl: stored.autoGainControl !== false,
  };
}

/** @param {AudioChoice} choice */
export function saveAudioChoice(choice) {
  writeStored('localStorage', storageKey, JSON.stringify(choice));
}

/**
 * The devices that are connected. Before the microphone has been allowed, browsers name none.
 * @returns {Promise<{ microphones: Device[], speakers: Device[] }>}
 */
export async function connectedDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const ofKind = (/** @type {MediaDeviceKind} */ kind) =>
    all
      .filter((device) => device.kind === kind && !defaultIds.includes(device.deviceId))
      .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `Device ${i + 1}` }));
  return { microphones: ofKind('audioinput'), speakers: ofKind('audiooutput') };
}

/**
 * @param {boolean} inCall
 * @returns {boolean} whether the browser lets a page choose where it plays
 */
export function canChooseSpeaker(inCall) {
  return 'setSinkId' in (inCall ? HTMLMediaElement : AudioContext).prototype;
}
