/** What the error statuses of a server of models mean, in words. */

import { field, textField } from './json.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);

/** `body`: the parsed JSON of the answer, or its text. */
export function statusFailure(
  { status, headers }: Response,
  body: unknown,
  { hasKey, keyHint }: { hasKey: boolean; keyHint: string | undefined },
): RequestFailure {
  const said = serverWords(field(body, 'error') ?? body);
  const what = said === '' ? `HTTP ${status}` : `HTTP ${status}: ${said}`;
  const retryAfterMs = retryAfter(headers);
  const words = () => {
    if (status === 401 || status === 403) {
      const set = keyHint === undefined ? '' : `. Set ${keyHint}`;
      return `it ${hasKey ? 'refused the key' : 'wants a key'} (${what})${set}`;
    }
    if (status === 404) {
      return `it knows no such model or no such path (${what}). Check the name of the model, and that the URL is that of the API, which often ends in /v1`;
    }
    if (status === 405 || (status >= 300 && status < 400)) {
      const to = headers.get('location');
      const where = to === null ? '' : `, to ${excerpt(withoutQuery(to))}`;
      return `the address does not take such requests (${what}${where}). Correct the URL`;
    }
    if (status === 429)
      return `it refuses for now: too many requests, or a quota is used up (${what}${retryAdvice(retryAfterMs)})`;
    if (status >= 500) return `it failed (${what}${retryAdvice(retryAfterMs)})`;
    return `it refused the request (${what})`;
  };
  return new RequestFailure(words(), {
    status,
    again: passingStatuses.has(status) ? 'later' : 'no',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** A failure that is told in the middle of a stream, or in the body of an answer that claims success. */
export function toldFailure(error: unknown): RequestFailure {
  const code = field(error, 'code') ?? field(error, 'status');
  const status = Number(code);
  const again = passingStatuses.has(status) ? 'later' : 'no';
  const said = serverWords(error);
  return new RequestFailure(`it broke off with an error${said === '' ? '' : `: ${said}`}`, {
    again,
    ...(Number.isInteger(status) && status > 0 && { status }),
  });
}

/** The message in an error's body, whatever its shape: `{message}`, `{detail}` (FastAPI), `{error}`, or text. */
function serverWords(body: unknown): string {
  if (typeof body === 'string') return excerpt(body);
  const told = textField(body, 'message') ?? textField(body, 'error') ?? textField(body, 'detail');
  if (told !== undefined) return excerpt(told);
  const nested = field(body, 'error') ?? field(body, 'detail');
  if (nested === undefined || nested === null) return '';
  return excerpt(textField(nested, 'message') ?? JSON.stringify(nested));
}

/** RFC 9110 §10.2.3, and the milliseconds that OpenAI adds; undefined where neither is there or can be read. */
function retryAfter(headers: Headers): number | undefined {
  const exact = headers.get('retry-after-ms');
  if (exact && Number.isFinite(Number(exact))) return Math.max(0, Number(exact));
  const given = headers.get('retry-after');
  if (given === null || given === '') return undefined;
  const seconds = Number(given);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(given) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function retryAdvice(ms: number | undefined): string {
  return ms === undefined ? '' : `; it asks to come back in ${Math.ceil(ms / 1000)} s`;
}

function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}
