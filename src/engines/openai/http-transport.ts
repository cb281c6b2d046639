/**
 * HTTP/1.1 for engines, in the form of `fetch`: over Node's own client, because an engine needs what `fetch` does not
 * offer. Connections are kept for as long as the server keeps them, each stage has its time, what comes is bounded, and an
 * abort ends the connection at once.
 */

import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as SecureAgent } from 'node:https';
import type { Clock } from '../../core/clock.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { defaultAnswerBounds } from './answer-bounds.ts';
import { RequestFailure } from './request-failure.ts';
import type { HttpTimeouts } from './timeouts.ts';

/** Idle connections kept for each server. */
const idleConnections = 32;
/** Bytes of an answer that are passed on in one turn of the event loop … */
const bytesPerTurn = 64 * 1024;
/** … where a piece counts for no less than these: one of a byte passes through as much as one of a thousand. */
const leastBytes = 1024;
/** Of an error's body, that is all that is read. */
const maxErrorBytes = 16 * 1024;

/** The headers that reach a server; whatever else a library adds (or an environment variable makes it add) does not. */
const sentHeaders = ['accept', 'authorization', 'content-type', 'user-agent'];

export class HttpTransport {
  readonly #agents = {
    'http:': new Agent({ keepAlive: true, maxFreeSockets: idleConnections }),
    'https:': new SecureAgent({ keepAlive: true, maxFreeSockets: idleConnections }),
  };
  readonly #timeouts: HttpTimeouts;
  readonly #clock: Clock;
  readonly #answerBytes: number;

  constructor(clock: Clock, timeouts: HttpTimeouts, answerBytes = defaultAnswerBounds.answerBytes) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#answerBytes = answerBytes;
  }

  /** Whether a connection stands ready. */
  get warm(): boolean {
    return Object.values(this.#agents).some(({ freeSockets }) => Object.keys(freeSockets).length > 0);
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /**
   * As the global `fetch`, without redirects.
   * @throws {RequestFailure} when there is no answer; the body of the answer ends in one too. The signal's reason when it is aborted.
   */
  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const payload = await payloadOf(init);
    const signal = init.signal ?? undefined;
    signal?.throwIfAborted();
    const message = await this.#exchange(url, init, payload, signal);
    const status = message.statusCode ?? 0;
    const headers = new Headers();
    for (const [name, value] of Object.entries(message.headers)) {
      if (value !== undefined) headers.set(name, String(value));
    }
    if (status < 200 || status > 599) {
      message.destroy();
      throw new RequestFailure(`it answered with the HTTP status ${status}`);
    }
    const bodiless = status === 204 || status === 205 || status === 304;
    if (bodiless) message.resume();
    const body = bodiless ? null : streamOf(this.#bodyOf(message, status >= 300, signal));
    return new Response(body, { status, headers });
  };

  #exchange(
    url: URL,
    init: RequestInit,
    payload: { bytes: Uint8Array; type: string | undefined } | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const secure = url.protocol === 'https:';
    const given = new Headers(init.headers);
    const headers: Record<string, string | number> = { 'accept-encoding': 'identity' };
    for (const name of sentHeaders) headers[name] = given.get(name) ?? '';
    if (payload) headers['content-length'] = payload.bytes.byteLength;
    if (payload?.type !== undefined) headers['content-type'] = payload.type;
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
      agent: this.#agents[secure ? 'https:' : 'http:'],
    });
    return new Promise((resolve, reject) => {
      const abort = () => request.destroy(abortError(signal));
      const stopWatching = this.#watchRequest(request, secure);
      const fail = (error: Error) => {
        stopWatching();
        signal?.removeEventListener('abort', abort);
        reject(signal?.aborted ? signal.reason : requestFailure(error, request.reusedSocket));
      };
      request.on('error', fail);
      // Node ends a request that is answered with 101 without another word; after an answer nobody listens any more.
      request.on('close', () => fail(new RequestFailure('it ended the connection without an answer')));
      request.on('response', (message) => {
        stopWatching();
        signal?.removeEventListener('abort', abort);
        endOnAbort(message, signal);
        resolve(message);
      });
      signal?.addEventListener('abort', abort, { once: true });
      request.end(payload?.bytes);
    });
  }

  /** Gives a request its time to connect, and then to be answered. */
  #watchRequest(request: ClientRequest, secure: boolean): () => void {
    let cancel = () => {};
    const limit = (ms: number, words: string) => {
      cancel();
      cancel = this.#clock.after(ms, () => request.destroy(new RequestFailure(`${words} in ${ms / 1000} s`)));
    };
    const { connectMs, firstByteMs } = this.#timeouts;
    const awaitAnswer = () => limit(firstByteMs, 'it is connected but gave no answer');
    limit(connectMs, 'no connection could be made');
    request.on('socket', (socket) => {
      if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', awaitAnswer);
      else awaitAnswer();
    });
    let stopped = false;
    request.on('finish', () => {
      if (!stopped && !request.socket?.connecting) awaitAnswer();
    });
    return () => {
      stopped = true;
      cancel();
    };
  }

  async *#bodyOf(
    message: IncomingMessage,
    failed: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { firstByteMs, idleMs } = this.#timeouts;
    const others = new EventLoopYield(bytesPerTurn);
    let bytes = 0;
    let cancel = () => {};
    const limit = (ms: number, words: string) => {
      cancel();
      cancel = this.#clock.after(ms, () => message.destroy(new RequestFailure(`${words} for ${ms / 1000} s`)));
    };
    try {
      limit(firstByteMs, 'it began an answer and then gave nothing');
      for await (const chunk of message as AsyncIterable<Buffer<ArrayBuffer>>) {
        cancel();
        bytes += chunk.byteLength;
        if (bytes > this.#answerBytes) {
          throw new RequestFailure(`its answer is longer than ${this.#answerBytes} bytes`);
        }
        await others.step(Math.max(chunk.byteLength, leastBytes));
        yield chunk;
        if (failed && bytes > maxErrorBytes) return;
        limit(idleMs, 'it stopped in the middle of its answer and gave nothing');
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw bodyFailure(error, bytes);
    } finally {
      cancel();
    }
  }
}

