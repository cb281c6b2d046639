/** HTTP requests, valid and invalid: plain ones and upgrades. */

import { mutateJson, mutateText } from './mutate-event.ts';
import { oddString } from './oddities.ts';
import { key } from './profiles.ts';
import type { Random } from './random.ts';
import { objectOf, officialType } from './values.ts';

export interface RawRequest {
  method: string;
  target: string;
  /** Header lines without line ends. */
  headers: string[];
  body: string;
}

const host = 'Host: 127.0.0.1';
const authorization = `Authorization: Bearer ${key}`;
/** Credentials of a client: `@ga` and `@beta` stand for client secrets of the server. */
export const credentials = [key, '@ga', '@beta', 'sk-wrong-0123456789abcdef', `ek_${'A'.repeat(43)}`];

const webSocketKey = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';

const bodies = {
  '/v1/realtime/client_secrets': officialType('realtime/client-secrets.d.ts', 'ClientSecretCreateParams'),
  '/v1/realtime/sessions': officialType('beta/realtime/sessions.d.ts', 'SessionCreateParams'),
  '/v1/realtime/transcription_sessions': officialType(
    'beta/realtime/transcription-sessions.d.ts',
    'TranscriptionSessionCreateParams',
  ),
};

const pages = [
  '/',
  '/healthz',
  '/readyz',
  '/metrics',
  '/v1/realtime',
  '/v1/models',
  '/console/main.js',
  '/console/../package.json',
];

/** An upgrade that the server accepts, with its parameters. */
export function upgradeRequest(options: {
  query: string;
  headers?: readonly string[];
  path?: string;
  /** One of `credentials`; default: the key. */
  credential?: string;
}): RawRequest {
  return {
    method: 'GET',
    target: `${options.path ?? '/v1/realtime'}${options.query}`,
    headers: [
      host,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      webSocketKey,
      `Authorization: Bearer ${options.credential ?? key}`,
      ...(options.headers ?? []),
    ],
    body: '',
  };
}

/** A plain request as a client would send it. */
export function plainRequest(random: Random): RawRequest {
  if (random.chance(0.35)) {
    return {
      method: random.pick(['GET', 'HEAD', 'OPTIONS', 'POST']),
      target: random.pick(pages),
      headers: [host, authorization],
      body: '',
    };
  }
  const [target, type] = random.pick(Object.entries(bodies));
  const params = random.chance(0.3) ? {} : objectOf(random, type);
  const value = random.chance(0.5) ? mutateJson(random, params) : params;
  const json = JSON.stringify(value);
  const body = random.chance(0.2) ? mutateText(random, json) : json;
  const preflight = random.chance(0.1) ? ['Origin: https://app.example', 'Access-Control-Request-Method: POST'] : [];
  const headers = [host, authorization, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  return { method: 'POST', target, headers: [...headers, ...preflight], body };
}

/** The bytes of a request: `\r\n` after each line, unless mutated. */
export function bytesOf({ method, target, headers, body }: RawRequest): Buffer {
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`);
}

/** The request with one to three mutations. */
export function mutateRequest(random: Random, request: RawRequest): Buffer {
  const copy = { ...request, headers: [...request.headers] };
  for (let changes = random.integer(1, 3); changes > 0; changes--) mutateOnce(random, copy);
  const bytes = bytesOf(copy);
  if (random.chance(0.1)) return bytes.subarray(0, random.integer(1, bytes.length));
  if (random.chance(0.1))
    return Buffer.from(bytes.toString('latin1').replaceAll('\r\n', random.pick(['\n', '\r', '\r\n\r\n', '\r\n '])));
  if (random.chance(0.05)) return Buffer.concat([bytes, bytes, bytes]);
  return bytes;
}

function mutateOnce(random: Random, request: RawRequest): void {
  const at = random.integer(0, Math.max(0, request.headers.length - 1));
  const line = request.headers[at] ?? '';
  const [name = '', value = ''] = line.split(': ');
  random.weighted<() => unknown>([
    [3, () => request.headers.splice(at, 1)],
    [2, () => request.headers.push(line)],
    [4, () => request.headers.splice(at, 1, `${name}: ${printable(oddString(random))}`)],
    [2, () => request.headers.splice(at, 1, `${name}: ${value.slice(0, random.integer(0, value.length))}`)],
    [1, () => request.headers.splice(at, 1, `${name}:${value}\r\n folded`)],
    [1, () => request.headers.splice(at, 1, `${name} : ${value}`)],
    [6, () => request.headers.push(random.pick(oddHeaders))],
    [1, () => request.headers.push(`X-Long: ${'x'.repeat(random.pick([1000, 3000, 17_000]))}`)],
    [1, () => request.headers.push(...Array.from({ length: random.pick([50, 2001]) }, (_, index) => `X-${index}: 1`))],
    [3, () => chunk(random, request)],
    [
      3,
      () => {
        request.method = random.pick(methods);
      },
    ],
    [
      4,
      () => {
        request.target = random.pick(targets)(request.target);
      },
    ],
  ])();
}

/** The body in chunks, well formed or not. */
function chunk(random: Random, request: RawRequest): void {
  const { body } = request;
  const size = Buffer.byteLength(body).toString(16);
  if (random.chance(0.7)) request.headers = request.headers.filter((line) => !line.startsWith('Content-Length'));
  request.headers.push(
    random.pick([
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: identity, chunked',
      'transfer-encoding : chunked',
      'Transfer-Encoding: xchunked',
    ]),
  );
  request.body = random.pick([
    `${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size};ext=1\r\n${body}\r\n0\r\nTrailer: x\r\n\r\n`,
    `${size}\r\n${body}\r\n`,
    `ffffffff\r\n${body}\r\n0\r\n\r\n`,
    `-1\r\n${body}\r\n0\r\n\r\n`,
    `0x${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size}\n${body}\n0\n\n`,
    `0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  ]);
}

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PATCH',
  'get',
  'PRI',
  'M-SEARCH',
  'PROPFIND',
  '{}',
  '',
];

