/**
 * One model of one server that speaks OpenAI's API, through OpenAI's client: requests with a bounded number of
 * attempts, and failures in words that say which server, what came and what to do.
 */

import type OpenAI from 'openai';
import type { ClientOptions } from 'openai';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { EngineError } from '../engine-error.ts';
import { type AnswerBounds, defaultAnswerBounds } from './answer-bounds.ts';
import { HttpTransport } from './http-transport.ts';
import { RequestFailure } from './request-failure.ts';
import { statusErrorOf, statusFailure } from './status-failure.ts';
import { defaultTimeouts, type HttpTimeouts } from './timeouts.ts';

export interface EndpointOptions {
  /** Where the API is, as far as its version: `http://127.0.0.1:11434/v1`. Credentials in it become basic authentication. */
  url: string;
  /** Absent: the model that a request names, where it names one. */
  model?: string;
  /** Sent as a bearer token; never told in a message. */
  key?: string;
  /** Where a key would have to be set, for the message about a missing one. */
  keyHint?: string;
  timeouts?: Partial<HttpTimeouts>;
  bounds?: AnswerBounds;
  /** How often to ask at most, as long as nothing has come (default 3). */
  attempts?: number;
  /** Told once of everything that the engine had to do without, in a sentence. */
  onNotice?: (notice: string) => void;
  clock?: Clock;
}

export interface RequestOptions {
  signal: AbortSignal;
}

/** Connections that a request may find closed before one is made anew. */
const staleConnections = 8;
const firstPauseMs = 250;
/** A server that wants to be left alone for longer is not waited for. */
const longestPauseMs = 5000;

export class Endpoint {
  readonly model: string | undefined;
  /** `llama3.2 at http://127.0.0.1:11434/v1` */
  readonly name: string;
  readonly host: string;
  readonly clock: Clock;
  /** What reading an answer needs. */
  readonly reading: Pick<AnswerBounds, 'messageBytes'> & { clock: Clock };
  readonly #clientOptions: ClientOptions;
  #client: Promise<OpenAI> | undefined;
  readonly #transport: HttpTransport;
  readonly #attempts: number;
  readonly #secrets: readonly string[];
  readonly #keyHint: string | undefined;
  readonly #onNotice: (notice: string) => void;
  readonly #noticed = new Set<string>();
  #warming = false;

