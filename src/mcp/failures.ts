/** Describes failures of MCP servers, for clients and models. Bodies of responses and addresses are not part of them. */

import { messageOf } from '../core/errors.ts';
import { HttpFailure } from '../net/http-failure.ts';
import { OutgoingError } from '../net/outgoing-error.ts';
import type { ToolCallError } from '../protocol/wire/mcp-items.ts';

type Sdk = typeof import('@modelcontextprotocol/client');

/** JSON-RPC 2.0 §5.1: invalid JSON, or a message that is not one of the protocol. */
const parseError = -32_700;
const maxMessageCharacters = 500;
/** The answer to a request whose stream has ended without one. */
export const streamEnded = { code: parseError, message: 'The stream ended without an answer.' };
const unknownVersion = 'speaks no version of the protocol that this server knows. Check its address.';
/** A session that the server has forgotten, for which many answer 400, or another transport at its address. */
const forgotten: ReadonlySet<number> = new Set([400, 404, 405]);
const closed: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** The error of a call, and details for the log. */
export function callFailure(error: unknown, sdk: Sdk): { error: ToolCallError; detail?: string } {
  if (error instanceof sdk.ProtocolError) {
    return { error: { type: 'protocol_error', code: error.code, message: oneLine(error.message) } };
  }
  const status = statusOf(error, sdk);
  if (status !== undefined) {
    return { error: { type: 'http_error', code: status, message: `The MCP server ${answered(status)}` } };
  }
  const message = `The MCP server ${connectionProblem(error, sdk)}`;
  return { error: { type: 'protocol_error', code: parseError, message }, detail: detailOf(error) };
}

/** A sentence about a failed import, and details for the log. */
export function importFailure(error: unknown, sdk: Sdk): { reason: string; detail?: string } {
  if (error instanceof sdk.ProtocolError) {
    return { reason: `It answered with the error ${error.code}: ${oneLine(error.message)}` };
  }
  const status = statusOf(error, sdk);
  if (status !== undefined) return { reason: `It ${answered(status)}` };
  return { reason: `It ${connectionProblem(error, sdk)}`, detail: detailOf(error) };
}

/** Without the bodies of responses, which errors with a status contain. */
function detailOf(error: unknown): string {
  const outgoing = causesOf(error).find((each) => each instanceof OutgoingError);
  return oneLine(outgoing?.detail ?? messageOf(error));
}

/** Whether the next request needs a new connection: the server has forgotten this one, or cannot be reached by it. */
export function isLostConnection(error: unknown, sdk: Sdk): boolean {
  if (error instanceof sdk.ProtocolError || (error instanceof Error && error.name === 'AbortError')) return false;
  const status = statusOf(error, sdk);
  return status === undefined || forgotten.has(status);
}

/** Whether a server may speak only the older transport, which refuses a POST to its address. */
export function mayLackStreamableHttp(error: unknown, sdk: Sdk): boolean {
  const status = statusOf(error, sdk);
  return status !== undefined && status >= 400 && status < 500 && status !== 401 && status !== 403;
}

function statusOf(error: unknown, sdk: Sdk): number | undefined {
  for (const each of causesOf(error)) {
    if (each instanceof sdk.SdkHttpError) return each.status;
    if (each instanceof sdk.SseError && each.code !== undefined && each.code >= 300) return each.code;
    if (each instanceof sdk.UnauthorizedError) return 401;
    if (each instanceof sdk.InsufficientScopeError) return 403;
  }
  return undefined;
}

function answered(status: number): string {
  if (status === 401) return "answered with HTTP 401: it requires authorization. Set 'authorization' or 'headers'.";
  if (status === 403) return 'answered with HTTP 403: the authorization does not suffice.';
  if (status === 404) return 'answered with HTTP 404: there is no such server, or it has forgotten the session.';
  if (status >= 300 && status < 400) return `redirects elsewhere (HTTP ${status}), which is not followed.`;
  return `answered with HTTP ${status}.`;
}

function connectionProblem(error: unknown, sdk: Sdk): string {
  const causes = causesOf(error);
  const outgoing = causes.find((each) => each instanceof OutgoingError);
  if (outgoing) return `could not be reached: ${outgoing.message}`;
  const failure = causes.find((each) => each instanceof HttpFailure);
  if (failure) return `failed: ${failure.message}.`;
  const system = causes.find(isSystemError);
  if (system?.syscall.startsWith('spawn')) return `could not be started (${system.code}).`;
  if (system && closed.has(system.code)) return 'closed the connection.';
  const code = causes.find((each) => each instanceof sdk.SdkError)?.code;
  switch (code) {
    case sdk.SdkErrorCode.ClientHttpUnexpectedContent:
      return 'answered with something that is neither JSON nor an event stream. Check its address.';
    case sdk.SdkErrorCode.ConnectionClosed:
    case sdk.SdkErrorCode.NotConnected:
      return 'closed the connection.';
    case sdk.SdkErrorCode.EraNegotiationFailed:
      return unknownVersion;
    default:
      if (causes.some(({ message }) => message.includes('protocol version is not supported'))) return unknownVersion;
      return 'sent an answer that does not follow the protocol.';
  }
}

function isSystemError(error: Error): error is Error & { code: string; syscall: string } {
  return 'syscall' in error && typeof error.syscall === 'string' && 'code' in error && typeof error.code === 'string';
}

/** An error and its causes, of which there are few. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let each = error; each instanceof Error && causes.length < 8; each = each.cause ?? dataCause(each)) {
    causes.push(each);
  }
  return causes;
}

/** Some errors of the SDK carry their cause in their data. */
function dataCause(error: Error): unknown {
  return Reflect.get(Object(Reflect.get(error, 'data')), 'cause');
}

function oneLine(text: string): string {
  return text
    .slice(0, maxMessageCharacters)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
}
