import type { LanguageModel, ModelEvent, ModelRequest } from '../../session/ports/language-model.ts';
import { ChatModel } from './chat-model.ts';
import type { RemoteOptions } from './http-engines.ts';
import { findLocalModel } from './local-models.ts';

export interface AutoModelOptions extends RemoteOptions {
  /** The engine that answers while no server has been found. */
  standIn: LanguageModel & { close?(): Promise<void> };
  /** Servers to look for; default: the usual ports on this machine. */
  urls?: readonly string[];
}

/** The language model on this machine (Ollama, llama.cpp or similar), discovered on demand. */
export class AutoModel implements LanguageModel {
  /** Resolves when the first search is complete. */
  readonly ready: Promise<void>;
  readonly #options: AutoModelOptions;
  #found: ChatModel | undefined;
  #looking: Promise<void> | undefined;
  #missed = false;

  constructor(options: AutoModelOptions) {
    this.#options = options;
    this.ready = this.#findModel();
  }

  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    request.signal.throwIfAborted();
    await this.ready;
    yield* (this.#found ?? this.#options.standIn).generate(request);
  }

  /** Searches again if nothing was found, because a server may have been started. */
  warm(): void {
    if (this.#found) void this.#found.warm();
    else void this.#findModel();
  }

  get loadingMs(): number | undefined {
    return this.#found?.loadingMs;
  }

  async close(): Promise<void> {
    await Promise.all([this.#found?.close(), this.#options.standIn.close?.()]);
  }

  #findModel(): Promise<void> {
    this.#looking ??= this.#find().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #find(): Promise<void> {
    const { urls, standIn: _, ...options } = this.#options;
    const found = await findLocalModel(urls);
    if (found === undefined) {
      if (this.#missed) return;
      this.#missed = true;
      options.onNotice?.(
        'No language model answers on this machine (Ollama, llama.cpp, LM Studio): the built-in stand-in answers until one does. It is looked for again with each session and turn',
      );
      return;
    }
    this.#found = new ChatModel({ ...options, ...found });
    options.onNotice?.(`The language model is ${found.model} at ${found.url}`);
    // The next request reports the failure.
    this.#found.load().catch(() => {});
  }
}
