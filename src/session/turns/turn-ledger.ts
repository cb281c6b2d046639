import type { Clock } from '../../core/clock.ts';
import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { TurnTimes } from '../ports/meter.ts';
import type { Response } from '../response/response.ts';
import { detectorSettings } from './turn-detector.ts';

/** Notes when the stages of the current turn were reached, so that a response's log entry can say what it waited for. */
export class TurnLedger {
  readonly #clock: Clock;
  #silenceMs: number | undefined;
  #decidedAt: number | undefined;
  /** Whether it is known what the turn says, or need not be. */
  #understood = false;
  #transcribedAt: number | undefined;
  /** The turn that each running response answers. */
  readonly #answers = new WeakMap<Response, Pick<TurnTimes, 'silenceMs' | 'transcriptMs'> & { decidedAt?: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  turnDecided(detection: TurnDetection | null): void {
    this.#silenceMs = detection ? detectorSettings(detection).silenceDurationMs : undefined;
    this.#decidedAt = this.#clock.now();
    this.#understood = false;
    this.#transcribedAt = undefined;
  }

  /** `transcribed`: the turn waited for its transcript; otherwise the model hears it as it was. */
  transcriptKnown({ transcribed }: { transcribed: boolean }): void {
    this.#understood = true;
    if (transcribed) this.#transcribedAt = this.#clock.now();
  }

  /** The response answers the turn that was decided last, unless another one has. */
  responseCreated(response: Response): void {
    const decidedAt = this.#decidedAt;
    if (decidedAt === undefined || !this.#understood) return;
    this.#answers.set(response, {
      decidedAt,
      ...(this.#transcribedAt !== undefined && { transcriptMs: this.#transcribedAt - decidedAt }),
      ...(this.#silenceMs !== undefined && { silenceMs: this.#silenceMs }),
    });
    this.#decidedAt = undefined;
  }

  close(response: Response): TurnTimes {
    const { decidedAt, ...turn } = this.#answers.get(response) ?? {};
    const { createdAt, firstAudioSentAt } = response.times;
    const { startedAt, firstTokenAt, firstAudioAt } = response.generation?.times ?? {};
    return roundTimes({
      ...turn,
      ...(startedAt !== undefined && firstTokenAt !== undefined && { firstTokenMs: firstTokenAt - startedAt }),
      ...(firstTokenAt !== undefined && firstAudioAt !== undefined && { firstAudioMs: firstAudioAt - firstTokenAt }),
      ...(firstAudioSentAt !== undefined && { answeredMs: firstAudioSentAt - (decidedAt ?? createdAt) }),
    });
  }
}

/** To tenths of a millisecond: more is noise. */
function roundTimes(times: TurnTimes): TurnTimes {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
