import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import type { Caller, Callers } from '../access/callers.ts';
import { keyInHeaders, projectInHeaders } from '../access/credentials.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { WireError } from '../protocol/errors/wire-errors.ts';
import { HttpRefusal } from './refusal.ts';

/** Variables of a request, for the API's routes. */
export type ApiEnv = { Bindings: HttpBindings; Variables: { caller: Caller } };

/** Requires an API key. Client secrets are refused: their holders must not have a key. */
export function authenticate(callers: Callers): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { headers } = context.env.incoming;
    const caller = await callers.authenticate({ key: keyInHeaders(headers), project: projectInHeaders(headers) });
    if (caller instanceof WireError) throw new HttpRefusal(401, caller);
    if (caller.secret) throw new HttpRefusal(401, accessErrors.secretOnlyOpens());
    context.set('caller', caller);
    await next();
  };
}

/** Use after `authenticated`: requires an operator's key. */
export const operatorsOnly: MiddlewareHandler<ApiEnv> = async (context, next) => {
  if (!context.get('caller').operator) throw new HttpRefusal(403, accessErrors.operatorsOnly());
  await next();
};
