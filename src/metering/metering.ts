import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import { sessionKinds } from '../protocol/wire/session-kinds.ts';
import type { AudioRequestKind } from '../session/ports/engines.ts';
import type { Store } from '../store/store.ts';
import { Account, type SessionTotals } from './account.ts';
import { AudioAccount } from './audio-account.ts';
import { type Admission, KeyLimiter } from './key-limits.ts';
import { LabelSets } from './label-sets.ts';
import { Metrics, type RefusalReason } from './metrics.ts';
import type { Owner } from './owner.ts';
import { Prices, type PriceTable } from './prices.ts';
import { processMetrics } from './process-metrics.ts';
import type { SessionLease } from './session-leases.ts';

export type { Account, SessionActivity, SessionTotals } from './account.ts';
export type { AudioAccount } from './audio-account.ts';
export type { Admission } from './key-limits.ts';
export type { RefusalReason } from './metrics.ts';
export type { Owner } from './owner.ts';
export type { AudioRequestStatus } from './quantities.ts';
export type { SessionLease } from './session-leases.ts';

export interface MeteringOptions {
  store: Store;
  clock: Clock;
  /** The log that `countEntries` wraps, not its result: entries are counted here. */
  log: Pick<Log, 'error'>;
  prices: PriceTable | undefined;
  /** The model names that clients may use; absent means any. */
  models: readonly string[];
  /** Whether each open session has its own series. */
  sessionMetrics: boolean;
}

export interface AccountRequest {
  sessionId: string;
  type: SessionType;
  /** Empty for a transcription session, which is counted and priced as `transcription`. */
  model: string;
  owner: Owner;
  /** The result of `admitSession`; the account releases it when it is closed. */
  lease?: SessionLease;
}

/** Label of sessions without a model: their type. */
const typeLabels = Object.values(sessionKinds).flatMap(({ type, namesModel }) => (namesModel ? [] : [type]));
/** Maximum number of sessions with their own series. */
const mostSessionSeries = 1000;

/** Accounts of sessions, limits of keys, and metrics. One per server. */
export class Metering {
  readonly #options: MeteringOptions;
  readonly #limiter: KeyLimiter;
  readonly #metrics = new Metrics();
  readonly #labels: LabelSets;
  readonly #prices: Prices | undefined;
  readonly #accounts = new Set<Account>();

  constructor(options: MeteringOptions) {
    this.#options = options;
    const error: Log['error'] = (event, details) => {
      this.#metrics.logged('error', event);
      options.log.error(event, details);
    };
    this.#limiter = new KeyLimiter({ ...options, log: { error } });
    this.#labels = new LabelSets(options.models, typeLabels);
    this.#prices = options.prices && new Prices(options.prices);
    if (options.sessionMetrics) this.#watchSessions();
  }

  /** Whether the owner may open another session; never rejects. Refusals are counted by `sessionRefused`. */
  admitSession(owner: Owner): Promise<Admission> {
    return this.#limiter.admitSession(owner);
  }

  sessionRefused(reason: RefusalReason): void {
    this.#metrics.sessionRefused(reason);
  }

  /** Counts the audio packets of a call by their fate, such as `lost`. */
  callEnded(packets: Readonly<Record<string, number>>): void {
    this.#metrics.callEnded(packets);
  }

  /** Opens the account of a new session. Close it when the session has ended. */
  openAccount({ sessionId, type, model, owner, lease }: AccountRequest): Account {
    const { clock } = this.#options;
    const name = sessionKinds[type].namesModel ? model : type;
    const counted = this.#labelled(owner, name);
    const { labels } = counted;
    const openedAt = clock.now();
    const account = new Account({
      sessionId,
      ...counted,
      closed: (closed) => {
        lease?.release();
        this.#accounts.delete(closed);
        this.#metrics.sessionClosed(labels, type, (clock.now() - openedAt) / 1000);
      },
    });
    this.#accounts.add(account);
    this.#metrics.sessionOpened(labels, type);
    return account;
  }

  /** Opens the account of a request to `/v1/audio`; `model` is the client's name for it. */
  openAudioAccount({ kind, model, owner }: { kind: AudioRequestKind; model: string; owner: Owner }): AudioAccount {
    return new AudioAccount({ kind, ...this.#labelled(owner, model) });
  }

  /** Wraps a log so that the metrics count every entry, including those below its level. */
  countEntries(log: Log): Log {
    const count =
      (level: keyof Log): Log[keyof Log] =>
      (event, details) => {
        this.#metrics.logged(level, event);
        log[level](event, details);
      };
    return { debug: count('debug'), info: count('info'), warn: count('warn'), error: count('error') };
  }

  /** Adds a gauge that is read on each request for metrics. */
  watch(name: string, help: string, value: () => number): void {
    this.#metrics.watch(name, help, value);
  }

  /** Adds a counter that is read on each request for metrics. */
  watchTotal(name: string, help: string, total: () => number): void {
    this.#metrics.watchTotal(name, help, total);
  }

  /** The response to `GET /metrics`, in the Prometheus text format. */
  async metricsText(): Promise<{ contentType: string; body: string }> {
    const body = `${await this.#metrics.text()}${await processMetrics()}`;
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body };
  }

  close(): void {
    this.#limiter.close();
  }

  #labelled(owner: Owner, model: string) {
    const modelPrices = this.#prices?.of(model);
    return {
      labels: this.#labels.labelsFor({ ...owner, model }),
      metrics: this.#metrics,
      budget: this.#limiter.budget(owner),
      prices: this.#prices && modelPrices && { currency: this.#prices.currency, model: modelPrices },
    };
  }

  #watchSessions(): void {
    const each = (name: string, help: string, value: (totals: SessionTotals) => number | undefined) =>
      this.#metrics.watchSessions(name, help, (set) => {
        for (const account of [...this.#accounts].slice(0, mostSessionSeries)) {
          const amount = value(account.totals());
          if (amount !== undefined) set(account.sessionId, amount);
        }
      });
    each('parley_session_responses', 'Responses of a live session.', ({ responses }) => sum(Object.values(responses)));
    each('parley_session_tokens', 'Tokens of a live session.', ({ used }) => {
      const { 'transcription-ms': _audio, ...tokens } = used;
      return sum(Object.values(tokens));
    });
    each('parley_session_cost', 'What a live session has used, in money.', ({ cost }) => cost);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
