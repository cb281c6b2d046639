import type { LanguageModel, ModelEvent, ModelRequest } from '../../session/ports/language-model.ts';
import { isWithout } from './adaptations.ts';
import { forms, refusedForm, rolesOf } from './chat/chat-forms.ts';
import { type ChatRequestOptions, chatRequest } from './chat/chat-request.ts';
import { type LoadingChange, ModelLoading } from './chat/model-loading.ts';
import { ChatAnswer } from './chat-answer.ts';
import { Endpoint, type EndpointOptions, type RequestOptions } from './endpoint.ts';
import { jsonBytes } from './in-turns.ts';
import { readAnswer } from './read-answer.ts';
import { ThinkingModels } from './thinking.ts';
import { defaultTimeouts } from './timeouts.ts';

export interface ChatModelOptions extends EndpointOptions {
  /**
   * Whether the model accepts audio (`input_audio`), and whether it answers with audio (`modalities:
   * ["text","audio"]`).
   */
  hearsAudio?: boolean;
  speaks?: boolean;
  /** Text added to the instructions of spoken answers; '' adds nothing. */
  spokenHint?: string;
  /** Whether to wait for a model that is loading; false: another engine answers. Default: true. */
  waitsForModel?: boolean;
  onLoading?: (about: LoadingChange & { name: string }) => void;
  /** Whether its answers begin inside reasoning (`ThinkingModels`). Absent: detected. */
  thinks?: boolean;
}

const defaultSpokenHint =
  'Your answer is spoken aloud: use plain sentences, without markup, lists, links, emoji or stage directions.';

const smallestRequest = {
  ...{ model: '', instructions: '', tools: [], toolChoice: 'none', maxOutputTokens: 1, spoken: false },
  items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
} as const satisfies Omit<ModelRequest, 'signal'>;

/** A language model over `/v1/chat/completions` (OpenAI, "Create chat completion"). */
export class ChatModel implements LanguageModel {
  readonly hearsAudio: boolean;
  readonly speaks: boolean;
  readonly isPublic: boolean;
  readonly #endpoint: Endpoint;
  readonly #spokenHint: string;
  readonly #loading: ModelLoading;
  readonly #thinking: ThinkingModels;
  readonly #closed = new AbortController();
  /**
   * Whether the server may load the model at the first request: it lists the model, and requires no key. Servers with
   * keys have it in memory, and charge for requests. Undefined until the list has arrived.
   */
  #mayLoad: boolean | undefined;
  #preloading: Promise<void> | undefined;

  constructor(options: ChatModelOptions) {
    this.#endpoint = new Endpoint({ ...options, mayLoad: true });
    this.isPublic = this.#endpoint.isPublic;
    if (options.model === undefined || this.#endpoint.requiresKey) this.#mayLoad = false;
    const { firstByteMs, loadMs } = { ...defaultTimeouts, ...options.timeouts };
    this.#loading = new ModelLoading({
      clock: this.#endpoint.clock,
      silentMs: firstByteMs,
      loadMs,
      patient: options.waitsForModel ?? true,
      answers: (signal) => this.#endpoint.answers(signal),
      onChange: (about) => options.onLoading?.({ name: this.#endpoint.name, ...about }),
    });
    this.hearsAudio = options.hearsAudio ?? false;
    this.speaks = options.speaks ?? false;
    this.#thinking = new ThinkingModels(options.thinks ?? false);
    this.#spokenHint = options.spokenHint ?? defaultSpokenHint;
  }

  /** @throws {EngineError} with the server, the failure, and the remedy */
  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    yield* this.#endpoint.stream(
      (options) => this.#answer(request, options),
      request.signal,
      ({ type }) => type !== 'thinking',
    );
  }

  /** Opens a connection, and has its server load the model if it may be necessary. */
  async warm(): Promise<void> {
    if (this.#loading.isLoaded || this.#mayLoad === false) return this.#endpoint.warm();
    // The next request reports the failure.
    this.#preloading ??= this.#preload(false)
      .catch(() => {})
      .finally(() => {
        this.#preloading = undefined;
      });
    return this.#preloading;
  }

  probe(): Promise<void> {
    return this.#endpoint.probe();
  }

  /**
   * Has its server load the model if it may be necessary.
   * @throws {EngineError} with the reason
   */
  async load(): Promise<void> {
    if (this.#mayLoad !== false) await this.#preload(true);
  }

  /** How long its server has been loading the model; undefined while it is not. */
  get loadingMs(): number | undefined {
    return this.#loading.ms;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#loading.close();
    await this.#endpoint.close();
  }

  async *#answer(request: ModelRequest, { signal }: RequestOptions): AsyncGenerator<ModelEvent, void, undefined> {
    const ask = (signal: AbortSignal) => this.#ask(request, signal);
    const model = this.#endpoint.model ?? request.model;
    const answer = new ChatAnswer(this.#endpoint.name, request, this.#thinking.beginsInside(model));
    let whole = false;
    try {
      yield* readAnswer(ask, answer, { signal, ...this.#endpoint.reading });
      whole = true;
    } finally {
      this.#thinking.learn(model, answer.markup, whole);
    }
  }

  /**
   * Requests one token, for which the server loads the model. `expected`: it counts as loading from the start.
   * @throws as `generate`
   */
  async #preload(expected: boolean): Promise<void> {
    const { signal: closed } = this.#closed;
    const load = async function* (this: ChatModel, { signal }: RequestOptions) {
      this.#mayLoad ??= await this.#endpoint.listsModel(signal);
      if (!this.#mayLoad) return;
      const response = await this.#ask({ ...smallestRequest, signal }, signal, expected);
      yield* response.body ?? [];
    }.bind(this);
    try {
      // Not every server respects the limit of one token.
      for await (const _ of this.#endpoint.stream(load, closed)) break;
    } catch (error) {
      if (!closed.aborted) throw error;
    }
  }

  #ask(request: ModelRequest, signal: AbortSignal, expected = false): Promise<Response> {
    let body: Record<string, unknown> = {};
    const send = async (has: (key: string) => boolean) => {
      const chat = await chatRequest(request, this.#form(request, has));
      body = { ...chat };
      const bytes = await jsonBytes({ ...chat, ...this.#endpoint.body });
      signal.throwIfAborted();
      const open = (signal: AbortSignal) => this.#endpoint.open('/chat/completions', { body: bytes, signal });
      return this.#loading.open(open, { signal, expected, onWait: request.claim?.onWait });
    };
    return this.#endpoint.adaptations.ask(send, (failure, has) => refusedForm(failure, body, has));
  }

  #form(request: ModelRequest, has: (key: string) => boolean): ChatRequestOptions {
    const newer = /(^|\.)openai\.(com|azure\.com)$/.test(this.#endpoint.host);
    const short = /(^|\.)mistral\.ai$/.test(this.#endpoint.host);
    return {
      model: this.#endpoint.model ?? request.model,
      tokenLimitField: newer || has(forms.newTokenLimit) ? 'max_completion_tokens' : 'max_tokens',
      spokenHint: this.#spokenHint,
      engine: this.#endpoint.name,
      callIds: short || has(forms.shortCallIds) ? 'short' : 'any',
      roles: rolesOf(has),
      without: (field, value) => isWithout(has, field, value),
    };
  }
}
