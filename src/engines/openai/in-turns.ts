/**
 * Serializes the contents of a request while yielding to the event loop: a context with images or audio can have 64
 * MiB.
 */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesToBytes } from '../../audio/pcm.ts';
import { wavHeader } from '../../audio/wav.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { jsonPieces } from '../../core/json-pieces.ts';

/** A few milliseconds of work. */
const charactersPerTurn = 256 * 1024;
const pieceCharacters = 64 * 1024;
/** A multiple of three samples, which is a whole number of base64 groups. */
const samplesAtOnce = 3 * 8 * 1024;
/** With the 44 bytes of the header, these also are a whole number of groups: 48 bytes. */
const samplesWithHeader = 2;

/** Samples that are copied into a file in one turn: about a millisecond. */
const samplesPerTurn = 256 * 1024;

/** The JSON of a value, in UTF-8. */
export async function jsonBytes(value: object): Promise<Uint8Array<ArrayBuffer>> {
  const turns = new EventLoopYield(charactersPerTurn);
  const pieces: Buffer[] = [];
  let length = 0;
  for (const piece of jsonPieces(value, pieceCharacters)) {
    const encoded = Buffer.from(piece);
    pieces.push(encoded);
    length += encoded.length;
    await turns.step(piece.length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
    await turns.step(piece.length);
  }
  return bytes;
}

/** A WAVE file of a clip, in base64. */
export async function base64Wav({ samples, sampleRateHz }: AudioClip): Promise<string> {
  const turns = new EventLoopYield(charactersPerTurn);
  const header = wavHeader(sampleRateHz, samples.byteLength);
  const first = samplesToBytes(samples.subarray(0, samplesWithHeader));
  const pieces = [Buffer.concat([header, first]).toString('base64')];
  for (let at = samplesWithHeader; at < samples.length; at += samplesAtOnce) {
    const piece = Buffer.from(samplesToBytes(samples.subarray(at, at + samplesAtOnce)).buffer).toString('base64');
    pieces.push(piece);
    await turns.step(piece.length);
  }
  return pieces.join('');
}

/** A WAVE file of a clip, for a form. */
export async function wavFile({ samples, sampleRateHz }: AudioClip): Promise<File> {
  const turns = new EventLoopYield(samplesPerTurn);
  // A file refers to blobs; it would copy bytes, all of them at once.
  const parts = [new Blob([wavHeader(sampleRateHz, samples.byteLength)])];
  for (let at = 0; at < samples.length; at += samplesPerTurn) {
    parts.push(new Blob([samplesToBytes(samples.subarray(at, at + samplesPerTurn))]));
    await turns.step(samplesPerTurn);
  }
  return new File(parts, 'speech.wav', { type: 'audio/wav' });
}
