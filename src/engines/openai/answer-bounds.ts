/** Maximum sizes of an answer from a model server. */
export interface AnswerBounds {
  /** A complete answer. */
  answerBytes: number;
  /**
   * One event of a stream (in characters), or an answer that is one JSON document, because it is parsed in one step.
   */
  messageBytes: number;
}

/** Ten minutes of speech at 48 kHz are 55 MiB; a minute and a half of speech at 16 kHz is 4 MiB of base64. */
export const defaultAnswerBounds: AnswerBounds = { answerBytes: 64 * 1024 ** 2, messageBytes: 4 * 1024 ** 2 };
