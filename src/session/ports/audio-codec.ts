import type { WireError } from '../../protocol/errors/wire-errors.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';

/** Samples at the rate of a format, and the format in which events carry them. */
export interface FormattedAudio {
  samples: Int16Array;
  format: AudioFormat;
}

/** Decodes a stream of texts in one format; what is left over of one is carried to the next. */
export interface AudioDecoder {
  readonly format: AudioFormat;
  /**
   * Decodes the next text; a long one piece by piece, in turns of the event loop.
   * @throws {WireError} or yields nothing and rejects with it, when the text is malformed; nothing of it is carried then
   */
  push(text: string): Int16Array | AsyncIterable<Int16Array>;
}

/**
 * How audio is coded in a peer's events: as text, in a format of the wire. It belongs to the peer, but the session calls it
 * when it handles an event, because an earlier event may change the format. Stateless, and shared by peers of one kind.
 */
export interface AudioCodec {
  /** The size of the audio in a text, which is not decoded. */
  measure(text: string, format: AudioFormat): { bytes: number; durationMs: number };
  decoder(format: AudioFormat): AudioDecoder;
  /** Decodes whole clips, each apart; a promise where that takes several turns of the event loop. */
  decodeClips(texts: readonly string[], format: AudioFormat): DecodedClips | Promise<DecodedClips>;
  encode(audio: FormattedAudio): string;
  /** As `encode`, for clips of any length, in turns of the event loop. */
  encodeClips(clips: readonly FormattedAudio[]): Promise<string[]>;
}

/** The samples of each clip, or why it cannot be decoded. */
export type DecodedClips = readonly (Int16Array | WireError)[];
