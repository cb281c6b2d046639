import type { WireError, WireErrorType } from './wire-errors.ts';

/** The body of an error over plain HTTP, in the shape of the official API. */
export interface ApiErrorBody {
  error: { message: string; type: WireErrorType; param: string | null; code: string | null };
}

/** The HTTP form of a wire error. */
export function apiErrorOf({ message, type, param, code }: WireError): ApiErrorBody {
  return { error: { message, type, param, code } };
}
