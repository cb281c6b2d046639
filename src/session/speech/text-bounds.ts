/**
 * Fixed bounds on the text of models and transcribers while it is read and spoken, in UTF-16 code units
 * (docs/limits.md).
 */
export const textBounds = {
  /** A mark of a chat template. Longer text is not a mark. */
  mark: 96,
  /** The head of a message: role, channel and recipient. Longer text is not a head. */
  head: 256,
  /** White space held back before the first words. More is output as text. */
  lead: 1024,
  /** Tool calls written as text. Longer ones are not read, and the response fails. */
  writtenCalls: 64 * 1024,
  /** Markdown whose end has not arrived yet. Beyond it, its marks are taken literally. */
  markdown: 512,
  /** A clause without punctuation. A longer one is cut. */
  clause: 160,
  /** Text that is not spoken, such as code, before it is added to the transcript. */
  silent: 1024,
  /** Text that waits for the voice; also milliseconds of a model's own audio. Beyond it the model is not read. */
  waiting: 16 * 1024,
  /** Events of tool calls that wait to be sent. Beyond it the model is not read. */
  waitingCallEvents: 64,
  /** The arguments of one tool call. Longer ones fail the response. */
  arguments: 1024 ** 2,
  /** Arguments that can be corrected. Longer ones that are not valid fail the response. */
  repairedArguments: 64 * 1024,
  /** A marker of silence or noise, such as `[BLANK_AUDIO]`. A longer one counts as speech. */
  marker: 200,
  /** A transcript that is searched for markers. A longer one counts as speech. */
  blankTranscript: 16_384,
} as const;
