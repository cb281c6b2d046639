import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';

export interface PlainRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: object;
}

export interface PlainAnswer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

/** One request on its own connection, with headers that `fetch` does not allow; the response is not stored. */
export function plainRequest(
  url: string,
  { method = 'GET', path, headers = {}, body }: PlainRequest,
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const sent = request(url + path, { method, headers: { ...type, ...headers }, agent: false }, async (response) => {
    let text = '';
    for await (const chunk of response) text += String(chunk);
    resolve({ status: response.statusCode, headers: response.headers, text });
  });
  sent.on('error', reject).end(body && JSON.stringify(body));
  return promise;
}

/** Creates a client secret in a dialect; fails if the server refuses. */
export async function mint(url: string, key: string, dialect: 'ga' | 'beta', body: object = {}): Promise<string> {
  const path = dialect === 'ga' ? '/v1/realtime/client_secrets' : '/v1/realtime/sessions';
  const headers = { Authorization: `Bearer ${key}` };
  const { status, text } = await plainRequest(url, { method: 'POST', path, headers, body });
  assert.equal(status, 200, text);
  const answer = JSON.parse(text);
  return dialect === 'ga' ? answer.value : answer.client_secret.value;
}
