import { type WireError, wireErrors } from '../protocol/errors.ts';
import type { RateLimit, ResponseStatus, ServerEvent } from '../protocol/server-events.ts';
import type { Clock, Meter } from '../session/ports.ts';
import { ResponseQuota } from '../session/response-quota.ts';
import type { UpstreamLog } from './upstream-log.ts';

export interface SpendingOptions {
  /** The session's id. */
  session: string;
  meter: Meter;
  clock: Clock;
  responsesPerMinute: number;
  log: UpstreamLog;
}

/** What a relayed session uses of its upstream, and whether it may. */
export class Spending {
  readonly #options: SpendingOptions;
  readonly #quota: ResponseQuota;

  constructor(options: SpendingOptions) {
    this.#options = options;
    this.#quota = new ResponseQuota(options.clock, options.responsesPerMinute);
  }

  /** What this server keeps of limits; none where the upstream's are the only ones. */
  rateLimits(): readonly RateLimit[] {
    return this.#options.meter.rateLimits();
  }

  /** @throws {WireError} when a client asks for more responses than it may in a minute */
  requireQuota(): void {
    this.#quota.require();
  }

  /** Counts a response, asked for by a client or begun by the upstream, against the session's responses per minute. */
  responseMade(): void {
    this.#quota.count();
  }

  /** Why no response may be made now; undefined when one may. Never rejects. */
  async refusal(): Promise<WireError | undefined> {
    try {
      const refusal = await this.#options.meter.admitResponse();
      return refusal && wireErrors.spendingRefused(refusal.message);
    } catch (error) {
      this.#options.log.error('session_fault', { session: this.#options.session, error: String(error) });
      return wireErrors.internal('admitting a response');
    }
  }

  /** Counts what an event says was used. */
  count(event: ServerEvent): void {
    const { meter } = this.#options;
    if (event.type === 'response.done') {
      const { id, status, usage } = event.response;
      if (usage) meter.responseUsed(usage);
      this.ended(id, status);
    } else if (event.type === 'conversation.item.input_audio_transcription.completed') {
      meter.transcriptionUsed(event.usage);
    }
  }

  /** A response ended, also one whose usage nobody can tell any more. */
  ended(response: string, status: ResponseStatus): void {
    const { log, meter, session } = this.#options;
    log.info('response_done', { session, response, status });
    meter.responseEnded(status, {});
  }
}
