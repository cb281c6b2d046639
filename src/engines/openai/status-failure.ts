/** Describes the error statuses of model servers. */

import { field, listField, textField } from './json.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);

/** Causes of HTTP 500 that a retry cannot fix, because they lie in the request or the machine. */
const lasting =
  /template|jinja|\broles?\b|alternat|system message|no user query|requires more system memory|unable to load model|model not found|does not support/i;

/** `body`: the text of the response, or the beginning of it. */
export function statusFailure(
  { status, headers }: Response,
  body: string,
  { hasKey, keyHint }: { hasKey: boolean; keyHint: string | undefined },
): RequestFailure {
  const detail = bodyWords(body);
  const said = excerpt(detail);
  const what = said === '' ? `HTTP ${status}` : `HTTP ${status}: ${said}`;
  const retryAfterMs = retryAfter(headers);
  const words = () => {
    if (status === 401 || status === 403) {
      const set = keyHint === undefined ? '' : `. Set ${keyHint}`;
      return `it ${hasKey ? 'refused the key' : 'requires a key'} (${what})${set}`;
    }
    if (status === 404) {
      return `it does not know the model or the path (${what}). Check the name of the model, and that the URL is that of the API, which often ends in /v1`;
    }
    if (status === 405 || (status >= 300 && status < 400)) {
      const to = headers.get('location');
      const where = to === null ? '' : `, to ${excerpt(withoutQuery(to))}`;
      return `the URL does not accept such requests (${what}${where}). Correct the URL`;
    }
    if (status === 429)
      return `it refuses temporarily: too many requests, or a quota is exhausted (${what}${retryAdvice(retryAfterMs)})`;
    if (status >= 500) return `it failed (${what}${retryAdvice(retryAfterMs)})`;
    return `it refused the request (${what})`;
  };
  return new RequestFailure(words(), {
    status,
    again: passingStatuses.has(status) && !(status === 500 && lasting.test(detail)) ? 'later' : 'no',
    retryAfterMs,
    ...(detail !== '' && { detail }),
  });
}

/** A failure reported within a stream, or in the body of a response with a success status. */
export function reportedFailure(error: unknown): RequestFailure {
  const code = field(error, 'code') ?? field(error, 'status');
  const status = Number(code);
  const again = passingStatuses.has(status) ? 'later' : 'no';
  const said = excerpt(wordsIn(error));
  return new RequestFailure(`it reported an error${said === '' ? '' : `: ${said}`}`, {
    again,
    ...(Number.isInteger(status) && status > 0 && { status }),
  });
}

/** Maximum characters of an error's text to search. */
const maxDetail = 4096;
/** Maximum nesting of the reason. */
const maxDepth = 6;

/** The text of an error's body: JSON of any shape, an HTML page, or plain text. */
function bodyWords(body: string): string {
  const text = body.trim();
  if (/^[[{"]/.test(text)) {
    try {
      return wordsIn(JSON.parse(text)).slice(0, maxDetail);
    } catch {
      // It only looks like JSON, or was truncated.
    }
  }
  return (text.startsWith('<') ? pageWords(text) : text).slice(0, maxDetail);
}

/** Keys of the reason, the most specific first. */
const reasonKeys = ['message', 'error', 'detail', 'details', 'errors', 'msg', 'error_description', 'reason', 'title'];

/** The reason in an error of any nesting: `{error: {message}}`, `[{error}]`, `{message: {detail: [{loc, msg}]}}` … */
function wordsIn(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'object' || value === null || depth > maxDepth) return '';
  if (Array.isArray(value)) {
    const entries = value.slice(0, 8).map((entry) => wordsIn(entry, depth + 1));
    return entries.filter((entry) => entry !== '').join('; ');
  }
  for (const key of reasonKeys) {
    const words = wordsIn(field(value, key), depth + 1);
    if (words !== '') return [...placeOf(value), words].join(': ') + more(value, words);
  }
  return depth > 0 || Object.keys(value).length === 0 ? '' : JSON.stringify(value);
}

/** The field that an entry of FastAPI's refers to. */
function placeOf(entry: object): string[] {
  const path = listField(entry, 'loc').filter((part) => part !== 'body');
  return path.length === 0 ? [] : [path.join('.')];
}

/** The field that OpenAI's errors refer to, and the error of the server behind a gateway, if the message lacks them. */
function more(error: object, words: string): string {
  const param = textField(error, 'param') ?? '';
  const raw = textField(field(error, 'metadata'), 'raw') ?? '';
  const named = param === '' || words.includes(param) ? '' : ` (${param})`;
  return raw === '' || words.includes(raw) ? named : `${named}: ${raw}`;
}

/** The title or the first heading of a page, otherwise its text. */
function pageWords(page: string): string {
  const [, title] = /<title[^>]*>([^<]+)</i.exec(page) ?? /<h1[^>]*>([^<]+)</i.exec(page) ?? [];
  return (title ?? page.replaceAll(/<[^>]*>/g, ' ')).replaceAll(/\s+/g, ' ').trim();
}

/** RFC 9110 §10.2.3, and OpenAI's header in milliseconds; undefined if neither is present and valid. */
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