const targets: readonly ((target: string) => string)[] = [
  (target) => `${target}?${'a=1&'.repeat(200)}`,
  (target) => `${target}?model=%ff%fe`,
  (target) => `${target}?model=%`,
  (target) => `http://evil.example${target}`,
  (target) => `//evil.example${target}`,
  (target) => target.slice(1),
  (target) => `${target}/`,
  (target) => `${target}/../../../etc/passwd`,
  (target) => target.replaceAll('/', '%2f'),
  (target) => target.replace('/', '/%00'),
  (target) => target.toUpperCase(),
  (target) => `${target}#fragment`,
  (target) => `${target}\u00e9`,
  () => '*',
  () => '/console/%2e%2e/%2e%2e/package.json',
  () => '/console/..%5c..%5cpackage.json',
  () => '/v1/realtime/client_secrets/ek_x',
  () => '/__proto__',
  () => '/v1/realtime?model=gpt-realtime&call_id=rtc_1',
  () => '/v1/realtime?intent=transcription&model=x',
  () => '/v1/realtime?model=a&model=b&intent=transcription',
  () => '/openai/realtime?api-version=2024-10-01-preview&deployment=d',
  () => '/openai/v1/realtime?model=m',
];

const oddHeaders = [
  'Host: evil.example',
  'Origin: https://evil.example',
  'Origin: null',
  'Origin: http://localhost',
  'Content-Length: 0',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Content-Length: 5, 5',
  'Content-Length: 0x10',
  'Content-Encoding: gzip',
  'Content-Encoding: br',
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-16',
  'Expect: 100-continue',
  'Expect: x',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'Connection: close',
  'Connection: Upgrade, HTTP2-Settings',
  'Sec-WebSocket-Version: 8',
  'Sec-WebSocket-Key: short',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1',
  `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${key}`,
  'Sec-WebSocket-Protocol: openai-insecure-api-key.x',
  'Sec-WebSocket-Protocol: ,',
  'Sec-WebSocket-Protocol: a, a',
  'OpenAI-Beta: realtime=v1',
  'OpenAI-Beta: assistants=v2',
  'Authorization: Bearer',
  'Authorization: Basic Og==',
  'Authorization: Bearer ek_0000',
  'api-key: x',
  'Range: bytes=0-',
  'Range: bytes=9-1',
  'If-None-Match: *',
  'Cookie: a=b',
  'Access-Control-Request-Headers: x',
  'X-Forwarded-For: 127.0.0.1',
  'X-HTTP-Method-Override: DELETE',
  ': empty',
  'NoColon',
  '__proto__: x',
];

/** Characters that are valid in a header, and some that are not. */
function printable(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ').slice(0, 3000);
}
