import type { LanguageModel, ModelEvent, ModelRequest } from '../../session/ports/language-model.ts';
import { ChatAnswer } from './chat-answer.ts';
import { chatRequest, optionalFields } from './chat-request.ts';
import { Endpoint, type EndpointOptions, type RequestOptions } from './endpoint.ts';
import { jsonBytes } from './in-turns.ts';
import { readAnswer } from './read-answer.ts';
import { RequestFailure } from './request-failure.ts';

export interface ChatModelOptions extends EndpointOptions {
  /** Whether the model takes audio (`input_audio`), and whether it answers with it (`modalities: ["text","audio"]`). */
  hearsAudio?: boolean;
  speaks?: boolean;
  /** Added to the instructions of an answer that a voice will speak; '' adds nothing. */
  spokenHint?: string;
}

const defaultSpokenHint =
  'Your answer is spoken aloud: use plain sentences, without markup, lists, links, emoji or stage directions.';

/** A language model over `/v1/chat/completions` (OpenAI, "Create chat completion"). */
export class ChatModel implements LanguageModel {
  readonly hearsAudio: boolean;
  readonly speaks: boolean;
  readonly #endpoint: Endpoint;
  readonly #spokenHint: string;
  /** Optional fields that the server has refused. */
  readonly #without = new Set<string>();
  #tokenLimitField: 'max_tokens' | 'max_completion_tokens';

  constructor(options: ChatModelOptions) {
    this.#endpoint = new Endpoint(options);
    this.hearsAudio = options.hearsAudio ?? false;
    this.speaks = options.speaks ?? false;
    this.#spokenHint = options.spokenHint ?? defaultSpokenHint;
    const newer = /(^|\.)openai\.(com|azure\.com)$/.test(this.#endpoint.host);
    this.#tokenLimitField = newer ? 'max_completion_tokens' : 'max_tokens';
  }

  /** @throws {EngineError} that says which server failed, how, and what to do */
  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    yield* this.#endpoint.stream(
      (options) => this.#answer(request, options),
      request.signal,
      ({ type }) => type !== 'thinking',
    );
  }

  warm(): Promise<void> {
    return this.#endpoint.warm();
  }

  probe(): Promise<void> {
    return this.#endpoint.probe();
  }

  close(): Promise<void> {
    return this.#endpoint.close();
  }

  async *#answer(request: ModelRequest, { signal }: RequestOptions): AsyncGenerator<ModelEvent, void, undefined> {
    const ask = (signal: AbortSignal) => this.#ask(request, signal);
    yield* readAnswer(ask, new ChatAnswer(), { signal, ...this.#endpoint.reading });
  }

  /** Sends the request; where the server refuses a field that it can do without, sends it once more, and from then on, without. */
  async #ask(request: ModelRequest, signal: AbortSignal): Promise<Response> {
    for (;;) {
      const chat = await chatRequest(request, {
        model: this.#endpoint.model ?? request.model,
        tokenLimitField: this.#tokenLimitField,
        spokenHint: this.#spokenHint,
        without: this.#without,
      });
      try {
        const body = await jsonBytes(chat);
        signal.throwIfAborted();
        return await this.#endpoint.open('/chat/completions', { body, signal });
      } catch (error) {
        if (!(error instanceof RequestFailure) || !this.#adapt(error, chat)) throw error;
      }
    }
  }

  #adapt({ status, message }: RequestFailure, body: object): boolean {
    if (status !== 400 && status !== 422) return false;
    if (this.#tokenLimitField === 'max_tokens' && message.includes('max_completion_tokens')) {
      this.#tokenLimitField = 'max_completion_tokens';
      return true;
    }
    const refused = optionalFields.find((field) => field in body && message.includes(field));
    if (refused === undefined) return false;
    this.#without.add(refused);
    this.#endpoint.notice(`it refuses the field ${refused}, and is asked without it from now on`);
    return true;
  }
}
