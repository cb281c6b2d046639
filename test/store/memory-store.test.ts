/** The store in memory: the contract of stores, and its own bounds. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { StoreFullError } from '../../src/store/store.ts';
import { storeContract } from '../../src/store/store-contract.ts';
import { FakeClock } from '../support/fake-clock.ts';

function newStore({ limit = 100, limitCharacters = 10_000 } = {}) {
  const clock = new FakeClock();
  return { clock, store: new MemoryStore({ clock, limit, limitCharacters }) };
}

storeContract('memory', () => {
  const { clock, store } = newStore();
  return { store, advance: (ms) => clock.advance(ms) };
});

it('has a maximum number of keys, and drops expired ones to make room', async () => {
  const { clock, store } = newStore({ limit: 2 });
  await store.set('a', 'one', 1000);
  await store.set('b', 'two', 9000);
  await assert.rejects(store.set('c', 'three', 1000), StoreFullError);
  await store.set('b', 'again', 9000);
  await clock.advance(1000);
  await store.set('c', 'three', 1000);
  assert.equal(await store.get('c'), 'three');
});

it('counts even if texts take all their room, and has at most twice as many counters', async () => {
  const { clock, store } = newStore({ limit: 1, limitCharacters: 4 });
  await store.set('a', 'one', 1000);
  const once = { amount: 1, ttlMs: 1000 };
  for (let total = 1; total <= 12; total += 1) assert.equal((await store.count('first', once)).total, total);
  await store.count('second', once);
  await assert.rejects(store.count('third', once), StoreFullError);
  await clock.advance(1000);
  await store.count('third', once);
});

it('has a maximum number of characters for keys and texts together', async () => {
  const { clock, store } = newStore({ limitCharacters: 10 });
  await store.set('a', '1234', 1000);
  await store.set('b', '1234', 9000);
  await assert.rejects(store.set('c', '', 1000), /10 characters \(limits\.store-characters\)/);
  await assert.rejects(store.set('b', '12345', 9000), StoreFullError);
  assert.equal(await store.get('b'), '1234', 'what was there stays');
  await store.set('b', '12', 9000);
  await store.set('c', '1', 9000);
  await store.delete('c');
  await clock.advance(1000);
  // Overwriting an expired key and a live one.
  await store.set('a', '123456', 9000);
  await assert.rejects(store.set('c', '', 1000), StoreFullError);
});

it('has at most twice as many leases, and drops expired ones to make room', async () => {
  const { clock, store } = newStore({ limit: 1 });
  await store.lease('a', '1', { ttlMs: 1000 });
  await store.lease('b', '1', { ttlMs: 2000 });
  await assert.rejects(store.lease('b', '2', { ttlMs: 1000 }), StoreFullError);
  assert.equal((await store.lease('b', '1', { ttlMs: 2000 })).held, true, 'a renewal needs no room');
  await clock.advance(1000);
  assert.equal((await store.lease('b', '2', { ttlMs: 1000 })).held, true);
});
