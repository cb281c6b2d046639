/** The work of a session that is drained. */
interface OpenWork {
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
  /** Created at the start of the drain, or at the end of the session. */
  #done: PromiseWithResolvers<void> | undefined;
  #inputHandled = false;
  /** Set once all turns are transcribed. */
  #remaining: OpenWork | undefined;

  get begun(): boolean {
    return this.#done !== undefined;
  }

  /** Whether turns that end now are answered. */
  get answersTurns(): boolean {
    return !this.#inputHandled;
  }

  /** Resolves when all work is done. */
  begin(work: OpenWork): Promise<void> {
    if (!this.#done) {
      this.#done = Promise.withResolvers();
      void this.#run(work);
    }
    return this.#done.promise;
  }

  async #run(work: OpenWork): Promise<void> {
    await work.inputHandled();
    this.#inputHandled = true;
    await work.transcribed();
    this.#remaining = work;
    this.check();
  }

  /** Call whenever something reported by `busy` has ended. */
  check(): void {
    if (!this.#remaining || this.#remaining.busy()) return;
    this.#remaining.drained();
    this.#done?.resolve();
  }

  /** Call when the session has ended. */
  end(): void {
    this.#done ??= Promise.withResolvers();
    this.#done.resolve();
  }
}
