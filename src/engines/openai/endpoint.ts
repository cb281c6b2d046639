/**
 * One model of one server that speaks OpenAI's API: requests with a limited number of attempts, and error messages with
 * the server, its response and the remedy.
 */

import { abandoned, pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { isPublicHost } from '../../net/address-policy.ts';
import { HttpClient } from '../../net/http-client.ts';
import { HttpFailure } from '../../net/http-failure.ts';
import { EngineError } from '../engine-error.ts';
import { Adaptations } from './adaptations.ts';
import { type AnswerBounds, defaultAnswerBounds } from './answer-bounds.ts';
import { listField, parseJson, textField } from './json.ts';
import { RequestFailure } from './request-failure.ts';
import { statusFailure } from './status-failure.ts';
import { defaultAdaptationMs, defaultTimeouts, type EngineTimeouts } from './timeouts.ts';

export interface EndpointOptions {
  /**
   * The URL of the API including its version: `http://127.0.0.1:11434/v1`. Credentials in it become basic
   * authentication.
   */
  url: string;
  /** Absent: the model named by the request, if any. */
  model?: string;
  /** Sent as a bearer token; never included in messages. */
  key?: string;
  /** Fields of every request, which override those of the engine. */
  body?: Readonly<Record<string, unknown>>;
  /** Sent with every request; never included in messages. */
  headers?: Readonly<Record<string, string>>;
  /** Where to set a key, for the message about a missing one. */
  keyHint?: string;
  timeouts?: Partial<EngineTimeouts>;
  bounds?: AnswerBounds;
  /** The server may load its model on a request; the caller then limits the wait. */
  mayLoad?: boolean;
  /** Maximum number of attempts before the first output (default 3). */
  attempts?: number;
  /** How long the form of requests that a server accepts is remembered. */
  adaptationMs?: number;
  /** Called once for each adaptation of the engine, with a sentence. */
  onNotice?: (notice: string) => void;
  clock?: Clock;
}

export interface RequestOptions {
  signal: AbortSignal;
}

interface ApiRequest {
  /** JSON in UTF-8, or a form; absent for a GET. */
  body?: Uint8Array<ArrayBuffer> | FormData;
  accept?: string;
  signal?: AbortSignal;
}

/** Maximum size of an error's body. */
const maxErrorBytes = 16 * 1024;
/** Maximum size of a list of models. */
const maxListBytes = 1024 ** 2;
const firstPauseMs = 250;
/** A server that asks for a longer pause is not retried. */
const longestPauseMs = 5000;

export class Endpoint {
  readonly model: string | undefined;
  /** `llama3.2 at http://127.0.0.1:11434/v1` */
  readonly name: string;
  readonly host: string;
  readonly isPublic: boolean;
  readonly clock: Clock;
  readonly body: Readonly<Record<string, unknown>>;
  readonly adaptations: Adaptations;
  /** Whether its requests contain a key or a password. */
  readonly requiresKey: boolean;
  /** Dependencies of reading an answer. */
  readonly reading: Pick<AnswerBounds, 'messageBytes'> & { clock: Clock };
  readonly #baseUrl: string;
  readonly #query: string;
  readonly #authorization: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #client: HttpClient;
  readonly #attempts: number;
  readonly #secrets: readonly string[];
  readonly #keyHint: string | undefined;
  readonly #onNotice: (notice: string) => void;
  readonly #noticed = new Set<string>();
  #warming = false;

  /** @throws {TypeError} when the URL is invalid */
  constructor(options: EndpointOptions) {
    const url = new URL(options.url);
    const { username, password } = url;
    this.#query = url.search;
    url.username = '';
    url.password = '';
    url.search = '';
    url.hash = '';
    this.#baseUrl = url.href.replace(/\/+$/, '');
    this.clock = options.clock ?? systemClock;
    this.model = options.model;
    this.body = options.body ?? {};
    this.#headers = options.headers ?? {};
    this.host = url.hostname;
    this.isPublic = isPublicHost(url.hostname);
    this.name = options.model === undefined ? this.#baseUrl : `${options.model} at ${this.#baseUrl}`;
    this.#attempts = options.attempts ?? 3;
    this.#keyHint = options.keyHint;
    this.#onNotice = options.onNotice ?? (() => {});
    this.adaptations = new Adaptations({
      clock: this.clock,
      maxAgeMs: options.adaptationMs ?? defaultAdaptationMs,
      onLearned: (notice) => this.#notice(notice),
    });
    const { answerBytes, messageBytes } = options.bounds ?? defaultAnswerBounds;
    this.reading = { clock: this.clock, messageBytes };
    const { loadMs, ...timeouts } = { ...defaultTimeouts, ...options.timeouts };
    this.#client = new HttpClient({
      clock: this.clock,
      timeouts: options.mayLoad ? { ...timeouts, answerMs: loadMs } : timeouts,
      maxBytes: answerBytes,
      resend: true,
    });
    this.#client.load();
    const login = username === '' && password === '' ? undefined : basicCredentials(username, password);
    this.#secrets = [options.key, login, decodeURIComponent(password), ...secretValues(this.#headers)].filter(
      (secret) => secret !== undefined && secret !== '',
    ) as string[];
    this.requiresKey = this.#secrets.length > 0;
    this.#authorization = options.key !== undefined ? `Bearer ${options.key}` : login && `Basic ${login}`;
  }

  /**
   * Opens a connection if none is available; resolves when it is open or has failed. The next request reports the
   * failure.
   */
  async warm(): Promise<void> {
    if (this.#warming || this.#client.warm) return;
    this.#warming = true;
    try {
      const response = await this.#send('/models');
      for await (const _ of response.body ?? []);
    } catch {
      // The next request reports the failure.
    } finally {
      this.#warming = false;
    }
  }

  /**
   * Whether the server responds like a model server. A server without a list of models is accepted.
   * @throws {EngineError} with the obstacle
   */
  async probe(): Promise<void> {
    try {
      const response = await this.open('/models');
      await response.body?.cancel();
    } catch (error) {
      const failure = this.#failureOf(error);
      if (failure.status !== 404 && failure.status !== 405) throw this.#engineError(failure, 1);
    }
  }

  /**
   * Whether the server lists its model. Ollama adds the tag `latest` to a name without one.
   * @throws {RequestFailure}
   */
  async listsModel(signal: AbortSignal): Promise<boolean> {
    try {
      const list = parseJson(await readText(await this.open('/models', { signal }), maxListBytes));
      const ids = listField(list, 'data').map((entry) => textField(entry, 'id'));
      return ids.some((id) => id !== undefined && (id === this.model || id === `${this.model}:latest`));
    } catch (error) {
      const failure = this.#failureOf(error);
      if (failure.status === 404 || failure.status === 405) return false;
      throw failure;
    }
  }

  /** Whether the server responds at all to a request without costs. */
  async answers(signal: AbortSignal): Promise<boolean> {
    try {
      const response = await this.open('/models', { signal });
      await response.body?.cancel();
      return true;
    } catch (error) {
      return this.#failureOf(error).status !== undefined;
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Reports a notice once. */
  #notice(words: string): void {
    if (this.#noticed.has(words)) return;
    this.#noticed.add(words);
    this.#onNotice(`${this.name}: ${words}`);
  }

  /**
   * Yields the events of `answer`, and retries if it fails before the first output (according to `isAnswer`) and a
   * retry may help.
   * @throws {EngineError} that names the server; the signal's reason when it is aborted
   */
  async *stream<T>(
    answer: (options: RequestOptions) => AsyncIterable<T>,
    signal: AbortSignal,
    isAnswer: (event: T) => boolean = () => true,
  ): AsyncGenerator<T, void, undefined> {
    signal.throwIfAborted();
    for (let attempt = 1; ; attempt += 1) {
      // Ends the request when iteration ends, even if the caller's signal is not aborted.
      const abort = new AbortController();
      const stop = () => abort.abort(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      let yielded = false;
      try {
        for await (const event of answer({ signal: abort.signal })) {
          signal.throwIfAborted();
          yielded ||= isAnswer(event);
          yield event;
          signal.throwIfAborted();
        }
        return;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const failure = this.#failureOf(error);
        const pauseMs = yielded ? undefined : pauseBefore(attempt, this.#attempts, failure);
        if (pauseMs === undefined) throw this.#engineError(failure, attempt);
        await pause(pauseMs, this.clock, signal);
      } finally {
        signal.removeEventListener('abort', stop);
        abort.abort(abandoned);
      }
    }
  }

  /**
   * The answer to one request, once its headers have arrived.
   * @throws {RequestFailure}
   */
  async open(path: string, request: ApiRequest = {}): Promise<Response> {
    try {
      const response = await this.#send(path, request);
      const isPage = contentType(response) === 'text/html';
      if (!response.ok) {
        const text = await readText(response, maxErrorBytes).catch(() => '');
        throw statusFailure(response, text, { hasKey: this.requiresKey, keyHint: this.#keyHint });
      }
      if (isPage) {
        await response.body?.cancel();
        throw new RequestFailure(
          'it answered with a web page. Check that the URL is that of the API, which often ends in /v1',
        );
      }
      return response;
    } catch (error) {
      throw this.#failureOf(error);
    }
  }

  #send(path: string, { body, accept = 'application/json', signal }: ApiRequest = {}): Promise<Response> {
    const headers = new Headers({ accept });
    if (this.#authorization !== undefined) headers.set('authorization', this.#authorization);
    if (body instanceof Uint8Array) headers.set('content-type', 'application/json');
    for (const [name, value] of Object.entries(this.#headers)) headers.set(name, value);
    const method = body === undefined ? 'GET' : 'POST';
    return this.#client.fetch(`${this.#baseUrl}${path}${this.#query}`, { method, headers, body, signal });
  }

  #failureOf(error: unknown): RequestFailure {
    if (error instanceof RequestFailure) return error;
    if (error instanceof HttpFailure) {
      return new RequestFailure(error.message, { again: error.retryable ? 'later' : 'no', cause: error });
    }
    const detail = messageOf(error);
    return new RequestFailure(`the request failed: ${detail}`, { cause: error });
  }

  #engineError(failure: RequestFailure, attempts: number): EngineError {
    const words = this.#secrets.reduce(withoutSecret, failure.message);
    const tries = attempts > 1 ? ` (${attempts} attempts)` : '';
    const forClients = withoutAddresses(`${this.model ?? 'the server'}: ${words}${tries}.`, this.host);
    return new EngineError(this.name, `${words}${tries}.`, { forClients });
  }
}

/** Header values that may be keys. */
function secretValues(headers: Readonly<Record<string, string>>): string[] {
  return Object.values(headers)
    .flatMap((value) => [value, value.replace(/^\w+ /, '')])
    .filter((value) => value.length >= leastTelling);
}

/** A shorter prefix of a secret reveals nothing, and may occur in any text. */
const leastTelling = 8;

/** Removes a secret, including a prefix of it at the end of a truncated excerpt. */
function withoutSecret(text: string, secret: string): string {
  let safe = text.replaceAll(secret, '***');
  for (let length = secret.length - 1; length >= leastTelling; length -= 1) {
    safe = safe.replaceAll(`${secret.slice(0, length)}…`, '***…');
  }
  return safe;
}

/** Servers, TLS and name resolution include addresses in their messages: the server's own, and those behind it. */
function withoutAddresses(text: string, host: string): string {
  const own = new RegExp(`(?<![\\w.-])${RegExp.escape(host)}(:\\d+)?(?![\\w-])`, 'gi');
  return text
    .replace(/\b[a-z][a-z\d+.-]*:\/\/[^\s"'<>]+/gi, '…')
    .replace(own, '…')
    .replace(/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '…');
}

/** The media type of an answer, in lower case and without parameters; '' if there is none. */
export function contentType(response: Response): string {
  return (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A complete answer, as text. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new RequestFailure(`its answer is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Milliseconds to wait before the next attempt; undefined if there must be none. */
function pauseBefore(attempt: number, attempts: number, { again, retryAfterMs }: RequestFailure): number | undefined {
  if (again === 'no' || attempt >= attempts) return undefined;
  const pauseMs = retryAfterMs ?? firstPauseMs * 4 ** (attempt - 1);
  return pauseMs > longestPauseMs ? undefined : pauseMs;
}

function basicCredentials(username: string, password: string): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
}
