import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { QuotaRefusal } from '../session/ports/meter.ts';
import type { Store } from '../store/store.ts';
import type { Owner } from './owner.ts';
import { type SessionLease, SessionLeases } from './session-leases.ts';
import { seconds, TokenBudget } from './token-budget.ts';

export type KeyLimitName = 'key_sessions' | 'key_sessions_per_minute' | 'limits_unavailable';

export type Admission =
  | { admitted: true; lease: SessionLease }
  | { admitted: false; reason: KeyLimitName; refusal: QuotaRefusal };

const minuteMs = 60_000;
/** Retry delay while the key has its maximum of sessions: it is unknown when one ends. */
const sessionsRetryMs = 5000;
/** Retry delay while the store is unavailable. */
const storeRetryMs = 5000;

const unlimited: SessionLease = { release() {} };

/**
 * Enforces the limits of keys, with counters in the store that all nodes share. Keys without a limit are not counted.
 */
export class KeyLimiter {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'error'>;
  readonly #leases: SessionLeases;
  readonly #budgets = new Map<string, TokenBudget>();

  constructor({ store, clock, log }: { store: Store; clock: Clock; log: Pick<Log, 'error'> }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#leases = new SessionLeases({ store, clock, failed: (error) => this.#report(error) });
  }

  /** Whether another session may be opened; never rejects. While the store fails, keys with limits are refused. */
  async admitSession({ keyName, limits = {} }: Owner): Promise<Admission> {
    if (keyName === undefined) return { admitted: true, lease: unlimited };
    let lease = unlimited;
    try {
      if (limits.sessions !== undefined) {
        const acquired = await this.#leases.acquire(keyName, limits.sessions);
        if (acquired === undefined) return tooManySessions(keyName, limits.sessions);
        lease = acquired;
      }
      if (limits.sessionsPerMinute !== undefined) {
        const options = { amount: 1, limit: limits.sessionsPerMinute, ttlMs: minuteMs };
        const { admitted, expiresInMs } = await this.#store.count(`opened:${keyName}`, options);
        if (!admitted) {
          lease.release();
          return tooManyOpened(keyName, limits.sessionsPerMinute, expiresInMs);
        }
      }
      return { admitted: true, lease };
    } catch (error) {
      lease.release();
      return { admitted: false, reason: 'limits_unavailable', refusal: this.#unavailable(keyName, error) };
    }
  }

  /** The token budget of a key, if it has a limit. All its sessions on this node share it. */
  budget({ keyName, limits }: Owner): TokenBudget | undefined {
    const limit = limits?.tokensPerMinute;
    if (keyName === undefined || limit === undefined) return undefined;
    const known = this.#budgets.get(keyName);
    if (known !== undefined) return known;
    const budget = new TokenBudget({
      keyName,
      limit,
      store: this.#store,
      clock: this.#clock,
      unavailable: (error) => this.#unavailable(keyName, error),
    });
    this.#budgets.set(keyName, budget);
    return budget;
  }

  close(): void {
    this.#leases.close();
  }

  #unavailable(keyName: string, error: unknown): QuotaRefusal {
    this.#report(error);
    return {
      message: `The limits of the key '${keyName}' cannot be checked now. Try again in ${seconds(storeRetryMs)} s.`,
      retryAfterMs: storeRetryMs,
    };
  }

  #report(error: unknown): void {
    this.#log.error('limits_unavailable', { error });
  }
}

function tooManySessions(keyName: string, limit: number): Admission {
  const message = `The key '${keyName}' has as many sessions as it may have at once: ${limit}. End one, or try again in ${seconds(sessionsRetryMs)} s.`;
  return { admitted: false, reason: 'key_sessions', refusal: { message, retryAfterMs: sessionsRetryMs } };
}

function tooManyOpened(keyName: string, limit: number, expiresInMs: number): Admission {
  const message = `The key '${keyName}' has opened as many sessions in this minute as it may: ${limit}. Try again in ${seconds(expiresInMs)} s.`;
  return { admitted: false, reason: 'key_sessions_per_minute', refusal: { message, retryAfterMs: expiresInMs } };
}
