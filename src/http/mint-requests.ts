/** Parses requests for client secrets, in each dialect, and builds the responses. */

import { z } from 'zod';
import { isOrigin } from '../config/origin.ts';
import { refuseBadModalities as refuseBadBetaModalities } from '../protocol/beta/client-events.ts';
import {
  sessionSchema as betaSessionSchema,
  transcriptionSessionSchema as betaTranscriptionSchema,
  toBetaSession,
  toBetaTranscriptionSession,
  toCoreTranscriptionUpdate,
  toCoreUpdate,
} from '../protocol/beta/session.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { refuseBadModalities } from '../protocol/ga.ts';
import { integer } from '../protocol/parse/integer.ts';
import type { Check, JsonObject } from '../protocol/parse/schema-check.ts';
import { refuseBadTools } from '../protocol/parse/tool-check.ts';
import { type RealtimeConfig, type SessionUpdate, sessionUpdateSchema } from '../protocol/wire/session-config.ts';
import { sessionKinds } from '../protocol/wire/session-kinds.ts';
import { isSessionPath } from '../protocol/wire/session-paths.ts';
import type { SecretTerms } from '../store/client-secrets.ts';

/** A parsed request. */
export interface MintRequest {
  update: SessionUpdate;
  /** Lifetime of the secret. */
  seconds: number;
  bounds: Pick<SecretTerms, 'allowedOrigins' | 'maxSessions' | 'maxSeconds' | 'locked'>;
}

/** Parser and response of one kind of request. */
export interface MintDialect {
  dialect: 'ga' | 'beta';
  /** @throws {WireError} for the first problem */
  read(body: JsonObject, check: Check): MintRequest;
  /** The response body, given the initial configuration of the sessions. */
  answer(config: RealtimeConfig, secret: { value: string; expires_at: number }, request: MintRequest): object;
}

/** Official: 10 s to 2 h from creation. */
const secretSeconds = integer(10, 7200);
const gaSeconds = 600;
const betaSeconds = 60;
const createdAt = z.literal('created_at');

const daySeconds = 86_400;
/** The extension `parley`: restrictions of a secret. */
const ownBounds = {
  parley: z
    .strictObject({
      allowed_origins: z
        .array(
          z.string().max(256).refine(isOrigin, 'expected an origin such as https://app.example.com, without a path'),
        )
        .min(1)
        .max(32)
        .optional(),
      max_sessions: integer(1, 1_000_000).optional(),
      max_session_seconds: integer(1, 7 * daySeconds).optional(),
      locked: z.array(z.string().max(128)).max(64).optional(),
    })
    .optional(),
};

const gaBody = z.strictObject({
  ...ownBounds,
  expires_after: z.strictObject({ anchor: createdAt.optional(), seconds: secretSeconds.optional() }).optional(),
  session: sessionUpdateSchema.optional(),
});

/** Fields of SDKs and documents: the expiry, and the secret of an earlier response, which is ignored. */
const betaSecret = z
  .strictObject({
    expires_after: z.strictObject({ anchor: createdAt, seconds: secretSeconds.optional() }).optional(),
    expires_at: z
      .union([z.int(), z.strictObject({ anchor: createdAt.optional(), seconds: secretSeconds.optional() })])
      .optional(),
    value: z.string().optional(),
  })
  .nullish();
const betaBody = betaSessionSchema.extend({ ...ownBounds, client_secret: betaSecret });
const betaTranscriptionBody = betaTranscriptionSchema.extend({ ...ownBounds, client_secret: betaSecret });

/** `POST /v1/realtime/client_secrets` */
export const gaMinting: MintDialect = {
  dialect: 'ga',
  read(body, check) {
    const { expires_after, session: update = { type: 'realtime' }, parley } = check(gaBody, body);
    if (update.type === 'realtime') {
      refuseBadModalities(update.output_modalities, 'session.output_modalities');
      refuseBadTools(update.tools, 'session.tools');
    }
    return { update, seconds: expires_after?.seconds ?? gaSeconds, bounds: boundsOf(parley, update) };
  },
  answer: (config, { value, expires_at }, { update }) => ({
    value,
    expires_at,
    session: sessionKinds[update.type].view(config),
  }),
};

/** `POST /v1/realtime/sessions` */
export const betaMinting: MintDialect = {
  dialect: 'beta',
  read(body, check) {
    const { client_secret, parley, ...session } = check(betaBody, body);
    refuseBadBetaModalities(session.modalities, 'modalities');
    refuseBadTools(session.tools, 'tools');
    const update = toCoreUpdate(session);
    return { update, seconds: betaLife(client_secret), bounds: boundsOf(parley, update) };
  },
  answer: (config, client_secret) => ({ ...toBetaSession(config), client_secret }),
};

/** `POST /v1/realtime/transcription_sessions` */
export const betaTranscriptionMinting: MintDialect = {
  dialect: 'beta',
  read(body, check) {
    const { client_secret, parley, ...session } = check(betaTranscriptionBody, body);
    refuseBadBetaModalities(session.modalities, 'modalities');
    const update = toCoreTranscriptionUpdate(session);
    return { update, seconds: betaLife(client_secret), bounds: boundsOf(parley, update) };
  },
  answer: (config, client_secret) => ({
    ...toBetaTranscriptionSession(sessionKinds.transcription.view(config)),
    client_secret,
  }),
};

function betaLife(secret: z.infer<typeof betaSecret>): number {
  const { expires_after: after, expires_at: at } = secret ?? {};
  return after?.seconds ?? (typeof at === 'object' ? at.seconds : undefined) ?? betaSeconds;
}

function boundsOf(given: z.infer<(typeof ownBounds)['parley']>, { type }: SessionUpdate): MintRequest['bounds'] {
  const { allowed_origins, max_sessions, max_session_seconds, locked } = given ?? {};
  for (const [index, path] of (locked ?? []).entries()) {
    if (isSessionPath(path, type)) continue;
    throw accessErrors.unknownLock(`parley.locked[${index}]`, path, type);
  }
  return {
    allowedOrigins: allowed_origins?.map((origin) => origin.toLowerCase()),
    maxSessions: max_sessions,
    maxSeconds: max_session_seconds,
    locked,
  };
}
