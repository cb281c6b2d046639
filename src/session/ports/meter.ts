import type { RateLimit, TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';

/** Why nothing more may be spent now. */
export interface QuotaRefusal {
  /** What limit was met, and when to come back. */
  message: string;
  retryAfterMs: number;
}

/** What a response may come to use, in tokens: its input by estimate, and the most that it may give out. */
export interface ExpectedTokens {
  input: number;
  output: number | 'inf';
}

/** What of a limit was set aside for one response. */
export interface Reservation {
  /** Takes it back, but for what was used after all; once or more, of which the first counts. */
  settle(usedTokens: number): void;
}

export interface ResponseAdmission {
  /** Why no response may be made now; absent when one may. */
  refusal?: QuotaRefusal | undefined;
  /** To be handed to `responseUsed`, or to be settled. Absent where nothing is limited. */
  reservation?: Reservation | undefined;
}

/** Keeps the account of one session, and the limits of the key that it was opened with. */
export interface Meter {
  /** Asked before a language model is. */
  admitResponse(expected: ExpectedTokens): Promise<ResponseAdmission>;
  responseUsed(usage: Usage, reservation?: Reservation): void;
  transcriptionUsed(usage: TranscriptionUsage): void;
  /** For `rate_limits.updated`: what is known now of the limits that this keeps. */
  rateLimits(): readonly RateLimit[];
}
