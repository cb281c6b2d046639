/** The extension `words` (docs/protocol.md, R3.91). */

/** Where a word of a transcript begins: an offset in UTF-16 code units, and milliseconds of the part's audio. */
export interface WordStart {
  readonly start_char: number;
  readonly audio_start_ms: number;
}

/** Follows a transcript delta, an audio delta or the end of a part's audio. */
export interface WordsEvent {
  readonly type: 'parley.words';
  readonly event_id: string;
  readonly response_id: string;
  readonly item_id: string;
  readonly content_index: number;
  readonly words: readonly WordStart[];
}
