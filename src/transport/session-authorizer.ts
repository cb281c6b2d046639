import type { Caller, Callers } from '../access/callers.ts';
import type { Config } from '../config/config.ts';
import type { Metering, RefusalReason } from '../metering/metering.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import type { SessionGrant } from '../session/settings.ts';
import type { ClientSecret, ClientSecrets } from '../store/client-secrets.ts';
import type { OpenRequest, Viewer } from './session-registry.ts';
import type { Handshake } from './websocket/handshake.ts';

/** The requested session: a new one, or that of a call, if the client may see it. A sideband can only attach. */
export type SessionAccess = { open: OpenRequest } | { attach: { callId: string; viewer: Viewer } };

/** The result of a successful authorization. */
export interface Granted {
  granted: true;
  access: SessionAccess;
  dialect: 'ga' | 'beta';
  /** Identifies the client secret that was used, for the log. */
  secretId?: string;
  /**
   * Releases what was acquired for a session that is not opened after all.
   * @throws the errors of the store
   */
  withdraw(): Promise<void>;
}

/** Why a client is refused. */
export interface Refused {
  granted: false;
  reason: RefusalReason;
  /** The error to send over the socket in the client's dialect; or, for a page of a refused origin, an HTTP refusal. */
  why: WireError | { forbidden: string };
  dialect: 'ga' | 'beta';
  /** For a limit of the key. */
  retryAfterMs?: number;
}

export interface SessionAuthorizerOptions {
  config: Pick<Config, 'models'>;
  callers: Callers;
  secrets: ClientSecrets;
  metering: Pick<Metering, 'admitSession'>;
  /** A URL for the message to a client that named no model. */
  exampleUrl: () => string;
}

/** The model of clients that do not name one, if their secret allows it. */
export function defaultModel({ models }: Pick<Config, 'models'>): string {
  return models[0] ?? 'gpt-realtime';
}

/** Authorizes the handshake of a session. The key is checked first, so that a stranger learns nothing else. */
export class SessionAuthorizer {
  readonly #options: SessionAuthorizerOptions;

  constructor(options: SessionAuthorizerOptions) {
    this.#options = options;
  }

  /** @throws the errors of the store */
  async authorize(handshake: Handshake): Promise<Granted | Refused> {
    const caller = await this.#options.callers.authenticate(handshake.credentials);
    if (!(caller instanceof WireError)) return this.authorizeCaller(handshake, caller);
    const reason = caller.code === null ? 'key_missing' : 'key_wrong';
    return { granted: false, reason, why: caller, dialect: handshake.announced ?? 'ga' };
  }

  /** As `authorize`, for a client that is authenticated. @throws the errors of the store */
  async authorizeCaller(handshake: Handshake, caller: Caller): Promise<Granted | Refused> {
    const { secrets, metering } = this.#options;
    const { announced, callId } = handshake;
    const { owner, secret } = caller;
    const refuse = (reason: RefusalReason, why: Refused['why'], retryAfterMs?: number): Refused => {
      return { granted: false, reason, why, dialect: announced ?? 'ga', ...(retryAfterMs && { retryAfterMs }) };
    };
    if (callId !== undefined) {
      if (secret) return refuse('secret', accessErrors.secretOnlyOpens());
      const access = { attach: { callId, viewer: caller } };
      return { granted: true, access, dialect: announced ?? 'ga', withdraw: async () => {} };
    }
    const mismatch = secret && credentialProblem(secret, handshake);
    if (mismatch) return refuse('secret', mismatch);
    const wanted = this.#wanted(handshake, secret);
    if (wanted instanceof WireError) return refuse('invalid', wanted);

    const admission = await metering.admitSession(owner);
    if (!admission.admitted) {
      const { message, retryAfterMs } = admission.refusal;
      return refuse(admission.reason, accessErrors.keyLimit(message), retryAfterMs);
    }
    // Checked last, so that sessions that are not opened do not count.
    if (secret && !(await this.#used(secret, secrets, admission))) {
      return refuse('secret', accessErrors.secretSpent(secret.maxSessions ?? 0));
    }
    return {
      granted: true,
      access: { open: { ...wanted, owner, lease: admission.lease, grant: secret && grantOf(secret) } },
      dialect: announced ?? secret?.dialect ?? 'ga',
      secretId: secret?.id,
      withdraw: async () => {
        admission.lease.release();
        if (secret) await secrets.giveBack(secret.value, secret);
      },
    };
  }

  async #used(
    secret: ClientSecret & { value: string },
    secrets: ClientSecrets,
    { lease }: { lease: { release(): void } },
  ): Promise<boolean> {
    let used = false;
    try {
      used = await secrets.use(secret.value, secret);
    } finally {
      if (!used) lease.release();
    }
    return used;
  }

  #wanted(
    { intent, model: asked }: Handshake,
    secret: ClientSecret | undefined,
  ): { type: SessionType; model: string } | WireError {
    const { config, exampleUrl } = this.#options;
    if (intent !== undefined && intent !== 'transcription') return wireErrors.unknownIntent(intent);
    const intends = intent !== undefined;
    if (secret?.type === 'transcription') return { type: 'transcription', model: '' };
    if (intends && secret) return accessErrors.secretOfRealtime();
    if (intends) return asked === undefined ? { type: 'transcription', model: '' } : wireErrors.modelForTranscription();
    const model = secret?.model ?? asked ?? (secret && defaultModel(config));
    if (model === undefined) return wireErrors.missingModel(exampleUrl());
    if (config.models.length > 0 && !config.models.includes(model)) return wireErrors.unknownModel(model);
    return { type: 'realtime', model };
  }
}

/** Why a secret is invalid for this connection; undefined if it is valid. */
function credentialProblem(
  { dialect, allowedOrigins }: ClientSecret,
  { announced, origin }: Handshake,
): Refused['why'] | undefined {
  if (announced !== undefined && announced !== dialect) {
    return accessErrors.dialectMismatch(announced, dialect);
  }
  if (allowedOrigins === undefined || (origin !== undefined && allowedOrigins.includes(origin.toLowerCase()))) {
    return undefined;
  }
  if (origin === undefined) {
    return { forbidden: 'This client secret is for certain pages, and the client sent no Origin.' };
  }
  return { forbidden: "This client secret is for other pages: this one's origin is not among its allowed origins." };
}

function grantOf({ initial, locked, maxSeconds }: ClientSecret): SessionGrant {
  return { initial, locked, maxSeconds };
}
