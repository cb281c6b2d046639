/** The body of a refusal over plain HTTP, in the shape of the official API. */
export interface ApiErrorBody {
  error: { message: string; type: 'invalid_request_error' | 'server_error'; param: string | null; code: string | null };
}

export function apiError(
  message: string,
  code: string | null,
  type: ApiErrorBody['error']['type'] = 'invalid_request_error',
): ApiErrorBody {
  return { error: { message, type, param: null, code } };
}
