/**
 * ITU-T G.711: µ-law (PCMU) and A-law (PCMA), eight bits per sample at 8 kHz, to and from 16-bit PCM.
 * Encoding selects the code whose segment and step contain the sample, as in the Recommendation's tables 1 and 2,
 * scaled from 14 bits (µ-law) and 13 bits (A-law) to 16.
 */

const MULAW_BIAS = 0x84;
const MULAW_CLIP = 32635;

function decodeMulawCode(code: number): number {
  const inverted = ~code & 0xff;
  const segment = (inverted >> 4) & 7;
  const magnitude = ((((inverted & 0x0f) << 3) + MULAW_BIAS) << segment) - MULAW_BIAS;
  return inverted & 0x80 ? -magnitude : magnitude;
}

function encodeMulawSample(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const biased = Math.min(Math.abs(sample), MULAW_CLIP) + MULAW_BIAS;
  const segment = 31 - Math.clz32(biased) - 7;
  return ~(sign | (segment << 4) | ((biased >> (segment + 3)) & 0x0f)) & 0xff;
}

function decodeAlawCode(code: number): number {
  const toggled = code ^ 0x55;
  const segment = (toggled >> 4) & 7;
  const step = ((toggled & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}

function encodeAlawSample(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = sample < 0 ? ~sample : sample;
  const segment = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  const step = (magnitude >> (segment === 0 ? 4 : segment + 3)) & 0x0f;
  return (sign | (segment << 4) | step) ^ 0x55;
}

const MULAW_DECODE = Int16Array.from({ length: 256 }, (_, code) => decodeMulawCode(code));
const ALAW_DECODE = Int16Array.from({ length: 256 }, (_, code) => decodeAlawCode(code));
/** Indexed by the sample's unsigned 16 bits. */
const MULAW_ENCODE = Uint8Array.from({ length: 65536 }, (_, bits) => encodeMulawSample((bits << 16) >> 16));
const ALAW_ENCODE = Uint8Array.from({ length: 65536 }, (_, bits) => encodeAlawSample((bits << 16) >> 16));

function decode(bytes: Uint8Array, table: Int16Array): Int16Array<ArrayBuffer> {
  const out = new Int16Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i] = table[bytes[i] ?? 0] ?? 0;
  return out;
}

function encode(samples: Int16Array, table: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) out[i] = table[(samples[i] ?? 0) & 0xffff] ?? 0;
  return out;
}

/** One byte of µ-law per sample. */
export function encodeMulaw(samples: Int16Array): Uint8Array<ArrayBuffer> {
  return encode(samples, MULAW_ENCODE);
}

/** One sample per byte of µ-law. */
export function decodeMulaw(bytes: Uint8Array): Int16Array<ArrayBuffer> {
  return decode(bytes, MULAW_DECODE);
}

/** One byte of A-law per sample. */
export function encodeAlaw(samples: Int16Array): Uint8Array<ArrayBuffer> {
  return encode(samples, ALAW_ENCODE);
}

/** One sample per byte of A-law. */
export function decodeAlaw(bytes: Uint8Array): Int16Array<ArrayBuffer> {
  return decode(bytes, ALAW_DECODE);
}
