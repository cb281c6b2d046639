export interface EngineErrorOptions extends ErrorOptions {
  forClients?: string;
  overloaded?: boolean;
}

/** An engine could not do its work. The message names the engine, and is for the log and whoever runs the server. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly engine: string;
  /** What clients are told in its place, where the message says what they need not know, such as addresses. */
  readonly forClients: string;
  /** The engine has more work than it can do; the same request may succeed later. */
  readonly overloaded: boolean;

  constructor(engine: string, message: string, options: EngineErrorOptions = {}) {
    const { forClients, overloaded = false, ...rest } = options;
    super(`${engine}: ${message}`, rest);
    this.engine = engine;
    this.forClients = forClients ?? this.message;
    this.overloaded = overloaded;
  }
}
