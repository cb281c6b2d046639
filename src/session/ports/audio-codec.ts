import type { WireError } from '../../protocol/errors/wire-errors.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';

/** Samples at the rate of a format, and their format in events. */
export interface FormattedAudio {
  samples: Int16Array;
  format: AudioFormat;
}

/** Decodes a stream of texts in one format; the remainder of each is carried over to the next. */
export interface AudioDecoder {
  readonly format: AudioFormat;
  /**
   * Decodes the next text; a long one in pieces, over several turns of the event loop.
   * @throws {WireError} or yields nothing and rejects with it, when the text is malformed; then nothing is carried over
   */
  push(text: string): Int16Array | AsyncIterable<Int16Array>;
  /** As `push`, but the samples may be valid only until the next call of any decoder. */
  pushBriefly(text: string): Int16Array | AsyncIterable<Int16Array>;
}

/**
 * The encoding of audio in a peer's events: as text, in a wire format. It belongs to the peer, but the session calls it
 * when it handles an event, because an earlier event may change the format. Stateless, and shared by peers of one kind.
 */
export interface AudioCodec {
  /** The size of the audio in a text, without decoding it. */
  measure(text: string, format: AudioFormat): { bytes: number; durationMs: number };
  decoder(format: AudioFormat): AudioDecoder;
  /** Decodes complete clips independently; a promise if that takes several turns of the event loop. */
  decodeClips(texts: readonly string[], format: AudioFormat): DecodedClips | Promise<DecodedClips>;
  encode(audio: FormattedAudio): string;
  /** Like `encode`, for clips of any length, over several turns of the event loop. */
  encodeClips(clips: readonly FormattedAudio[]): Promise<string[]>;
}

/** The samples of each clip, or the error of decoding it. */
export type DecodedClips = readonly (Int16Array | WireError)[];
