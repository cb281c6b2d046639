/** A guarded fetch that resolves every name to this machine. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { AddressPolicy } from '../../src/net/address-policy.ts';
import { GuardedFetch, type Resolve, type WholeRequest } from '../../src/net/guarded-fetch.ts';
import { OutgoingError, type OutgoingErrorCode } from '../../src/net/outgoing-error.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LocalServer } from './local-server.ts';

export const loopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

/** A fetch that resolves every name to a loopback address, with some destinations allowed. */
export function newFetch({
  allow = ['images.test'],
  resolve = loopback,
  ca = '',
  clock = new FakeClock(),
  maxRedirects = 3,
} = {}) {
  const policy = new AddressPolicy(allow);
  const fetcher = new GuardedFetch({ policy, clock, idleMs: 5000, maxRedirects, resolve, ...(ca && { ca }) });
  const request = {
    maxBytes: 1000,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  };
  return {
    clock,
    fetch: (url: string, options: Partial<WholeRequest> = {}) => fetcher.fetchWhole(url, { ...request, ...options }),
  };
}

export async function refusal(promise: Promise<unknown>, code: OutgoingErrorCode): Promise<OutgoingError> {
  const error = await promise.then(
    () => assert.fail('it was fetched'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OutgoingError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

export const text = (t: TestContext, body: string) => LocalServer.start(t, (_request, response) => response.end(body));
