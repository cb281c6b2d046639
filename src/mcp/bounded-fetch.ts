import type { Clock } from '../core/clock.ts';
import { HttpFailure } from '../net/http-failure.ts';
import type { Fetch } from './requests.ts';

export interface BodyLimits {
  /** Maximum size of a body. In an event stream: of an event, and of all that arrives within a minute. */
  maxBytes: number;
  clock: Clock;
}

const minuteMs = 60_000;
const [lineFeed, carriageReturn] = [0x0a, 0x0d];

/** Bodies beyond the limits fail with an `HttpFailure`. An event stream may stay open, so that its total is not bounded. */
export function boundedFetch(fetch: Fetch, limits: BodyLimits): Fetch {
  return async (url, init) => {
    const response = await fetch(url, init);
    if (!response.body) return response;
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
    const bound = isStream ? new EventStreamBound(limits) : new BodyBound(limits);
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          bound.count(chunk);
          controller.enqueue(chunk);
        },
      }),
    );
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

class BodyBound {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor({ maxBytes }: BodyLimits) {
    this.#maxBytes = maxBytes;
  }

  count(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#maxBytes) throw new HttpFailure(`its answer is longer than ${this.#maxBytes} bytes`);
  }
}

class EventStreamBound {
  readonly #limits: BodyLimits;
  #minuteStartedAt: number;
  #bytesInMinute = 0;
  #bytesInEvent = 0;
  /** The line so far is empty: its end is the end of an event. */
  #lineIsEmpty = true;
  #previous = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#minuteStartedAt = limits.clock.now();
  }

  count(chunk: Uint8Array): void {
    const { maxBytes, clock } = this.#limits;
    if (clock.now() - this.#minuteStartedAt >= minuteMs) {
      this.#minuteStartedAt = clock.now();
      this.#bytesInMinute = 0;
    }
    this.#bytesInMinute += chunk.byteLength;
    if (this.#bytesInMinute > maxBytes) throw new HttpFailure(`its stream has more than ${maxBytes} bytes in a minute`);
    for (let index = 0; index < chunk.length; index += 1) this.#countByte(chunk[index] ?? 0);
    if (this.#bytesInEvent > maxBytes) throw new HttpFailure(`an event of its stream is longer than ${maxBytes} bytes`);
  }

  /** Lines end with CR, LF or both; an empty one ends an event (HTML, "Server-sent events", 9.2.5). */
  #countByte(byte: number): void {
    const previous = this.#previous;
    this.#previous = byte;
    this.#bytesInEvent += 1;
    if (byte !== lineFeed && byte !== carriageReturn) {
      this.#lineIsEmpty = false;
    } else if (byte === lineFeed && previous === carriageReturn) {
      // The same end of line.
    } else if (this.#lineIsEmpty) {
      this.#bytesInEvent = 0;
    } else {
      this.#lineIsEmpty = true;
    }
  }
}
