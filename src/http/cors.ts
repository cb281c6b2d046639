import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';

/** Headers of the SDKs, beside those with the same prefix. */
const allowedHeaders: ReadonlySet<string> = new Set([
  'api-key',
  'authorization',
  'content-type',
  'openai-beta',
  'openai-organization',
  'openai-project',
  'openai-safety-identifier',
  'x-openai-agents-sdk',
]);
const allowedPrefix = 'x-stainless-';
/** Maximum number of names in the header; no real client sends more. */
const maxNames = 64;
const preflightSeconds = 600;

/**
 * Implements the CORS protocol of the Fetch standard. `AccessPolicy` has already decided which origins are allowed.
 * Cookies are not used.
 */
export function cors(methodsOf: (path: string) => string[]): MiddlewareHandler<{ Bindings: HttpBindings }> {
  return async (context, next) => {
    context.header('Vary', 'Origin');
    const origin = context.req.header('origin');
    if (origin !== undefined) {
      context.header('Access-Control-Allow-Origin', origin);
      context.header('Access-Control-Expose-Headers', 'Location, Retry-After');
    }
    const methods = methodsOf(context.req.path);
    if (context.req.method !== 'OPTIONS' || methods.length === 0) return next();
    context.header('Allow', methods.join(', '));
    if (origin !== undefined && context.req.header('access-control-request-method') !== undefined) {
      context.header('Access-Control-Allow-Methods', methods.join(', '));
      context.header(
        'Access-Control-Allow-Headers',
        permittedHeaders(context.req.header('access-control-request-headers')),
      );
      context.header('Access-Control-Max-Age', String(preflightSeconds));
    }
    return context.body(null, 204);
  };
}

/** The headers that are always allowed, and those requested that may be. */
function permittedHeaders(requested = ''): string {
  const names = requested.split(',', maxNames).map((name) => name.trim().toLowerCase());
  const extra = names.filter((name) => name.startsWith(allowedPrefix) && /^[a-z0-9-]{1,64}$/.test(name));
  return [...allowedHeaders, ...extra].join(', ');
}
