/** A server whose store is slow, fails temporarily, or is shared with another server (ServerOptions.store). */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { apiKey } from '../../src/config/config.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { CountOptions, LeaseOptions, Store } from '../../src/store/store.ts';
import { storeContract } from '../../src/store/store-contract.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

/** A remote store: each operation takes several turns of the event loop, or fails. */
class RemoteStore implements Store {
  readonly #store: Store;
  fails = false;
  closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  get(key: string) {
    return this.#call(() => this.#store.get(key));
  }
  set(key: string, value: string, ttlMs: number) {
    return this.#call(() => this.#store.set(key, value, ttlMs));
  }
  delete(key: string) {
    return this.#call(() => this.#store.delete(key));
  }
  count(key: string, options: CountOptions) {
    return this.#call(() => this.#store.count(key, options));
  }
  lease(key: string, id: string, options: LeaseOptions) {
    return this.#call(() => this.#store.lease(key, id, options));
  }
  release(key: string, id: string) {
    return this.#call(() => this.#store.release(key, id));
  }
  async close() {
    this.closed = true;
  }

  async #call<T>(operation: () => Promise<T>): Promise<T> {
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
    if (this.fails) throw new Error('no connection to the store');
    const result = await operation();
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
    return result;
  }
}

function newStore() {
  const clock = new FakeClock();
  return { clock, store: new RemoteStore(new MemoryStore({ clock, limit: 1000 })) };
}

storeContract('remote', () => {
  const { clock, store } = newStore();
  return { store, advance: (ms) => clock.advance(ms) };
});

const key = 'sk-test-0123456789abcdef';

function serverWith(t: TestContext, store: Store) {
  return newServer(t, { store, config: { apiKeys: [apiKey('phone', key, { limits: { sessions: 1 } })] } });
}

function connect(url: string, bearer = key) {
  return new WireClient(`${url}?model=m`, { headers: { authorization: `Bearer ${bearer}` } });
}

async function mint(url: string) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/realtime/client_secrets`, { method: 'POST', headers, body: '{}' });
  return { status: response.status, body: (await response.json()) as { value?: string; error?: { message: string } } };
}

test('servers that share a store share client secrets and limits of keys, and do not close the store', async (t) => {
  const { store } = newStore();
  const one = await serverWith(t, store);
  const other = await serverWith(t, store);
  const { value = '' } = (await mint(one.url)).body;
  const client = connect(other.wsUrl, value);
  await client.until('session.created');
  const refused = connect(one.wsUrl);
  assert.match((await refused.until('error')).error.message, /'phone' has as many sessions as it may have/);
  client.socket.close();
  await one.close();
  await other.close();
  assert.equal(store.closed, false);
});

test('while the store fails, new sessions and secrets are refused with a reason, and open sessions continue', async (t) => {
  const { store } = newStore();
  const server = await serverWith(t, store);
  const client = connect(server.wsUrl);
  await client.until('session.created');
  store.fails = true;
  const { status, body } = await mint(server.url);
  assert.equal(status, 503);
  assert.ok(body.error?.message);
  const refused = connect(server.wsUrl);
  assert.match((await refused.until('error')).error.message, /cannot be checked now/);
  client.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
  });
  await client.until('conversation.item.done');
  store.fails = false;
  assert.equal((await mint(server.url)).status, 200);
});
