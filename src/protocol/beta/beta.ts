/** The beta dialect (2024-10 to 2025): an adapter around the GA core, without state of its own. */

import type { Dialect } from '../dialect.ts';
import { frameParser } from '../frame-parser.ts';
import { betaParsers } from './client-events.ts';
import { toBetaEvent } from './server-events.ts';

export const betaDialect: Dialect = {
  name: 'beta',
  parse: frameParser(betaParsers),
  serialise(event) {
    const beta = toBetaEvent(event);
    return beta && JSON.stringify(beta);
  },
};
