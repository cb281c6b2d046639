/** `/v1/realtime/calls`: offers of WebRTC clients, and control of calls in progress. */

import type { Context } from 'hono';
import type { Callers } from '../access/callers.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../core/log.ts';
import type { Metering, RefusalReason } from '../metering/metering.ts';
import { callErrors } from '../protocol/errors/call-errors.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import type { SessionUpdate } from '../protocol/wire/session-config.ts';
import { defaultModel, type Granted, type SessionAuthorizer } from '../transport/session-authorizer.ts';
import { acceptedExtensions, sender } from '../transport/session-entries.ts';
import type { OpenRequest, RegisteredSession, SessionRegistry } from '../transport/session-registry.ts';
import type { Calls } from '../transport/webrtc/calls.ts';
import { type Handshake, readHandshake } from '../transport/websocket/handshake.ts';
import type { ApiEnv } from './authentication.ts';
import type { BodyLimits } from './body.ts';
import { readCallBody } from './call-offer.ts';
import { initialConfig, type MintOptions } from './client-secrets.ts';
import { gaMinting } from './mint-requests.ts';
import { HttpRefusal, type RefusalStatus } from './refusal.ts';

export interface CallRoutesOptions {
  config: Pick<Config, 'models' | 'limits'>;
  calls: Pick<Calls, 'open'>;
  callers: Callers;
  authorizer: Pick<SessionAuthorizer, 'authorizeCaller'>;
  sessions: SessionRegistry;
  session: Pick<MintOptions, 'checks' | 'requireAvailable' | 'ids'>;
  metering: Pick<Metering, 'sessionRefused'>;
  body: BodyLimits;
  log: Log;
}

type Handler = (context: Context<ApiEnv>) => Promise<Response> | Response;

export interface CallRoutes {
  /** `POST /v1/realtime/calls` */
  create: Handler;
  /** `POST /v1/realtime`, the beta dialect's form. */
  createBeta: Handler;
  hangUp: Handler;
  /** `accept`, `reject` and `refer`: there are no telephone calls. */
  controlTelephone: Handler;
}

export const callsPath = '/v1/realtime/calls';
const hungUp = { code: 1000, reason: 'the call was hung up' };
/** Retry delay when the server is full: it is unknown when room becomes free. */
const fullRetryMs = 5000;

const statuses: Record<RefusalReason, RefusalStatus> = {
  full: 503,
  draining: 503,
  forbidden: 403,
  key_missing: 401,
  key_wrong: 401,
  secret: 401,
  invalid: 400,
  key_sessions: 429,
  key_sessions_per_minute: 429,
  limits_unavailable: 429,
  failed: 500,
};

/** A refusal with its reason for the metrics. */
class CallRefusal extends HttpRefusal {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, error: WireError, retryAfterMs?: number) {
    super(statuses[reason], error, retryAfterMs);
    this.reason = reason;
  }
}

export function callRoutes(options: CallRoutesOptions): CallRoutes {
  const { sessions } = options;
  const found = (context: Context<ApiEnv>): RegisteredSession => {
    const call = sessions.findCall(context.req.param('id') ?? '', context.get('caller'));
    if (call === undefined) throw new HttpRefusal(404, callErrors.unknownCall());
    return call;
  };
  return {
    create: (context) => createCall(context, undefined, options),
    createBeta: (context) => createCall(context, 'beta', options),
    hangUp(context) {
      found(context).session.close(hungUp);
      return context.body(null, 200);
    },
    controlTelephone(context) {
      throw new HttpRefusal(404, callErrors.notByTelephone(found(context).callId ?? ''));
    },
  };
}

