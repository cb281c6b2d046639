import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpBindings } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono, type MiddlewareHandler } from 'hono';
import type { Callers } from '../access/callers.ts';
import type { AccessPolicy } from '../access/policy.ts';
import { hostProblem } from '../access/request-host.ts';
import type { Log } from '../core/log.ts';
import type { Metering } from '../metering/metering.ts';
import { apiErrorOf } from '../protocol/errors/api-error.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { WireError } from '../protocol/errors/wire-errors.ts';
import type { SessionRegistry } from '../transport/session-registry.ts';
import { type AudioApiOptions, createAudioApi } from './audio/audio-api.ts';
import { type ApiEnv, authenticate, operatorsOnly } from './authentication.ts';
import { type CallRoutesOptions, callRoutes, callsPath } from './calls.ts';
import { type MintOptions, mintSecret } from './client-secrets.ts';
import { cors } from './cors.ts';
import { betaMinting, betaTranscriptionMinting, gaMinting } from './mint-requests.ts';
import type { Readiness } from './readiness.ts';
import { HttpRefusal, LastRefusal } from './refusal.ts';
import { type SessionRoutesOptions, sessionRoutes } from './sessions.ts';

type Env = { Bindings: HttpBindings };

export interface AppOptions {
  access: AccessPolicy;
  callers: Callers;
  minting: MintOptions;
  calls: Omit<CallRoutesOptions, 'callers' | 'sessions' | 'session' | 'log'>;
  audio: Omit<AudioApiOptions, 'callers' | 'metering' | 'log'>;
  sessions: SessionRegistry;
  sessionList: Omit<SessionRoutesOptions, 'sessions'>;
  metering: Pick<Metering, 'metricsText' | 'openAudioAccount'>;
  readiness: Readiness;
  /** Directory of the console. */
  consoleFolder: string;
  log: Log;
}

/** The console loads nothing from other origins and must not be framed. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The frame that runs functions of the page's user: without an origin and without connections. */
const sandboxPath = '/console/tools/sandbox.html';

function sandboxPolicy(consoleFolder: string): string {
  const html = readFileSync(join(consoleFolder, 'tools/sandbox.html'), 'utf8');
  const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(script).digest('base64');
  return [
    'sandbox allow-scripts',
    "default-src 'none'",
    `script-src 'sha256-${hash}' blob:`,
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ].join('; ');
}

/** Plain HTTP: the API, the console, health and metrics. */
export function createApp(options: AppOptions): Hono<Env> {
  const { access, callers, metering, readiness, consoleFolder, log } = options;
  const app = new Hono<Env>();
  const methodsOf = (path: string) => routedMethods(app, path);

  app.use(async (context, next) => {
    context.header('X-Content-Type-Options', 'nosniff');
    const problem = hostProblem(context.env.incoming);
    if (problem !== undefined) return context.json(apiErrorOf(httpErrors.badRequest(problem)), 400);
    const refusal = access.refusal(context.env.incoming.headers);
    if (refusal !== undefined) return context.json(apiErrorOf(httpErrors.forbidden(refusal)), 403);
    await next();
  });
  app.use('/v1/*', cors(methodsOf));
  app.use('/openai/*', cors(methodsOf));
  app.use('/v1/audio/*', refuseWhileDraining(options.sessions));
  app.route('/', createAudioApi({ ...options.audio, callers, metering, log }));

  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) => {
    const report = readiness.report();
    return context.json(report, report.ready ? 200 : 503);
  });
  app.get('/v1/realtime', (context) => {
    context.header('Upgrade', 'websocket');
    return context.json(apiErrorOf(httpErrors.speaksWebSocket()), 426);
  });
  app.route('/', createApi(options));
  const functionsPolicy = sandboxPolicy(consoleFolder);
  const page: MiddlewareHandler<Env> = async (context, next) => {
    const isSandbox = context.req.path === sandboxPath;
    context.header('Content-Security-Policy', isSandbox ? functionsPolicy : contentSecurityPolicy);
    context.header('Cache-Control', 'no-cache');
    context.header('Referrer-Policy', 'no-referrer');
    await next();
  };
  app.get('/', page, serveStatic<Env>({ root: consoleFolder, path: 'index.html' }));
  app.get(
    '/console/*',
    page,
    serveStatic<Env>({ root: consoleFolder, rewriteRequestPath: (path) => path.slice('/console'.length) }),
  );

  app.all('*', (context) => {
    const { method, path } = context.req;
    const methods = methodsOf(path);
    if (methods.length === 0 || methods.includes(method)) {
      return context.json(apiErrorOf(httpErrors.unknownUrl(method, path)), 404);
    }
    context.header('Allow', methods.join(', '));
    const usual = methods.filter((each) => each !== 'HEAD');
    return context.json(apiErrorOf(httpErrors.wrongMethod(method, path, usual)), 405);
  });

  app.onError((error, context) => {
    if (error instanceof HttpRefusal) {
      if (error.retryAfterSeconds !== undefined) context.header('Retry-After', String(error.retryAfterSeconds));
      if (error instanceof LastRefusal) context.header('Connection', 'close');
      return context.json(apiErrorOf(error.error), error.status);
    }
    if (error instanceof WireError) return context.json(apiErrorOf(error), 400);
    log.error('http_failed', { method: context.req.method, path: context.req.path, error });
    return context.json(apiErrorOf(httpErrors.internal()), 500);
  });
  return app;
}

