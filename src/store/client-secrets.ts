import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { SessionType, SessionUpdate } from '../protocol/wire/session-config.ts';
import type { QuotaRefusal } from '../session/ports/meter.ts';
import { SecretRoom, type SecretRoomLimits } from './secret-room.ts';
import type { Store } from './store.ts';

/** Terms of a client secret. */
export interface SecretTerms {
  /** Dialect of the request that created it and of its sessions. */
  dialect: 'ga' | 'beta';
  type: SessionType;
  /** Model of its sessions; if absent, the model that the client requests. */
  model?: string;
  /** Initial configuration of its sessions, as an update of the defaults. */
  initial?: SessionUpdate;
  /** GA paths of the locked fields. */
  locked?: string[];
  /** Maximum duration of a session. */
  maxSeconds?: number;
  /** Number of sessions that it may open. */
  maxSessions?: number;
  /** Origins that may use it; if absent, every origin that the server accepts. */
  allowedOrigins?: string[];
  /** Name of the key that created it; absent on a server without keys. */
  keyName?: string;
  project: string;
}

export interface ClientSecret extends SecretTerms {
  /** Identifies it in the log: eight digits of its hash, which do not reveal the secret. */
  id: string;
  /** Seconds since the epoch. */
  expiresAt: number;
  /** Lifetime. */
  lifeSeconds: number;
}

export interface MintedSecret {
  value: string;
  id: string;
  /** Seconds since the epoch. */
  expiresAt: number;
}

export interface ClientSecretsOptions {
  store: Store;
  clock: Clock;
  perMinute: number;
  room: SecretRoomLimits;
}

/** The stored record: the terms, and the half of the hash that is not in the store key. */
interface StoredSecret {
  terms: SecretTerms;
  expiresAt: number;
  lifeSeconds: number;
  check: string;
}

const minuteMs = 60_000;
const prefix = 'ek_';
const secretBytes = 32;
const valuePattern = /^ek_[\w-]{43}$/;
const namedDigits = 8;

/** Whether a text has the form of a client secret; if not, it may be an API key. */
export function isClientSecret(text: string): boolean {
  return valuePattern.test(text);
}

/**
 * Short-lived secrets that open sessions, for pages and apps that must not hold a key: 256 random bits each. Only the
 * hash is stored, until it expires. A secret may open many sessions, and its sessions may outlive it.
 */
export class ClientSecrets {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #room: SecretRoom;

  /** `perMinute`: secrets that one key may create per minute. `room`: capacity of the store, which keys share. */
  constructor({ store, clock, perMinute, room }: ClientSecretsOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#room = new SecretRoom({ store, room });
  }

  /**
   * Creates a secret that lives for some seconds, or returns the reason why not.
   * @throws {StoreFullError}
   */
  async mint(terms: SecretTerms, seconds: number): Promise<MintedSecret | QuotaRefusal> {
    const limit = this.#perMinute;
    const { admitted, expiresInMs } = await this.#store.count(`minted:${terms.keyName ?? ''}`, {
      amount: 1,
      limit,
      ttlMs: minuteMs,
    });
    if (!admitted) {
      const wait = Math.ceil(expiresInMs / 1000);
      const message = `one key may mint ${limit} client secrets in a minute. Try again in ${wait} s.`;
      return { message, retryAfterMs: expiresInMs };
    }
    const value = `${prefix}${randomBytes(secretBytes).toString('base64url')}`;
    const { id, key, check } = placeOf(value);
    const expiresAt = Math.floor(this.#clock.epochMs() / 1000) + seconds;
    const kept: StoredSecret = { terms, expiresAt, lifeSeconds: seconds, check: check.toString('base64url') };
    const text = JSON.stringify(kept);
    const held = await this.#room.take(terms.keyName, { characters: key.length + text.length, lifeMs: seconds * 1000 });
    if ('retryAfterMs' in held) return held;
    try {
      await this.#store.set(key, text, seconds * 1000);
    } catch (error) {
      await held.release();
      throw error;
    }
    return { value, id, expiresAt };
  }

  /** The terms of a secret; undefined if it is unknown or expired. */
  async find(value: string): Promise<ClientSecret | undefined> {
    if (!isClientSecret(value)) return undefined;
    const { id, key, check } = placeOf(value);
    const text = await this.#store.get(key);
    if (text === undefined) return undefined;
    // Only `mint` writes these keys.
    const kept = JSON.parse(text) as StoredSecret;
    const right = timingSafeEqual(check, Buffer.from(kept.check, 'base64url'));
    const { terms, expiresAt, lifeSeconds } = kept;
    return right ? { ...terms, id, expiresAt, lifeSeconds } : undefined;
  }

  /** Counts a session of the secret; false if it has opened its `maxSessions`. */
  async use(value: string, { maxSessions, lifeSeconds }: ClientSecret): Promise<boolean> {
    if (maxSessions === undefined) return true;
    // The counter must live at least as long as the secret. Lifetimes use the store's clock, because the wall clock can
    // be set.
    const ttlMs = lifeSeconds * 1000;
    const { admitted } = await this.#store.count(usesKey(value), { amount: 1, limit: maxSessions, ttlMs });
    return admitted;
  }

  /** Reverts `use` for a session that was not opened. */
  async giveBack(value: string, { maxSessions }: ClientSecret): Promise<void> {
    if (maxSessions !== undefined) await this.#store.count(usesKey(value), { amount: -1, ttlMs: minuteMs });
  }
}

function usesKey(value: string): string {
  return `${placeOf(value).key}:uses`;
}

/**
 * Half of the hash is the store key, and the other half is compared in constant time, so that the duration of a lookup
 * does not help to guess a secret.
 */
function placeOf(value: string): { id: string; key: string; check: Buffer } {
  const hash = createHash('sha256').update(value).digest();
  const half = hash.length / 2;
  const name = hash.subarray(0, half).toString('hex');
  return { id: name.slice(0, namedDigits), key: `secret:${name}`, check: hash.subarray(half) };
}