async function createCall(
  context: Context<ApiEnv>,
  announced: 'beta' | undefined,
  options: CallRoutesOptions,
): Promise<Response> {
  const { calls, metering, log } = options;
  const { incoming, outgoing } = context.env;
  const gone = new AbortController();
  const leave = () => gone.abort();
  outgoing.once('close', leave);
  let granted: Granted | undefined;
  try {
    const { offer, ...accepted } = await acceptCall(context, announced, options);
    granted = accepted.granted;
    const client = sender(incoming);
    const extensions = acceptedExtensions(accepted.query, client, log);
    const request = { offer, ...accepted, extensions, sender: client, signal: gone.signal };
    const { callId, answer } = await calls.open(request);
    granted = undefined;
    return context.body(answer, 201, { 'Content-Type': 'application/sdp', Location: `${callsPath}/${callId}` });
  } catch (error) {
    granted?.withdraw().catch((failure: unknown) => log.error('access_check_failed', { error: failure }));
    const refusal = gone.signal.aborted
      ? new CallRefusal('invalid', httpErrors.badRequest('the client left before it was answered'))
      : refusalOf(error, options);
    metering.sessionRefused(refusal instanceof CallRefusal ? refusal.reason : 'invalid');
    log.info('call_refused', { status: refusal.status, message: refusal.message, ...sender(incoming) });
    throw refusal;
  } finally {
    outgoing.off('close', leave);
  }
}

/** Authorizes a request, and parses its body. */
async function acceptCall(
  { env: { incoming } }: Context<ApiEnv>,
  announced: 'beta' | undefined,
  { config, callers, authorizer, sessions, session: minting, body }: CallRoutesOptions,
): Promise<{ offer: string; open: OpenRequest; granted: Granted; query: URLSearchParams }> {
  const { unavailable, draining } = sessions;
  if (unavailable !== undefined) {
    throw new CallRefusal(draining ? 'draining' : 'full', httpErrors.overloaded(unavailable), fullRetryMs);
  }
  const request = readHandshake(incoming);
  if (request === undefined) throw httpErrors.badRequest('the target of the request is no URL');
  const caller = await callers.authenticate(request.credentials);
  if (caller instanceof WireError) throw new CallRefusal(caller.code === null ? 'key_missing' : 'key_wrong', caller);

  const { offer, session } = await readCallBody(incoming, { body, offerBytes: config.limits.offerBytes });
  if (session && caller.secret) throw callErrors.sessionOfSecret();
  const update = session && gaMinting.read({ session }, minting.checks.ga).update;
  const handshake = callHandshake({ ...request, announced: announced ?? request.announced }, update, config);
  if (update) initialConfig(minting, update, handshake.model ?? defaultModel(config));

  const verdict = await authorizer.authorizeCaller(handshake, caller);
  if (!verdict.granted) {
    const { reason, why, retryAfterMs } = verdict;
    throw new CallRefusal(reason, 'forbidden' in why ? httpErrors.forbidden(why.forbidden) : why, retryAfterMs);
  }
  // Only a handshake with a `callId` attaches.
  if (!('open' in verdict.access)) throw callErrors.unknownCall();
  const open = { ...verdict.access.open, ...(update && { grant: { initial: update } }) };
  return { offer, open, granted: verdict, query: request.query };
}

/** The handshake of a session as the request describes it; an offer alone may leave the model to the server. */
function callHandshake(
  request: Handshake,
  update: SessionUpdate | undefined,
  config: Pick<Config, 'models'>,
): Handshake {
  const intent = update?.type === 'transcription' ? update.type : request.intent;
  const named = (update?.type === 'realtime' ? update.model : undefined) ?? request.model;
  const model = named ?? (intent === undefined ? defaultModel(config) : undefined);
  return { ...request, callId: undefined, intent, model };
}

function refusalOf(error: unknown, { sessions, log }: Pick<CallRoutesOptions, 'sessions' | 'log'>): HttpRefusal {
  if (error instanceof HttpRefusal) return error;
  if (error instanceof WireError) {
    if (error.code !== 'overloaded') return new CallRefusal('invalid', error);
    return new CallRefusal(sessions.draining ? 'draining' : 'full', error, fullRetryMs);
  }
  log.error('session_not_opened', { error });
  return new CallRefusal('failed', wireErrors.sessionNotOpened());
}
