export interface EngineErrorOptions extends ErrorOptions {
  forClients?: string;
  overloaded?: boolean;
}

/** A failure of an engine. The message names the engine, and is for the log and the operator. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly engine: string;
  /** The message for clients, if `message` contains details that they need not know, such as addresses. */
  readonly forClients: string;
  /** The engine is overloaded; the same request may succeed later. */
  readonly overloaded: boolean;

  constructor(engine: string, message: string, options: EngineErrorOptions = {}) {
    const { forClients, overloaded = false, ...rest } = options;
    super(`${engine}: ${message}`, rest);
    this.engine = engine;
    this.forClients = forClients ?? this.message;
    this.overloaded = overloaded;
  }
}
