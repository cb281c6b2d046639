/** The beta dialect (2024-10 to 2025): a stateless adapter around the GA core. */

import type { Dialect } from '../dialect.ts';
import { frameParser } from '../parse/frame-parser.ts';
import { type Check, strictCheck } from '../parse/schema-check.ts';
import { betaParsers } from './client-events.ts';
import { toBetaEvent } from './server-events.ts';

/** The dialect with a given way of checking events against their schemas. */
export function betaDialectWith(check: Check): Dialect {
  return {
    name: 'beta',
    parse: frameParser(betaParsers, check),
    render: toBetaEvent,
    serialise(event) {
      const rendered = toBetaEvent(event);
      return rendered && JSON.stringify(rendered);
    },
  };
}

export const betaDialect = betaDialectWith(strictCheck('beta'));
