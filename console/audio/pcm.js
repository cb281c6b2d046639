/** Audio on the wire: mono 16-bit little-endian PCM at 24 kHz, as base64. */

export const sampleRateHz = 24_000;

/** @param {number} sampleCount */
export function toMs(sampleCount) {
  return (sampleCount * 1000) / sampleRateHz;
}

/**
 * @param {Int16Array} samples
 * @returns {string}
 */
export function encodeBase64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let binary = '';
  // The number of arguments of a call is limited.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/**
 * @param {string} base64
 * @returns {Int16Array<ArrayBuffer>}
 */
export function decodeBase64(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length - (binary.length % 2));
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Int16Array(bytes.buffer);
}

/**
 * Level of samples for a meter: 0 is silence (−60 dBFS and below), 1 is loud speech.
 * @param {Int16Array} samples
 */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const dbfs = samples.length === 0 ? -Infinity : 10 * Math.log10(sum / samples.length / 32768 ** 2);
  return Math.max(0, Math.min(1, (dbfs + 60) / 50));
}
