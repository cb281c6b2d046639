import type { RateLimit, ResponseStatus, TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';

/** Why nothing more may be spent now. */
export interface QuotaRefusal {
  /** What limit was met, and when to come back. */
  message: string;
  retryAfterMs: number;
}

/** Milliseconds that a spoken turn waited for, each from the one before; absent where it did not come to that. */
export interface TurnTimes {
  /** From the end of speech to the decision: policy, not work. */
  silenceMs?: number;
  /** From the decision to the transcript. */
  transcriptMs?: number;
  /** From the generation's start, which may come before the response's creation, to the model's first token. */
  firstTokenMs?: number;
  /** From the first token to the first audio that the voice made. */
  firstAudioMs?: number;
  /** From the decision (or, without a turn, the response's creation) to the first audio sent. */
  answeredMs?: number;
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
  /** How a response ended, and what it waited for. */
  responseEnded(status: ResponseStatus, times: TurnTimes): void;
  transcriptionUsed(usage: TranscriptionUsage): void;
  /** For `rate_limits.updated`: what is known now of the limits that this keeps. */
  rateLimits(): readonly RateLimit[];
}
