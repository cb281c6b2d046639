interface DrainHost {
  /** Resolves once all that was received so far has been handled: turns that it ended are known. */
  inputHandled(): Promise<void>;
  /** Resolves once all turns known so far are transcribed. */
  transcribed(): Promise<void>;
  /** Whether a response runs, or one is due. */
  busy(): boolean;
  /** The session is drained: no response may start any more. */
  drained(): void;
}

/**
 * The end of a session's work before its server stops. Turns that were committed before are transcribed and answered,
 * responses that run may finish; clients can ask for no others.
 */
export class Drain {
  readonly #host: DrainHost;
  readonly #done = Promise.withResolvers<void>();
  #begun = false;
  #inputHandled = false;
  #transcribed = false;

  constructor(host: DrainHost) {
    this.#host = host;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Whether turns that end now are answered. */
  get answersTurns(): boolean {
    return !this.#inputHandled;
  }

  /** Resolves once nothing is left to do. */
  begin(): Promise<void> {
    if (!this.#begun) void this.#run();
    return this.#done.promise;
  }

  async #run(): Promise<void> {
    this.#begun = true;
    await this.#host.inputHandled();
    this.#inputHandled = true;
    await this.#host.transcribed();
    this.#transcribed = true;
    this.check();
  }

  /** To be called whenever something ended that `busy` reports. */
  check(): void {
    if (!this.#transcribed || this.#host.busy()) return;
    this.#host.drained();
    this.#done.resolve();
  }

  /** The session has ended. */
  end(): void {
    this.#done.resolve();
  }
}
