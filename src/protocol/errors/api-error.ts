import type { WireError, WireErrorType } from './wire-errors.ts';

/** The body of a refusal over plain HTTP, in the shape of the official API. */
export interface ApiErrorBody {
  error: { message: string; type: WireErrorType; param: string | null; code: string | null };
}

/** What a client is told over a socket, as it is told over HTTP. */
export function apiErrorOf({ message, type, param, code }: WireError): ApiErrorBody {
  return { error: { message, type, param, code } };
}
