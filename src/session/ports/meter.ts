import type { RateLimit, TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';

/** Why usage is refused. */
export interface QuotaRefusal {
  /** The exhausted limit, and when to retry. */
  message: string;
  retryAfterMs: number;
}

/** The maximum tokens of a response: its estimated input, and its maximum output. */
export interface ExpectedTokens {
  input: number;
  output: number | 'inf';
}

/** Tokens that are reserved for one response. */
export interface Reservation {
  /** Releases the reservation except for the tokens used. Only the first call counts. */
  settle(usedTokens: number): void;
}

export interface ResponseAdmission {
  /** Why the response is refused; absent if it is admitted. */
  refusal?: QuotaRefusal | undefined;
  /** Must be passed to `responseUsed`, or settled. Absent without a limit. */
  reservation?: Reservation | undefined;
}

/** Accounts for one session, and enforces the limits of its API key. */
export interface Meter {
  /** Called before the language model is called. */
  admitResponse(expected: ExpectedTokens): Promise<ResponseAdmission>;
  responseUsed(usage: Usage, reservation?: Reservation): void;
  transcriptionUsed(usage: TranscriptionUsage): void;
  /** For `rate_limits.updated`: the current state of the limits that this enforces. */
  rateLimits(): readonly RateLimit[];
}
