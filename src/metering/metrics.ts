import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { packageVersion } from '../core/version.ts';
import type { LedgerParts } from '../protocol/wire/ledger.ts';
import type { ResponseStatus } from '../protocol/wire/server-events.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import type { TurnTimes } from '../session/observing/turn-ledger.ts';
import { type AudioRequestKind, engineKinds, type RequestKind, requestKinds } from '../session/ports/engines.ts';
import type { ObservationOf } from '../session/ports/observer.ts';
import type { OwnerLabels } from './label-sets.ts';
import { type AudioRequestStatus, type Quantities, quantitiesIn } from './quantities.ts';

/** Reasons why a session was refused. */
export type RefusalReason =
  /** The server has its maximum of sessions. */
  | 'full'
  | 'draining'
  /** The Host or Origin is not allowed. */
  | 'forbidden'
  | 'key_missing'
  | 'key_wrong'
  /** The client secret is unknown, expired, spent, or of the other dialect. */
  | 'secret'
  /** The request is invalid, for example because the model does not exist. */
  | 'invalid'
  | 'key_sessions'
  | 'key_sessions_per_minute'
  | 'limits_unavailable'
  /** An internal error. */
  | 'failed';

type AheadDropped = ObservationOf<'ahead_dropped'>;

/** Latency of the stages of a turn. */
const stageWaits: Record<RequestKind, keyof TurnTimes> = {
  transcriber: 'transcriptMs',
  languageModel: 'firstTokenMs',
  voice: 'firstAudioMs',
};

const owner = ['key', 'project', 'model'] as const;
/** From imperceptible to unbearable. */
const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30];
const durationBuckets = [1, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 86_400];