const shutdownRetryMs = 5000;

/** Audio requests take as long as responses: none starts while the server drains. */
function refuseWhileDraining(sessions: SessionRegistry): MiddlewareHandler {
  return async (_context, next) => {
    if (!sessions.draining) return next();
    const why = 'The server is shutting down and accepts no more requests. Try again.';
    throw new HttpRefusal(503, httpErrors.overloaded(why), shutdownRetryMs);
  };
}

/** Routes that require an API key if the server has any. */
function createApi({ callers, minting, calls, sessions, sessionList, metering, log }: AppOptions): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  const key = authenticate(callers);
  api.post('/v1/realtime/client_secrets', key, mintSecret(minting, gaMinting));
  api.post('/v1/realtime/sessions', key, mintSecret(minting, betaMinting));
  api.post('/v1/realtime/transcription_sessions', key, mintSecret(minting, betaTranscriptionMinting));
  // Azure's URLs for client secrets, GA and beta.
  api.post('/openai/v1/realtime/client_secrets', key, mintSecret(minting, gaMinting));
  api.post('/openai/realtimeapi/sessions', key, mintSecret(minting, betaMinting));

  addCalls(api, { ...calls, callers, sessions, session: minting, log });

  const { list, retrieve, view, end } = sessionRoutes({ ...sessionList, sessions });
  api.get('/v1/parley/sessions', key, list);
  api.get('/v1/parley/sessions/:id', key, retrieve);
  api.get('/v1/parley/sessions/:id/events', key, operatorsOnly, view);
  api.delete('/v1/parley/sessions/:id', key, end);

  api.get('/metrics', key, operatorsOnly, async (context) => {
    const { contentType, body } = await metering.metricsText();
    return context.body(body, 200, { 'Content-Type': contentType });
  });
  return api;
}

/** Adds the routes of calls. Routes that open a call authenticate by themselves, because they also accept client secrets. */
function addCalls(api: Hono<ApiEnv>, options: CallRoutesOptions): void {
  const key = authenticate(options.callers);
  const { create, createBeta, hangUp, controlTelephone } = callRoutes(options);
  api.post('/v1/realtime', createBeta);
  // The second is Azure's.
  for (const path of [callsPath, '/openai/v1/realtime/calls']) {
    api.post(path, create);
    api.post(`${path}/:id/hangup`, key, hangUp);
    for (const verb of ['accept', 'reject', 'refer']) api.post(`${path}/:id/${verb}`, key, controlTelephone);
  }
}

/** The methods of all routes for a path; GET implies HEAD. */
function routedMethods(app: Hono<Env>, path: string): string[] {
  const methods = app.routes.filter((route) => route.method !== 'ALL' && matches(route.path, path));
  return [...new Set(methods.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
}

/** Whether a path matches a route: `:name` stands for a segment, a final `*` for anything. */
function matches(route: string, path: string): boolean {
  const wanted = route.split('/');
  const given = path.split('/');
  const open = wanted.at(-1) === '*';
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, at) => segment === '*' || segment.startsWith(':') || segment === given[at]);
}
