import type { HttpBindings } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono, type MiddlewareHandler } from 'hono';
import type { Log } from '../log.ts';
import type { AccessPolicy } from '../transport/access.ts';
import { apiError } from './api-error.ts';
import { limitBody } from './body-limit.ts';
import type { Readiness } from './readiness.ts';

type Env = { Bindings: HttpBindings };

export interface AppOptions {
  access: AccessPolicy;
  readiness: Readiness;
  /** Where the console's files are. */
  consoleFolder: string;
  bodyBytes: number;
  log: Log;
}

/** The console needs nothing from elsewhere, and nothing may frame it. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Plain HTTP: the console, and how the server is. */
export function createApp({ access, readiness, consoleFolder, bodyBytes, log }: AppOptions): Hono<Env> {
  const app = new Hono<Env>();

  app.use(async (context, next) => {
    context.header('X-Content-Type-Options', 'nosniff');
    const refusal = access.refusal(context.env.incoming.headers);
    if (refusal !== undefined) return context.json(apiError(refusal, 'forbidden'), 403);
    await next();
  });
  app.use(limitBody(bodyBytes));

  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) => {
    const report = readiness.report();
    return context.json(report, report.ready ? 200 : 503);
  });
  app.get('/v1/realtime', (context) => {
    context.header('Upgrade', 'websocket');
    return context.json(
      apiError('This address speaks WebSocket: connect with ws:// or wss://.', 'upgrade_required'),
      426,
    );
  });
  const page: MiddlewareHandler<Env> = async (context, next) => {
    context.header('Content-Security-Policy', contentSecurityPolicy);
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
    const known = app.routes.some((route) => route.method === 'GET' && route.path === path);
    if (!known) return context.json(apiError(`Invalid URL (${method} ${path})`, null), 404);
    context.header('Allow', 'GET, HEAD');
    return context.json(apiError(`Not allowed to ${method} on ${path} (HINT: use GET)`, 'method_not_supported'), 405);
  });

  app.onError((error, context) => {
    log.error('http_failed', { method: context.req.method, path: context.req.path, error });
    return context.json(
      apiError('The server had an error. Its log has the details.', 'internal_error', 'server_error'),
      500,
    );
  });
  return app;
}
