import type { LedgerParts } from '../protocol/wire/ledger.ts';
import type { RateLimit, ResponseStatus, TranscriptionUsage, Usage } from '../protocol/wire/server-events.ts';
import { TurnLedger, type TurnTimes } from '../session/observing/turn-ledger.ts';
import type { ExpectedTokens, Meter, Reservation, ResponseAdmission } from '../session/ports/meter.ts';
import type { SessionObserver } from '../session/ports/observer.ts';
import { clampAmount, responseQuantities, transcriptionQuantities } from './quantities.ts';
import { RecentLatencies } from './recent-latencies.ts';
import type { TokenBudget } from './token-budget.ts';
import { UsageTotals, type UsageTotalsOptions, type UsedTotals } from './usage-totals.ts';

/** Totals of one session, for the log. */
export interface SessionTotals extends UsedTotals {
  /** By status. */
  responses: Partial<Record<ResponseStatus, number>>;
  transcriptions: number;
}

/** The pace of one session. */
export interface SessionActivity {
  /** User turns that were decided by voice activity, a commit or an idle timeout. */
  turns: number;
  /** The median latency of the last responses with audio, and their number; absent without any, as in relayed sessions. */
  latency?: { responses: number; medianMs: number };
}

export interface AccountOptions extends UsageTotalsOptions {
  sessionId: string;
  budget: TokenBudget | undefined;
  closed: (account: Account) => void;
}

/** The account of one session: its usage counts here, in the metrics, and toward the limits of its key. */
export class Account implements Meter {
  /** Changes if the session turns out to have another, as one that is played back has. */
  sessionId: string;
  /** Counts responses by status and unused work, and measures the latency of stages. */
  readonly observer: SessionObserver;
  readonly #options: AccountOptions;
  readonly #responses: Partial<Record<ResponseStatus, number>> = {};
  readonly #usageTotals: UsageTotals;
  #transcriptions = 0;
  #turns = 0;
  /** Created with the first latency, because most sessions of a busy server are idle. */
  #latencies: RecentLatencies | undefined;
  #open = true;

  constructor(options: AccountOptions) {
    const ledger = new TurnLedger(({ status }, times, entry) => {
      this.responseEnded(status, times, entry?.partsMs);
      const audibleMs = entry?.atMs.audible;
      if (audibleMs === undefined) return;
      this.#latencies ??= new RecentLatencies();
      this.#latencies.add(audibleMs);
    });
    this.observer = {
      observe: (observation) => {
        ledger.observe(observation);
        if (observation.type === 'turn_decided') this.#turns += 1;
        if (observation.type === 'ahead_dropped') options.metrics.aheadDropped(options.labels, observation);
      },
    };
    this.#options = options;
    this.#usageTotals = new UsageTotals(options);
    this.sessionId = options.sessionId;
  }

  async admitResponse(expected: ExpectedTokens): Promise<ResponseAdmission> {
    const { budget, metrics, labels } = this.#options;
    const admission = (await budget?.reserve(expected)) ?? {};
    if (admission.refusal) metrics.responseRefused(labels);
    return admission;
  }

  responseUsed(usage: Usage, reservation?: Reservation): void {
    this.#usageTotals.use(responseQuantities(usage));
    const tokens = clampAmount(usage.total_tokens);
    if (reservation) reservation.settle(tokens);
    else this.#options.budget?.use(tokens);
  }

  responseEnded(status: ResponseStatus, times: TurnTimes, parts?: LedgerParts): void {
    this.#responses[status] = (this.#responses[status] ?? 0) + 1;
    this.#options.metrics.responseEnded(this.#options.labels, status, times, parts);
  }

  transcriptionUsed(usage: TranscriptionUsage): void {
    this.#transcriptions += 1;
    this.#options.metrics.transcriptionDone(this.#options.labels);
    this.#usageTotals.use(transcriptionQuantities(usage));
    if (usage.type === 'tokens') this.#options.budget?.use(clampAmount(usage.total_tokens));
  }

  rateLimits(): readonly RateLimit[] {
    const { budget } = this.#options;
    return budget ? [budget.rateLimit] : [];
  }

  totals(): SessionTotals {
    return { responses: { ...this.#responses }, transcriptions: this.#transcriptions, ...this.#usageTotals.total() };
  }

  activity(): SessionActivity {
    const { count: responses = 0, medianMs = 0 } = this.#latencies ?? {};
    return { turns: this.#turns, ...(responses > 0 && { latency: { responses, medianMs } }) };
  }

  /** Call when the session has ended. Idempotent. */
  close(): SessionTotals {
    if (this.#open) this.#options.closed(this);
    this.#open = false;
    return this.totals();
  }
}
