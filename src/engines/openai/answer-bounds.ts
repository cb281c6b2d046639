/** How much of an answer is read from a server of models. */
export interface AnswerBounds {
  /** A whole answer. */
  answerBytes: number;
  /** One event of a stream (in characters), or an answer that is one JSON document: it is parsed at once. */
  messageBytes: number;
}

/** Ten minutes of speech at 48 kHz are 55 MiB; a minute and a half of speech at 16 kHz is 4 MiB of base64. */
export const defaultAnswerBounds: AnswerBounds = { answerBytes: 64 * 1024 ** 2, messageBytes: 4 * 1024 ** 2 };
