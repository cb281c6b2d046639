import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import type { Caller, Callers } from '../access/callers.ts';
import { keyInHeaders, projectInHeaders } from '../access/credentials.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { WireError } from '../protocol/errors/wire-errors.ts';
import { HttpRefusal } from './refusal.ts';

/** What the API's routes know of a request. */
export type ApiEnv = { Bindings: HttpBindings; Variables: { caller: Caller } };

/** Lets in whoever shows an API key. Client secrets are refused: they are in the hands of those who must not have a key. */
export function authenticate(callers: Callers): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { headers } = context.env.incoming;
    const caller = await callers.authenticate({ key: keyInHeaders(headers), project: projectInHeaders(headers) });
    if (caller instanceof WireError) throw new HttpRefusal(401, caller);
    if (caller.secret) throw new HttpRefusal(401, accessErrors.secretOverHttp());
    context.set('caller', caller);
    await next();
  };
}

/** To stand behind `authenticated`: for operators alone. */
export const operatorsOnly: MiddlewareHandler<ApiEnv> = async (context, next) => {
  if (!context.get('caller').operator) throw new HttpRefusal(403, accessErrors.operatorsOnly());
  await next();
};