/** Counters and histograms of the server. docs/metrics.md describes each series. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #open = this.#gauge('parley_sessions_open', 'Sessions that live now.', ['type', ...owner]);
  readonly #opened = this.#counter('parley_sessions_opened_total', 'Sessions that were opened.', ['type', ...owner]);
  readonly #refused = this.#counter('parley_sessions_refused_total', 'Sessions that were not opened, by why.', [
    'reason',
  ]);
  readonly #duration = this.#histogram(
    'parley_session_duration_seconds',
    'How long sessions lived.',
    ['type'],
    durationBuckets,
  );
  readonly #callPackets = this.#counter(
    'parley_call_packets_total',
    'Audio packets from the clients of calls that have ended, by their fate.',
    ['fate'],
  );
  readonly #responses = this.#counter('parley_responses_total', 'Responses, by how they ended.', ['status', ...owner]);
  readonly #responsesRefused = this.#counter(
    'parley_responses_refused_total',
    'Responses that were not made because the key had used its tokens of the minute.',
    owner,
  );
  readonly #tokens = this.#counter('parley_tokens_total', 'Tokens, each counted in one kind.', ['kind', ...owner]);
  readonly #transcriptions = this.#counter('parley_transcriptions_total', 'Transcriptions that were billed.', owner);
  readonly #transcriptionSeconds = this.#counter(
    'parley_transcription_seconds_total',
    'Audio whose transcription is billed by its length.',
    owner,
  );
  readonly #audioRequests = this.#counter(
    'parley_audio_requests_total',
    'Requests to /v1/audio, by what for and by how they ended.',
    ['kind', 'status', ...owner],
  );
  readonly #cost = this.#counter('parley_cost_total', 'What was used, in money, by the configured prices.', [
    'currency',
    ...owner,
  ]);
  readonly #stages = this.#histogram(
    'parley_stage_seconds',
    'How long a turn waited for a stage: from its end to the transcript, from there to the first token, from there to the first audio.',
    ['stage'],
    latencyBuckets,
  );
  readonly #parts = this.#histogram(
    'parley_answer_part_seconds',
    'What the first audible sample of an answer waited for, from the end of speech.',
    ['part'],
    latencyBuckets,
  );
  readonly #answers = this.#histogram(
    'parley_answer_seconds',
    'From the end of a turn, as decided, to the first audio of its answer.',
    [],
    latencyBuckets,
  );
  readonly #aheadDropped = this.#counter(
    'parley_ahead_dropped_total',
    'Transcripts and answers that were started in a pause of a turn and not used, and transcripts that judged a sound.',
    ['work', ...owner],
  );
  readonly #aheadTokens = this.#counter(
    'parley_ahead_dropped_tokens_total',
    'Estimated tokens of answers that were started in a pause of a turn and not used.',
    ['kind', ...owner],
  );
  readonly #aheadSeconds = this.#counter(
    'parley_ahead_dropped_seconds_total',
    'Audio of transcripts that were started in a pause of a turn and not used, or that judged a sound.',
    owner,
  );
  readonly #logged = this.#counter('parley_log_entries_total', 'Entries of the log, whether or not they are shown.', [
    'level',
    'event',
  ]);

  constructor() {
    this.#gauge('parley_info', 'Which version this is; always 1.', ['version']).set({ version: packageVersion() }, 1);
  }

  sessionOpened(labels: OwnerLabels, type: SessionType): void {
    this.#open.inc({ type, ...labels });
    this.#opened.inc({ type, ...labels });
  }

  sessionClosed(labels: OwnerLabels, type: SessionType, seconds: number): void {
    this.#open.dec({ type, ...labels });
    this.#duration.observe({ type }, seconds);
  }

  sessionRefused(reason: RefusalReason): void {
    this.#refused.inc({ reason });
  }

  callEnded(packets: Readonly<Record<string, number>>): void {
    for (const [fate, count] of Object.entries(packets)) this.#callPackets.inc({ fate }, count);
  }

  responseRefused(labels: OwnerLabels): void {
    this.#responsesRefused.inc({ ...labels });
  }

  responseEnded(labels: OwnerLabels, status: ResponseStatus, times: TurnTimes, parts?: LedgerParts): void {
    this.#responses.inc({ status, ...labels });
    for (const kind of requestKinds) {
      const ms = times[stageWaits[kind]];
      if (ms !== undefined) this.#stages.observe({ stage: engineKinds[kind].label }, ms / 1000);
    }
    for (const [part, ms] of Object.entries(parts ?? {})) this.#parts.observe({ part }, ms / 1000);
    if (times.answeredMs !== undefined) this.#answers.observe(times.answeredMs / 1000);
  }

  aheadDropped(labels: OwnerLabels, dropped: AheadDropped): void {
    this.#aheadDropped.inc({ work: dropped.work, ...labels });
    if (dropped.work === 'transcript') return this.#aheadSeconds.inc({ ...labels }, dropped.audioMs / 1000);
    this.#aheadTokens.inc({ kind: 'input', ...labels }, dropped.inputTokens);
    this.#aheadTokens.inc({ kind: 'output', ...labels }, dropped.outputTokens);
  }

  transcriptionDone(labels: OwnerLabels): void {
    this.#transcriptions.inc({ ...labels });
  }

  audioRequest(labels: OwnerLabels, kind: AudioRequestKind, status: AudioRequestStatus): void {
    this.#audioRequests.inc({ kind, status, ...labels });
  }

  recordUse(labels: OwnerLabels, quantities: Quantities): void {
    for (const [kind, amount] of quantitiesIn(quantities)) {
      if (kind === 'transcription-ms') this.#transcriptionSeconds.inc({ ...labels }, amount / 1000);
      else this.#tokens.inc({ kind, ...labels }, amount);
    }
  }

  cost(labels: OwnerLabels, amount: number, currency: string): void {
    this.#cost.inc({ currency, ...labels }, amount);
  }

  logged(level: string, event: string): void {
    this.#logged.inc({ level, event });
  }

  /** A gauge that is read on each request for metrics. */
  watch(name: string, help: string, value: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(value()),
    });
  }

  /** A counter that is read on each request for metrics. */
  watchTotal(name: string, help: string, total: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        counter.inc(total());
      },
    });
  }

  /** Series of open sessions, generated on each request for metrics. */
  watchSessions(name: string, help: string, write: (set: (session: string, value: number) => void) => void): void {
    const gauge: Gauge<'session'> = new Gauge({
      name,
      help,
      labelNames: ['session'],
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        write((session, value) => gauge.set({ session }, value));
      },
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    buckets: readonly number[],
  ): Histogram<T> {
    return new Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }
}
