/** How long a server of models may take for each stage of an answer. */
export interface HttpTimeouts {
  /** Until the connection stands, TLS included. */
  connectMs: number;
  /** Until the first byte of the answer, and from there until the first of its body. */
  firstByteMs: number;
  /** Between two pieces of the answer. */
  idleMs: number;
}

export const defaultTimeouts: HttpTimeouts = { connectMs: 5000, firstByteMs: 20_000, idleMs: 20_000 };
