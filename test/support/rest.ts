import type { ParleyServer } from '../../src/server/server.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** The API's response to a request; `body` is sent as JSON, unless it is text. */
export async function ask(
  { url }: Pick<ParleyServer, 'url'>,
  request: string,
  { key, body, headers = {} }: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const [method = 'GET', path = '/'] = request.split(' ');
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== undefined && { Authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

/** The error in a response of the API. */
export function errorIn({ body }: Pick<Answer, 'body'>): {
  message: string;
  code: string | null;
  param: string | null;
} {
  return (body as { error: { message: string; code: string | null; param: string | null } }).error;
}

/** Creates a GA client secret with this body, and returns its value. */
export async function mint(
  server: Pick<ParleyServer, 'url'>,
  key: string | undefined,
  body: object = {},
): Promise<string> {
  const answer = await ask(server, 'POST /v1/realtime/client_secrets', { ...(key !== undefined && { key }), body });
  if (answer.status !== 200) throw new Error(errorIn(answer).message);
  return (answer.body as { value: string }).value;
}

/** Creates a beta client secret. */
export async function mintBeta(server: Pick<ParleyServer, 'url'>, key: string, body: object = {}): Promise<string> {
  const answer = await ask(server, 'POST /v1/realtime/sessions', { key, body });
  if (answer.status !== 200) throw new Error(errorIn(answer).message);
  return (answer.body as { client_secret: { value: string } }).client_secret.value;
}

/** The header with a program's key. */
export function bearer(key: string, headers: Record<string, string> = {}): { headers: Record<string, string> } {
  return { headers: { Authorization: `Bearer ${key}`, ...headers } };
}
