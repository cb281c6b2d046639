import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { SessionType, SessionUpdate } from '../protocol/wire/session-config.ts';
import type { QuotaRefusal } from '../session/ports/meter.ts';
import { SecretRoom, type SecretRoomLimits } from './secret-room.ts';
import type { Store } from './store.ts';

/** What a client secret is good for. */
export interface SecretTerms {
  /** The dialect that it was minted in, and that its sessions speak. */
  dialect: 'ga' | 'beta';
  type: SessionType;
  /** The model of its sessions; without it, the one that they ask for. */
  model?: string;
  /** The configuration that its sessions start with, as an update of the default one. */
  initial?: SessionUpdate;
  /** GA paths of what its sessions may not change. */
  locked?: string[];
  /** The longest life of a session. */
  maxSeconds?: number;
  /** How many sessions it opens in all. */
  maxSessions?: number;
  /** Pages that may use it; without it, every page that the server lets in. */
  allowedOrigins?: string[];
  /** The key that it was minted with; absent where the server has none. */
  keyName?: string;
  project: string;
}

export interface ClientSecret extends SecretTerms {
  /** Names it in the log: eight digits of its hash, which tell nothing of it. */
  id: string;
  /** Seconds since the epoch. */
  expiresAt: number;
  /** From its minting. */
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

/** What the store holds: the terms, and the half of the hash that is not in the key. */
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

/** Whether a text has the form of a secret that was minted here, which no API key need be compared with. */
export function isClientSecret(text: string): boolean {
  return valuePattern.test(text);
}

/**
 * Short-lived secrets that open sessions, for pages and apps that must not hold a key: 256 random bits each, of which
 * only the hash is kept, until it expires. A secret may open many sessions, and they outlive it.
 */
export class ClientSecrets {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #room: SecretRoom;

  /** `perMinute`: how many one key may mint. `room`: what the store holds, of which one key has a share. */
  constructor({ store, clock, perMinute, room }: ClientSecretsOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#room = new SecretRoom({ store, room });
  }

  /**
   * Makes a secret that lives for some seconds, or says why none is made now.
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

  /** What a secret is good for; undefined when there is none such, or it has expired. */
  async find(value: string): Promise<ClientSecret | undefined> {
    if (!isClientSecret(value)) return undefined;
    const { id, key, check } = placeOf(value);
    const text = await this.#store.get(key);
    if (text === undefined) return undefined;
    // Only `mint` writes under such keys.
    const kept = JSON.parse(text) as StoredSecret;
    const right = timingSafeEqual(check, Buffer.from(kept.check, 'base64url'));
    const { terms, expiresAt, lifeSeconds } = kept;
    return right ? { ...terms, id, expiresAt, lifeSeconds } : undefined;
  }

  /** Counts a session that it opens; false when it has opened all that it may. */
  async use(value: string, { maxSessions, lifeSeconds }: ClientSecret): Promise<boolean> {
    if (maxSessions === undefined) return true;
    // At least as long as the secret may still live, by the store's clock alone: the wall clock can be set while it lives.
    const ttlMs = lifeSeconds * 1000;
    const { admitted } = await this.#store.count(usesKey(value), { amount: 1, limit: maxSessions, ttlMs });
    return admitted;
  }

  /** Takes back a use: the session was not opened after all. */
  async giveBack(value: string, { maxSessions }: ClientSecret): Promise<void> {
    if (maxSessions !== undefined) await this.#store.count(usesKey(value), { amount: -1, ttlMs: minuteMs });
  }
}

function usesKey(value: string): string {
  return `${placeOf(value).key}:uses`;
}

/**
 * Where a secret is kept: half of its hash is the key, and the other half is compared in constant time, so that the time
 * which a lookup takes tells nothing that would help to guess.
 */
function placeOf(value: string): { id: string; key: string; check: Buffer } {
  const hash = createHash('sha256').update(value).digest();
  const half = hash.length / 2;
  const name = hash.subarray(0, half).toString('hex');
  return { id: name.slice(0, namedDigits), key: `secret:${name}`, check: hash.subarray(half) };
}
