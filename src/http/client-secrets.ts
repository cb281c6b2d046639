import type { Context } from 'hono';
import type { Config } from '../config/config.ts';
import type { Log } from '../core/log.ts';
import type { Dialect } from '../protocol/dialect.ts';
import { betaBodyField } from '../protocol/dialect-fields.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { Check } from '../protocol/parse/schema-check.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import {
  applyUpdate,
  defaultRealtimeConfig,
  type RealtimeConfig,
  refuseTurnDetection,
  type SessionUpdate,
} from '../protocol/wire/session-config.ts';
import type { ClientSecrets, SecretTerms } from '../store/client-secrets.ts';
import { StoreFullError } from '../store/store.ts';
import { defaultModel } from '../transport/session-authorizer.ts';
import type { ApiEnv } from './authentication.ts';
import type { BodyLimits } from './body.ts';
import { jsonBody } from './json-body.ts';
import type { MintDialect } from './mint-requests.ts';
import { HttpRefusal } from './refusal.ts';

export interface MintOptions {
  config: Pick<Config, 'models'>;
  secrets: ClientSecrets;
  checks: Readonly<Record<Dialect['name'], Check>>;
  /**
   * Refuses fields that sessions of a model do not have, as `session.update` would.
   * @throws {WireError} with a GA path
   */
  requireAvailable: (update: SessionUpdate, model: string) => void;
  body: BodyLimits;
  ids: IdSource;
  log: Log;
}

/** Retry delay when the store is full: it is unknown when room becomes free. */
const storeRetryMs = 30_000;

/**
 * The configuration with which a session starts, from a REST request.
 * @throws {WireError} with a GA path
 */
export function initialConfig(
  { requireAvailable, ids }: Pick<MintOptions, 'requireAvailable' | 'ids'>,
  update: SessionUpdate,
  model: string,
): RealtimeConfig {
  // The hosted service reports 0 for the expiry of a session that does not exist yet.
  const initial = applyUpdate(defaultRealtimeConfig({ id: ids('sess'), model, expiresAt: 0 }), update);
  refuseTurnDetection(update, initial);
  requireAvailable(update, model);
  return initial;
}

/** Creates client secrets, which open sessions from places that must not hold an API key. */
export function mintSecret(
  options: MintOptions,
  minting: MintDialect,
): (context: Context<ApiEnv>) => Promise<Response> {
  const { config, secrets, checks, body, log } = options;
  return async (context) => {
    const request = minting.read(await jsonBody(context.env.incoming, body), checks[minting.dialect]);
    const { update, seconds, bounds } = request;
    const { owner } = context.get('caller');
    const model = update.type === 'realtime' ? update.model : undefined;
    if (model !== undefined && config.models.length > 0 && !config.models.includes(model)) {
      throw wireErrors.unknownModel(model);
    }
    const initial = translateErrors(minting.dialect, () =>
      initialConfig(options, update, model ?? defaultModel(config)),
    );
    const terms: SecretTerms = {
      dialect: minting.dialect,
      type: update.type,
      model,
      initial: update,
      ...bounds,
      keyName: owner.keyName,
      project: owner.project,
    };
    const minted = await secrets.mint(terms, seconds).catch((error: unknown) => {
      const isFull = error instanceof StoreFullError;
      if (!isFull) log.error('store_failed', { error });
      const why = isFull ? httpErrors.overloaded(error.message) : accessErrors.secretsNotStored();
      throw new HttpRefusal(503, why, storeRetryMs);
    });
    if ('retryAfterMs' in minted) {
      throw new HttpRefusal(429, accessErrors.keyLimit(minted.message), minted.retryAfterMs);
    }
    const { value, expiresAt, id } = minted;
    const { keyName: key, project } = owner;
    log.info('client_secret_minted', { secret: id, key, project, dialect: terms.dialect, type: terms.type, seconds });
    return context.json(minting.answer(initial, { value, expires_at: expiresAt }, request));
  };
}

/** Renames the GA path of an error to the field in the body of a dialect's request. */
function translateErrors<T>(dialect: 'ga' | 'beta', act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw dialect === 'beta' && error instanceof WireError ? error.renamed(betaBodyField) : error;
  }
}