/** Also where nobody reads the answer, or not yet. */
function endOnAbort(message: IncomingMessage, signal: AbortSignal | undefined): void {
  // Whoever reads is told by the iteration.
  message.on('error', () => {});
  const abort = () => message.destroy(abortError(signal));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  message.once('close', () => signal?.removeEventListener('abort', abort));
}

function streamOf(
  chunks: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await chunks.return();
      },
    },
    { highWaterMark: 0 },
  );
}

async function payloadOf({ body }: RequestInit): Promise<{ bytes: Uint8Array; type: string | undefined } | undefined> {
  if (body === undefined || body === null) return undefined;
  if (body instanceof Uint8Array) return { bytes: body, type: undefined };
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: undefined };
  const whole = new Response(body);
  // A form's type holds the boundary that was just chosen.
  return { bytes: await whole.bytes(), type: whole.headers.get('content-type') ?? undefined };
}

function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}

/** What the system calls a failure to connect, and what to make of it. */
const systemErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there. Start the server, or correct the address',
  ENOTFOUND: 'its host name is not known. Correct the address',
  EAI_AGAIN: 'its host name cannot be looked up now. Check the network',
  EHOSTUNREACH: 'its host cannot be reached. Check the address and the network',
  ENETUNREACH: 'its network cannot be reached. Check the address and the network',
  ETIMEDOUT: 'its host does not answer. Check the address and the network',
};
const passing: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'ETIMEDOUT']);

function requestFailure(error: Error, reusedSocket: boolean): RequestFailure {
  if (error instanceof RequestFailure) return error;
  const code = codeOf(error);
  const known = systemErrors[code];
  if (known !== undefined) {
    return new RequestFailure(`${known} (${code})`, { again: passing.has(code) ? 'later' : 'no', cause: error });
  }
  if (code.startsWith('HPE_')) {
    return new RequestFailure(`what answers there does not speak HTTP (${code}). Check http or https, and the port`, {
      cause: error,
    });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    const again = reusedSocket ? 'at once' : 'later';
    return new RequestFailure('it closed the connection without an answer', { again, cause: error });
  }
  if (isTlsCode(code)) {
    return new RequestFailure(`TLS failed: ${error.message} (${code}). Check http or https, and the certificate`, {
      cause: error,
    });
  }
  return new RequestFailure(`the request failed: ${error.message}`, { again: 'later', cause: error });
}

function bodyFailure(error: unknown, bytes: number): RequestFailure {
  if (error instanceof RequestFailure) return error;
  const detail = error instanceof Error ? codeOf(error) || error.message : String(error);
  const words = detail.startsWith('HPE_')
    ? `its answer broke off in something that is not HTTP (${detail})`
    : `the connection broke in the middle of its answer, after ${bytes} bytes (${detail})`;
  return new RequestFailure(words, { again: 'later', cause: error });
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : '';
}

function isTlsCode(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code);
}
