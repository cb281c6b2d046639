import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import { apiErrorOf } from '../protocol/errors/api-error.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';

/** As far as the Fetch standard goes: it has no requests of these methods, or none with a body. */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE', 'CONNECT']);

/**
 * Refuses bodies of more than `maxBytes` with 413. A body that declares its length is left to whoever reads it; one that
 * comes in chunks is collected here. (Hono's own `bodyLimit` wraps the request in the global `Request`, which cannot take
 * those of `@hono/node-server` unless that replaces the globals of the whole process.)
 */
export function limitBody(maxBytes: number): MiddlewareHandler<{ Bindings: HttpBindings }> {
  return async (context, next) => {
    const tooLarge = () => context.json(apiErrorOf(httpErrors.bodyTooLarge(maxBytes)), 413);
    const { method, headers } = context.env.incoming;
    if (Number(headers['content-length'] ?? 0) > maxBytes) return tooLarge();
    if (headers['transfer-encoding'] !== undefined && !bodiless.has(method ?? '')) {
      const { url, raw } = context.req;
      const body = await collect(raw.body, maxBytes);
      if (body === 'too large') return tooLarge();
      if (body === 'broken off') return context.json(apiErrorOf(httpErrors.bodyBrokeOff()), 400);
      context.req.raw = new Request(url, { method: raw.method, headers: raw.headers, body });
    }
    await next();
  };
}

async function collect(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | 'too large' | 'broken off'> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) return 'too large';
      chunks.push(chunk);
    }
  } catch {
    return 'broken off';
  }
  return new Uint8Array(Buffer.concat(chunks));
}
