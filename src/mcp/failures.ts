/** Describes failures of MCP servers, for clients and models. Bodies of responses and addresses are not part of them. */

import { messageOf } from '../core/errors.ts';
import { HttpFailure } from '../net/http-failure.ts';
import { OutgoingError } from '../net/outgoing-error.ts';
import type { ToolCallError } from '../protocol/wire/mcp-items.ts';

type Sdk = typeof import('@modelcontextprotocol/client');

/** JSON-RPC 2.0 §5.1: invalid JSON, or a message that is not one of the protocol. */
const parseError = -32_700;
const maxMessageCharacters = 500;

/** The error of a call. */
export function callError(error: unknown, sdk: Sdk): ToolCallError {
  if (error instanceof sdk.ProtocolError) {
    return { type: 'protocol_error', code: error.code, message: oneLine(error.message) };
  }
  const status = statusOf(error, sdk);
  if (status !== undefined) return { type: 'http_error', code: status, message: `The MCP server ${answered(status)}` };
  return { type: 'protocol_error', code: parseError, message: `The MCP server ${connectionProblem(error, sdk)}` };
}

/** A sentence about a failed import, and details for the log. */
export function importFailure(error: unknown, sdk: Sdk): { reason: string; detail: string } {
  const status = statusOf(error, sdk);
  const reason =
    error instanceof sdk.ProtocolError
      ? `It answered with the error ${error.code}: ${oneLine(error.message)}`
      : status !== undefined
        ? `It ${answered(status)}`
        : `It ${connectionProblem(error, sdk)}`;
  const outgoing = causesOf(error).find((each) => each instanceof OutgoingError);
  return { reason, detail: oneLine(outgoing?.detail ?? messageOf(error)) };
}

/** Whether the next request needs a new connection: the server has forgotten this one, or cannot be reached by it. */
export function isLostConnection(error: unknown, sdk: Sdk): boolean {
  if (error instanceof sdk.ProtocolError || (error instanceof Error && error.name === 'AbortError')) return false;
  const status = statusOf(error, sdk);
  return status === undefined || status === 404;
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
  const code = causes.find((each) => each instanceof sdk.SdkError)?.code;
  switch (code) {
    case sdk.SdkErrorCode.ClientHttpUnexpectedContent:
      return 'answered with something that is neither JSON nor an event stream. Check its address.';
    case sdk.SdkErrorCode.ConnectionClosed:
    case sdk.SdkErrorCode.NotConnected:
      return 'closed the connection.';
    case sdk.SdkErrorCode.EraNegotiationFailed:
      return 'speaks no version of the protocol that this server knows. Check its address.';
    default:
      return 'sent an answer that does not follow the protocol.';
  }
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
