/** An engine could not do its work. The message names the engine, and is for the log and whoever runs the server. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly engine: string;
  /** What clients are told in its place, where the message says what they need not know, such as addresses. */
  readonly forClients: string;

  constructor(engine: string, message: string, options: ErrorOptions & { forClients?: string } = {}) {
    const { forClients, ...rest } = options;
    super(`${engine}: ${message}`, rest);
    this.engine = engine;
    this.forClients = forClients ?? this.message;
  }
}
