import { betaDialectWith } from './beta/beta.ts';
import type { Dialect } from './dialect.ts';
import { gaDialectWith } from './ga.ts';
import { type CheckSettings, configuredCheck } from './parse/leniencies.ts';

/** The dialects of a server with these settings. */
export function configuredDialects(settings: CheckSettings): Record<Dialect['name'], Dialect> {
  return {
    ga: gaDialectWith(configuredCheck('ga', settings)),
    beta: betaDialectWith(configuredCheck('beta', settings)),
  };
}
