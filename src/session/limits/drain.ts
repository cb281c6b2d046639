interface DrainHost {
  /** Resolves once all events received so far are handled, so that the turns they ended are known. */
  inputHandled(): Promise<void>;
  /** Resolves once all turns known so far are transcribed. */
  transcribed(): Promise<void>;
  /** Whether a response is active or pending. */
  busy(): boolean;
  /** The session is drained: no more responses may start. */
  drained(): void;
}

/**
 * Completes a session's work before its server stops. Turns committed earlier are transcribed and answered, and active
 * responses finish; clients cannot request further ones.
 */
export class Drain {
  readonly #host: DrainHost;
  /** Created at the start of the drain, or at the end of the session. */
  #done: PromiseWithResolvers<void> | undefined;
  #inputHandled = false;
  #transcribed = false;

  constructor(host: DrainHost) {
    this.#host = host;
  }

  get begun(): boolean {
    return this.#done !== undefined;
  }

  /** Whether turns that end now are answered. */
  get answersTurns(): boolean {
    return !this.#inputHandled;
  }

  /** Resolves when all work is done. */
  begin(): Promise<void> {
    if (!this.#done) {
      this.#done = Promise.withResolvers();
      void this.#run();
    }
    return this.#done.promise;
  }

  async #run(): Promise<void> {
    await this.#host.inputHandled();
    this.#inputHandled = true;
    await this.#host.transcribed();
    this.#transcribed = true;
    this.check();
  }

  /** Call whenever something reported by `busy` has ended. */
  check(): void {
    if (!this.#transcribed || this.#host.busy()) return;
    this.#host.drained();
    this.#done?.resolve();
  }

  /** Call when the session has ended. */
  end(): void {
    this.#done ??= Promise.withResolvers();
    this.#done.resolve();
  }
}
