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

/**
 * Maximum number of requested responses that have not started; beyond it, the oldest counts as refused and its
 * reservation is released.
 */
const maxRequested = 256;
/** Maximum number of running responses; beyond it, the oldest counts as ended and its reservation as used. */
const maxBegun = 256;

export interface Admission {
  refusal?: WireError | undefined;
  reservation?: Reservation | undefined;
}

/** Usage of a relayed session, and whether it may use more. */
export class UsageGuard {
  readonly #options: UsageGuardOptions;
  readonly #quota: ResponseQuota;
  /** Reservations of requested responses that have not started, by the number of the client event. */
  readonly #requested = new Map<number, Reservation | undefined>();
  /** Reservations of running responses, by id. */
  readonly #begun = new Map<string, Reservation | undefined>();

  constructor(options: UsageGuardOptions) {
    this.#options = options;
    this.#quota = new ResponseQuota(options.clock, options.limits.responsesPerMinute);
  }

  /** Limits of this server; undefined if only the upstream's apply. */
  rateLimits(): readonly RateLimit[] {
    return this.#options.meter.rateLimits();
  }

  /** @throws {WireError} when a client exceeds the responses per minute */
  requireQuota(): void {
    this.#quota.require();
  }

  /** Whether a response is admitted, and its reservation. Never rejects. */
  async admit(expected: ExpectedTokens): Promise<Admission> {
    try {
      const { refusal, reservation } = await this.#options.meter.admitResponse(expected);
      return refusal ? { refusal: wireErrors.spendingRefused(refusal.message) } : { reservation };
    } catch (error) {
      this.#options.observations.fault(error);
      return { refusal: wireErrors.internal('admitting a response') };
    }
  }

  /** A client requests a response: counts it toward the responses per minute of the session. */
  responseRequested(sequence: number, reservation: Reservation | undefined): void {
    this.#quota.count();
    this.#requested.set(sequence, reservation);
    const [oldest] = this.#requested.keys();
    if (this.#requested.size > maxRequested && oldest !== undefined) this.requestRefused(oldest);
  }

  /** The upstream refused a client event. */
  requestRefused(sequence: number): void {
    this.#requested.get(sequence)?.settle(0);
    this.#requested.delete(sequence);
  }

  /** A requested response has started. */
  responseBegun(response: string, sequence: number): void {
    this.#begin(response, this.#requested.get(sequence));
    this.#requested.delete(sequence);
  }

  /** The upstream started a response by itself: counts it as well. Resolves with the reason if it must be cancelled. */
  async unrequestedResponse(response: string, expected: ExpectedTokens): Promise<WireError | undefined> {
    this.#quota.count();
    this.#begin(response, undefined);
    const { refusal, reservation } = await this.admit(expected);
    if (this.#begun.has(response)) this.#begun.set(response, reservation);
    else reservation?.settle(0);
    return refusal;
  }

  #begin(response: string, reservation: Reservation | undefined): void {
    this.#begun.set(response, reservation);
    const [oldest] = this.#begun.keys();
    if (this.#begun.size > maxBegun && oldest !== undefined) this.responseEnded(oldest);
  }

  /** The session has ended: pending requests are released. */
  end(): void {
    for (const sequence of [...this.#requested.keys()]) this.requestRefused(sequence);
    this.#begun.clear();
  }

  /** Counts the usage that an event reports. */
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

  /** A response ended. If its usage is unknown, its reservation is charged. */
  responseEnded(response: string): void {
    this.#begun.delete(response);
  }
}
