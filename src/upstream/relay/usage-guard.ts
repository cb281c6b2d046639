import type { Clock } from '../../core/clock.ts';
import { type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { RateLimit, ServerEvent } from '../../protocol/wire/server-events.ts';
import { ResponseQuota } from '../../session/limits/response-quota.ts';
import type { ExpectedTokens, Meter, Reservation } from '../../session/ports/meter.ts';
import type { SessionLimits } from '../../session/settings.ts';
import type { RelayObservations } from './relay-observations.ts';

export interface UsageGuardOptions {
  meter: Meter;
  clock: Clock;
  limits: Pick<SessionLimits, 'responsesPerMinute'>;
  observations: Pick<RelayObservations, 'fault'>;
}

/** Responses requested and not yet begun; beyond it the oldest counts as refused, and its reservation is released. */
const maxAsked = 256;

export interface Admission {
  refusal?: WireError | undefined;
  reservation?: Reservation | undefined;
}

/** What a relayed session uses of its upstream, and whether it may. */
export class UsageGuard {
  readonly #options: UsageGuardOptions;
  readonly #quota: ResponseQuota;
  /** What was set aside for responses that were asked for and have not begun, by the number of the client's event. */
  readonly #asked = new Map<number, Reservation | undefined>();
  /** The same of those that run, by their ids. */
  readonly #begun = new Map<string, Reservation | undefined>();

  constructor(options: UsageGuardOptions) {
    this.#options = options;
    this.#quota = new ResponseQuota(options.clock, options.limits.responsesPerMinute);
  }

  /** What this server keeps of limits; none where the upstream's are the only ones. */
  rateLimits(): readonly RateLimit[] {
    return this.#options.meter.rateLimits();
  }

  /** @throws {WireError} when a client asks for more responses than it may in a minute */
  requireQuota(): void {
    this.#quota.require();
  }

  /** Whether a response may be made now, and what is set aside for it. Never rejects. */
  async admit(expected: ExpectedTokens): Promise<Admission> {
    try {
      const { refusal, reservation } = await this.#options.meter.admitResponse(expected);
      return refusal ? { refusal: wireErrors.spendingRefused(refusal.message) } : { reservation };
    } catch (error) {
      this.#options.observations.fault(error);
      return { refusal: wireErrors.internal('admitting a response') };
    }
  }

  /** A client's response is asked for: counts it against the session's responses per minute. */
  responseRequested(sequence: number, reservation: Reservation | undefined): void {
    this.#quota.count();
    this.#asked.set(sequence, reservation);
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > maxAsked && oldest !== undefined) this.requestRefused(oldest);
  }

  /** The upstream refused what a client asked for. */
  requestRefused(sequence: number): void {
    this.#asked.get(sequence)?.settle(0);
    this.#asked.delete(sequence);
  }

  /** A response that a client asked for has begun. */
  responseBegun(response: string, sequence: number): void {
    this.#begun.set(response, this.#asked.get(sequence));
    this.#asked.delete(sequence);
  }

  /** The upstream began one by itself: counts it likewise. Resolves with why it may not go on. */
  async unrequestedResponse(response: string, expected: ExpectedTokens): Promise<WireError | undefined> {
    this.#quota.count();
    this.#begun.set(response, undefined);
    const { refusal, reservation } = await this.admit(expected);
    if (this.#begun.has(response)) this.#begun.set(response, reservation);
    else reservation?.settle(0);
    return refusal;
  }

  /** The session is over: what was asked for is not made. */
  end(): void {
    for (const sequence of [...this.#asked.keys()]) this.requestRefused(sequence);
    this.#begun.clear();
  }

  /** Counts what an event says was used. */
  received(event: ServerEvent): void {
    const { meter } = this.#options;
    if (event.type === 'response.done') {
      const { id, usage } = event.response;
      const reservation = this.#begun.get(id);
      if (usage) meter.responseUsed(usage, reservation);
      else reservation?.settle(0);
      this.responseEnded(id);
    } else if (event.type === 'conversation.item.input_audio_transcription.completed') {
      meter.transcriptionUsed(event.usage);
    }
  }

  /** A response ended. Where nobody can tell any more what it used, that is what was set aside for it. */
  responseEnded(response: string): void {
    this.#begun.delete(response);
  }
}
