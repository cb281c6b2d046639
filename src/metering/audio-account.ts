import type { TranscriptionUsage } from '../protocol/wire/server-events.ts';
import { assistantAudioTokens, userAudioTokens } from '../session/context/token-cost.ts';
import type { AudioRequestKind } from '../session/ports/engines.ts';
import type { QuotaRefusal } from '../session/ports/meter.ts';
import { type AudioRequestStatus, clampAmount, transcriptionQuantities, wholeAmount } from './quantities.ts';
import type { TokenBudget } from './token-budget.ts';
import { UsageTotals, type UsageTotalsOptions, type UsedTotals } from './usage-totals.ts';

export interface AudioAccountOptions extends UsageTotalsOptions {
  kind: AudioRequestKind;
  budget: TokenBudget | undefined;
}

/** The account of one request to `/v1/audio`. */
export class AudioAccount {
  readonly #options: AudioAccountOptions;
  readonly #usageTotals: UsageTotals;
  #spokenMs = 0;

  constructor(options: AudioAccountOptions) {
    this.#options = options;
    this.#usageTotals = new UsageTotals(options);
  }

  /** Why the request is refused; undefined if it is not. Never rejects. */
  async refusal(): Promise<QuotaRefusal | undefined> {
    const refusal = await this.#options.budget?.refusal();
    if (refusal) this.#count('refused');
    return refusal;
  }

  /** Tokens charged to the key for audio that is counted by duration, at the rate of a session. */
  transcriptionUsed(usage: TranscriptionUsage): void {
    const { budget, metrics, labels } = this.#options;
    metrics.transcriptionDone(labels);
    this.#usageTotals.use(transcriptionQuantities(usage));
    const tokens = usage.type === 'tokens' ? usage.total_tokens : userAudioTokens(usage.seconds * 1000);
    budget?.use(clampAmount(tokens));
  }

  /** Adds generated audio. */
  spoken(durationMs: number): void {
    const before = wholeAmount(assistantAudioTokens(this.#spokenMs));
    this.#spokenMs += durationMs;
    this.#usageTotals.use({ 'speech-output': wholeAmount(assistantAudioTokens(this.#spokenMs)) - before });
    this.#options.budget?.use(clampAmount(assistantAudioTokens(durationMs)));
  }

  /** Call when the request has ended. */
  end(status: AudioRequestStatus): UsedTotals {
    this.#count(status);
    return this.#usageTotals.total();
  }

  #count(status: AudioRequestStatus): void {
    const { metrics, labels, kind } = this.#options;
    metrics.audioRequest(labels, kind, status);
  }
}
