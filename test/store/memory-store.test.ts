/** The store's contract (src/store/store.ts), as any other implementation of it has to keep it too. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { holdStepMs, StoreFullError } from '../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

function newStore({ limit = 100, limitCharacters = 10_000 } = {}) {
  const clock = new FakeClock();
  return { clock, store: new MemoryStore({ clock, limit, limitCharacters }) };
}

describe('texts', () => {
  it('are there until they expire, or are deleted', async () => {
    const { clock, store } = newStore();
    await store.set('a', 'one', 1000);
    await store.set('b', 'two', 5000);
    await clock.advance(999);
    assert.equal(await store.get('a'), 'one');
    await clock.advance(1);
    assert.equal(await store.get('a'), undefined);
    assert.equal(await store.get('b'), 'two');
    await store.delete('b');
    assert.equal(await store.get('b'), undefined);
  });

  it('live anew when they are set again', async () => {
    const { clock, store } = newStore();
    await store.set('a', 'one', 1000);
    await clock.advance(900);
    await store.set('a', 'two', 1000);
    await clock.advance(900);
    assert.equal(await store.get('a'), 'two');
  });
});

describe('counters', () => {
  it('begin again at 0 when their time is over, however often they were counted', async () => {
    const { clock, store } = newStore();
    const options = { amount: 1, ttlMs: 60_000 };
    assert.deepEqual(await store.count('a', options), { admitted: true, total: 1, expiresInMs: 60_000 });
    await clock.advance(59_000);
    assert.deepEqual(await store.count('a', options), { admitted: true, total: 2, expiresInMs: 1000 });
    await clock.advance(1000);
    assert.deepEqual(await store.count('a', options), { admitted: true, total: 1, expiresInMs: 60_000 });
  });

  it('refuse what would bring them above their limit, and stay as they were', async () => {
    const { store } = newStore();
    await store.count('a', { amount: 3, limit: 5, ttlMs: 1000 });
    assert.deepEqual(await store.count('a', { amount: 3, limit: 5, ttlMs: 1000 }), {
      admitted: false,
      total: 3,
      expiresInMs: 1000,
    });
    assert.equal((await store.count('a', { amount: 2, limit: 5, ttlMs: 1000 })).admitted, true);
  });

  it('give back down to 0 and no further, also when they stand above a limit', async () => {
    const { store } = newStore();
    await store.count('a', { amount: 7, ttlMs: 1000 });
    assert.equal((await store.count('a', { amount: -2, limit: 1, ttlMs: 1000 })).total, 5);
    assert.equal((await store.count('a', { amount: -9, ttlMs: 1000 })).total, 0);
  });

  it('are read by counting nothing', async () => {
    const { store } = newStore();
    assert.deepEqual(await store.count('a', { amount: 0, limit: 5, ttlMs: 1000 }), {
      admitted: true,
      total: 0,
      expiresInMs: 1000,
    });
  });
});

it('holds no more keys than it may, and makes room of what has expired', async () => {
  const { clock, store } = newStore({ limit: 2 });
  await store.set('a', 'one', 1000);
  await store.set('b', 'two', 9000);
  await assert.rejects(store.set('c', 'three', 1000), StoreFullError);
  await store.set('b', 'again', 9000);
  await clock.advance(1000);
  await store.set('c', 'three', 1000);
  assert.equal(await store.get('c'), 'three');
});

it('counts on while texts take all their room, and holds no more counters than twice as many', async () => {
  const { clock, store } = newStore({ limit: 1, limitCharacters: 4 });
  await store.set('a', 'one', 1000);
  const once = { amount: 1, ttlMs: 1000 };
  for (let total = 1; total <= 12; total += 1) assert.equal((await store.count('first', once)).total, total);
  await store.count('second', once);
  await assert.rejects(store.count('third', once), StoreFullError);
  await clock.advance(1000);
  await store.count('third', once);
});

it('holds no more characters than it may, keys and texts together', async () => {
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
  // Over one that has expired, as over one that lives.
  await store.set('a', '123456', 9000);
  await assert.rejects(store.set('c', '', 1000), StoreFullError);
});

describe('held amounts', () => {
  it('held amounts share one limit, and each expires by itself', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, limit: 10 });
    const hold = (amount: number, ttlMs: number) => store.hold('k', { amount, limit: 100, ttlMs });
    const holds = await Promise.all(Array.from({ length: 12 }, () => hold(10, 60_000)));
    assert.equal(holds.filter(({ held }) => held).length, 10, 'all at once, no more than the limit');
    const [first] = holds;
    assert.ok(first?.held);
    await first.release();
    await first.release();
    assert.ok((await hold(10, 7_200_000)).held, 'what is released is free again, once');
    assert.ok(!(await hold(1, 7_200_000)).held);
    const refused = await hold(1, 60_000);
    assert.ok(!refused.held && refused.expiresInMs >= 60_000 && refused.expiresInMs <= 60_000 + holdStepMs);
    await clock.advance(refused.expiresInMs);
    assert.ok((await hold(90, 60_000)).held, 'the short ones have expired, the long one has not');
    assert.ok(!(await hold(1, 60_000)).held);
    await clock.advance(7_200_000 + holdStepMs);
    assert.ok((await hold(100, 60_000)).held);
    await first.release();
    assert.ok(!(await hold(1, 60_000)).held, 'a release that comes late takes nothing from others');
    await store.close();
  });

  it('keys of held amounts are bounded, and expired ones make room', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, limit: 2 });
    const hold = (key: string) => store.hold(key, { amount: 1, limit: 1, ttlMs: 1000 });
    await hold('a');
    await hold('b');
    await assert.rejects(hold('c'), StoreFullError);
    await clock.advance(1000 + holdStepMs);
    assert.ok((await hold('c')).held);
  });
});
