/** A server that relays to any upstream. */

import type { TestContext } from 'node:test';
import type { Clock } from '../../../src/core/clock.ts';
import type { ConfigOverrides, Log, ParleyServer } from '../../../src/server/server.ts';
import { type FakeEngines, fakeEngines } from '../../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../../support/server.ts';

export const upstreamKey = 'sk-upstream-secret-0123456789';

export interface RelayOptions {
  config?: ConfigOverrides;
  clock?: Clock;
  log?: Log;
  /** The names of the upstream's models on this server. */
  models?: Record<string, string>;
}

/** A server whose sessions are relayed to `url`. Its own engines are unused fakes. */
export function relayTo(t: TestContext, url: string, options: RelayOptions = {}): Promise<ParleyServer> {
  const { config, models, ...rest } = options;
  const upstream = [{ name: 'the-upstream', url, key: upstreamKey, ...(models && { models }) }];
  // In the form of a configuration file, which programs may use too.
  const file: object = { upstream };
  return newServer(t, { ...rest, config: { ...file, ...config } });
}

export interface Pair {
  direct: ParleyServer;
  relay: ParleyServer;
  engines: FakeEngines;
}

/** A server with fake engines, and one that relays to it. */
export async function newPair(t: TestContext, options: RelayOptions = {}): Promise<Pair> {
  const engines = fakeEngines();
  const { clock } = options;
  const direct = await newServer(t, { engines: fakeEngineSet(engines), ...(clock && { clock }) });
  const relay = await relayTo(t, direct.wsUrl, options);
  return { direct, relay, engines };
}
