/** Sends one raw HTTP request to a server, and judges the answer. */

import { RawConnection } from '../harness/raw-connection.ts';
import type { RequestCase } from './cases.ts';
import type { Finding } from './findings.ts';
import { type Outcome, type RunContext, within } from './session-run.ts';

/** Maximum wait for the answer to an incomplete request, because the server has deadlines. */
const patienceMs = 150;
const answerMs = 20_000;

export async function runRequest(fuzzed: RequestCase, context: RunContext): Promise<Outcome> {
  const outcome: Outcome = { findings: [], sent: 1, received: 0, bytesSent: 0, bytesReceived: 0 };
  const { port, secrets, coverage } = context;
  const found = (kind: Finding['kind'], what: string) => outcome.findings.push({ kind, what });
  const first = Promise.withResolvers<string>();
  const connection = new RawConnection({
    port,
    onText: (text) => {
      outcome.received++;
      first.resolve(text);
    },
  });
  const written = Buffer.from(fuzzed.request, 'base64').toString('latin1');
  const bytes = Buffer.from(written.replace('@ga', secrets.ga).replace('@beta', secrets.beta), 'latin1');
  connection.write(bytes);
  const gone = connection.closed.then(() => undefined);
  const answer = connection.head.catch(() => gone);
  const head = await within(fuzzed.costly ? answerMs : patienceMs, answer);
  if (head === undefined) {
    // A server that closes the connection has refused the request, too.
    if (fuzzed.costly && !connection.socket.closed) found('no-answer', `${fuzzed.about}: no answer`);
    return leave();
  }

  const { status, headers } = head;
  const path = pathOf(bytes);
  coverage.mark(`http ${status}`);
  coverage.mark(`rest ${path} ${status}`);
  outcome.received++;
  if (status >= 500 && status !== 503 && status !== 501) found('internal-error', `HTTP ${status} for ${path}`);
  if (status === 101) {
    const text = await within(answerMs, Promise.race([first.promise, gone]));
    if (text === undefined) found('no-answer', 'a WebSocket was opened, and no event came');
    else judgeFirstEvent(text);
  } else if (headers.get('content-type')?.startsWith('application/json') && status >= 400 && !isHead(bytes)) {
    // Node's own refusals have no body; ours are in the API's shape.
    const wanted = Number(headers.get('content-length') ?? 0);
    while (connection.body.length < wanted && !connection.socket.closed) {
      if ((await within(answerMs, Promise.race([nextChunk(connection), gone]))) === undefined) break;
    }
    if (wanted > 0 && !isApiError(connection.body.subarray(0, wanted).toString())) {
      found('invalid-output', `HTTP ${status} for ${path} without an error in the API's shape`);
    }
  }
  // A costly request ends its connection after the answer.
  if (fuzzed.costly && (await within(answerMs, connection.closed)) === undefined) {
    found('no-answer', `${fuzzed.about}: an answer without an end`);
  }
  return leave();

  async function leave(): Promise<Outcome> {
    const { socket } = connection;
    socket.destroy();
    const { code } = await connection.closed;
    if (code !== undefined) coverage.mark(`close ${code}`);
    return { ...outcome, bytesSent: socket.bytesWritten, bytesReceived: socket.bytesRead };
  }

  function judgeFirstEvent(text: string): void {
    const event: unknown = JSON.parse(text);
    const type = typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
    if (type === 'error') coverage.meet(errorOf(event));
    else if (type !== 'session.created' && type !== 'transcription_session.created') {
      found('invalid-output', `the first event is ${String(type)}`);
    }
  }
}

function nextChunk(connection: RawConnection): Promise<true> {
  return new Promise((resolve) => connection.socket.once('data', () => resolve(true)));
}

function pathOf(bytes: Buffer): string {
  const target = /^\S+ (\S+)/.exec(bytes.toString('latin1', 0, 200))?.[1] ?? '';
  const path = target.split('?')[0] ?? '';
  return /^\/(v1\/audio\/(transcriptions|speech)|v1\/realtime(\/(client_secrets|sessions|transcription_sessions))?|openai(\/v1)?\/realtime|healthz|readyz|metrics)?$/.test(
    path,
  )
    ? path
    : 'another path';
}

function isHead(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 5) === 'HEAD ';
}

function isApiError(body: string): boolean {
  try {
    const { message } = errorOf(JSON.parse(body));
    // `/readyz` has the state of the engines instead.
    return message !== '' || body.includes('"status"');
  } catch {
    return false;
  }
}

function errorOf(value: unknown): { code: string | null; message: string } {
  const { error } = value as { error?: { code?: unknown; message?: unknown } };
  return { code: typeof error?.code === 'string' ? error.code : null, message: String(error?.message ?? '') };
}