  /** @throws {TypeError} when the URL is none */
  constructor(options: EndpointOptions) {
    const url = new URL(options.url);
    const { username, password } = url;
    const query = Object.fromEntries(url.searchParams);
    url.username = '';
    url.password = '';
    url.search = '';
    url.hash = '';
    const baseURL = url.href.replace(/\/+$/, '');
    this.clock = options.clock ?? systemClock;
    this.model = options.model;
    this.host = url.hostname;
    this.name = options.model === undefined ? baseURL : `${options.model} at ${baseURL}`;
    this.#attempts = options.attempts ?? 3;
    this.#keyHint = options.keyHint;
    this.#onNotice = options.onNotice ?? (() => {});
    const { answerBytes, messageBytes } = options.bounds ?? defaultAnswerBounds;
    this.reading = { clock: this.clock, messageBytes };
    this.#transport = new HttpTransport(this.clock, { ...defaultTimeouts, ...options.timeouts }, answerBytes);
    const login = username === '' && password === '' ? undefined : basicCredentials(username, password);
    this.#secrets = [options.key, login, decodeURIComponent(password)].filter(
      (secret) => secret !== undefined && secret !== '',
    ) as string[];
    const authorization = options.key !== undefined ? `Bearer ${options.key}` : login && `Basic ${login}`;
    // Everything that the client would read from the environment is said here: it belongs to one host only.
    this.#clientOptions = {
      baseURL,
      apiKey: 'none',
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: 'off',
      maxRetries: 0,
      fetch: this.#transport.fetch,
      defaultHeaders: { Authorization: authorization ?? null },
      defaultQuery: query,
    };
  }

  /** Opens a connection, if none stands ready; resolves when that is done or has failed, which is left to the next request to tell. */
  async warm(): Promise<void> {
    if (this.#warming || this.#transport.warm) return;
    this.#warming = true;
    try {
      const client = await this.#connected();
      const response = await client.models.list().asResponse();
      for await (const _ of response.body ?? []);
    } catch {
      // The request that meets it tells it.
    } finally {
      this.#warming = false;
    }
  }

  /**
   * Whether the server answers as one of models does. A server without a list of models counts.
   * @throws {EngineError} saying what stands in the way
   */
  async probe(): Promise<void> {
    try {
      const response = await this.open((client) => client.models.list().asResponse());
      await response.body?.cancel();
    } catch (error) {
      const failure = this.#failureOf(error);
      if (failure.status !== 404 && failure.status !== 405) throw this.#told(failure, 1);
    }
  }

  close(): void {
    this.#transport.close();
  }

  /** Says something once. */
  notice(words: string): void {
    if (this.#noticed.has(words)) return;
    this.#noticed.add(words);
    this.#onNotice(`${this.name}: ${words}`);
  }

  /**
   * Yields what `answer` does; where that fails before it has yielded anything (that `isAnswer`), and another attempt may help, it is made.
   * @throws {EngineError} that names the server; the signal's reason when it is aborted
   */
  async *stream<T>(
    answer: (options: RequestOptions) => AsyncIterable<T>,
    signal: AbortSignal,
    isAnswer: (event: T) => boolean = () => true,
  ): AsyncGenerator<T, void, undefined> {
    signal.throwIfAborted();
    for (let attempt = 1; ; attempt += 1) {
      // Ends the request whenever iteration ends, also where the caller's signal does not.
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
        if (pauseMs === undefined) throw this.#told(failure, attempt);
        if (pauseMs > 0) await this.#pause(pauseMs, signal);
      } finally {
        signal.removeEventListener('abort', stop);
        abort.abort();
      }
    }
  }

  /**
   * The answer to one request, of which the headers are there.
   * @throws {RequestFailure}
   */
  async open(send: (client: OpenAI) => Promise<Response>): Promise<Response> {
    try {
      const response = await send(await this.#connected());
      const type = contentType(response);
      if (type === 'text/html') {
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

  /** The client, which is loaded when a server is first asked: a set without servers does without it. */
  #connected(): Promise<OpenAI> {
    this.#client ??= import('openai').then(({ default: OpenAI }) => new OpenAI(this.#clientOptions));
    return this.#client;
  }

  #failureOf(error: unknown): RequestFailure {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof RequestFailure) return cause;
    }
    const answered = statusErrorOf(error);
    if (answered) return statusFailure(answered, this.#secrets.length > 0, this.#keyHint);
    const detail = error instanceof Error ? error.message : String(error);
    return new RequestFailure(`the request failed: ${detail}`, { cause: error });
  }

  #told(failure: RequestFailure, attempts: number): EngineError {
    const words = this.#secrets.reduce(withoutSecret, failure.message);
    const tries = attempts > 1 ? ` (${attempts} attempts)` : '';
    const told = withoutAddresses(`${this.model ?? 'the server'}: ${words}${tries}.`, this.host);
    return new EngineError(this.name, `${words}${tries}.`, { forClients: told });
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.clock.after(ms, () => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }
}

/** A shorter beginning of a secret tells nothing of it, and may stand in any text. */
const leastTelling = 8;

/** Removes a secret, also where an excerpt was cut off within it. */
function withoutSecret(text: string, secret: string): string {
  let safe = text.replaceAll(secret, '***');
  for (let length = secret.length - 1; length >= leastTelling; length -= 1) {
    safe = safe.replaceAll(`${secret.slice(0, length)}…`, '***…');
  }
  return safe;
}

/** Servers, TLS and name resolution put addresses into their words: the server's own, and those behind it. */
function withoutAddresses(text: string, host: string): string {
  const own = new RegExp(`(?<![\\w.-])${RegExp.escape(host)}(:\\d+)?(?![\\w-])`, 'gi');
  return text
    .replace(/\b[a-z][a-z\d+.-]*:\/\/[^\s"'<>]+/gi, '…')
    .replace(own, '…')
    .replace(/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '…');
}

/** The media type of an answer, in small letters and without parameters; '' where there is none. */
export function contentType(response: Response): string {
  return (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** An answer whole, as text. */
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

/** Milliseconds to wait before the next attempt; undefined: there is to be none. */
function pauseBefore(attempt: number, attempts: number, { again, retryAfterMs }: RequestFailure): number | undefined {
  // The server had closed a connection that was kept: it has not been asked at all.
  if (again === 'at once') return attempt < staleConnections ? 0 : undefined;
  if (again === 'no' || attempt >= attempts) return undefined;
  const pauseMs = retryAfterMs ?? firstPauseMs * 4 ** (attempt - 1);
  return pauseMs > longestPauseMs ? undefined : pauseMs;
}

function basicCredentials(username: string, password: string): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
}
