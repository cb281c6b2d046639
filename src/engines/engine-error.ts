/** An engine could not do its work. The message names the engine and is meant for users. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly engine: string;

  constructor(engine: string, message: string, options?: ErrorOptions) {
    super(`${engine}: ${message}`, options);
    this.engine = engine;
  }
}
