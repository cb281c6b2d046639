/** Tests that any implementation of {@link Store} must pass: call `storeContract` from a file that `node --test` runs. */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Store } from './store.ts';

export interface StoreSubject {
  store: Store;
  /** Lets this much time pass on the store's clock: advances a fake one, or waits. */
  advance(ms: number): Promise<void>;
}

/** `open` makes a store that is empty, with room for at least 100 keys of each kind. */
export function storeContract(name: string, open: (t: TestContext) => Promise<StoreSubject> | StoreSubject): void {
  describe(`${name}: texts`, () => {
    it('exist until they expire or are deleted', async (t) => {
      const { store, advance } = await open(t);
      await store.set('a', 'one', 1000);
      await store.set('b', 'two', 5000);
      await advance(900);
      assert.equal(await store.get('a'), 'one');
      await advance(100);
      assert.equal(await store.get('a'), undefined);
      assert.equal(await store.get('b'), 'two');
      await store.delete('b');
      await store.delete('b');
      assert.equal(await store.get('b'), undefined);
    });

    it('live for the whole new time when they are set again', async (t) => {
      const { store, advance } = await open(t);
      await store.set('a', 'one', 1000);
      await advance(900);
      await store.set('a', 'two', 1000);
      await advance(900);
      assert.equal(await store.get('a'), 'two');
    });

    it('are any Unicode, and the empty text', async (t) => {
      const { store } = await open(t);
      for (const text of ['', 'naïve 🎧 "quoted"\n', '{"a":1}']) {
        await store.set('a', text, 1000);
        assert.equal(await store.get('a'), text);
      }
    });
  });

  describe(`${name}: counters`, () => {
    it('start again at 0 when their time is over, however often they were counted', async (t) => {
      const { store, advance } = await open(t);
      const options = { amount: 1, ttlMs: 2000 };
      assert.equal((await store.count('a', options)).total, 1);
      await advance(1500);
      const second = await store.count('a', options);
      assert.equal(second.total, 2);
      assert.ok(second.expiresInMs > 0 && second.expiresInMs <= 500, `expires in ${second.expiresInMs} ms`);
      await advance(500);
      assert.equal((await store.count('a', options)).total, 1);
    });

    it('refuse an amount that exceeds their limit, and stay as they were', async (t) => {
      const { store } = await open(t);
      await store.count('a', { amount: 3, limit: 5, ttlMs: 5000 });
      const refused = await store.count('a', { amount: 3, limit: 5, ttlMs: 5000 });
      assert.deepEqual([refused.admitted, refused.total], [false, 3]);
      assert.equal((await store.count('a', { amount: 2, limit: 5, ttlMs: 5000 })).admitted, true);
    });

    it('go down to 0 and no further, also from above a limit', async (t) => {
      const { store } = await open(t);
      await store.count('a', { amount: 7, ttlMs: 5000 });
      assert.equal((await store.count('a', { amount: -2, limit: 1, ttlMs: 5000 })).total, 5);
      assert.equal((await store.count('a', { amount: -9, ttlMs: 5000 })).total, 0);
    });

    it('are read by counting 0, which starts none', async (t) => {
      const { store, advance } = await open(t);
      assert.deepEqual(await store.count('a', { amount: 0, limit: 5, ttlMs: 5000 }), {
        admitted: true,
        total: 0,
        expiresInMs: 5000,
      });
      await advance(1000);
      assert.equal((await store.count('a', { amount: 1, ttlMs: 5000 })).expiresInMs, 5000);
    });

    it('never admit more than their limit when counted concurrently', async (t) => {
      const { store } = await open(t);
      const counts = await Promise.all(
        Array.from({ length: 20 }, () => store.count('a', { amount: 1, limit: 7, ttlMs: 5000 })),
      );
      assert.equal(counts.filter(({ admitted }) => admitted).length, 7);
    });

    it('are gone once they are deleted', async (t) => {
      const { store } = await open(t);
      await store.count('a', { amount: 3, ttlMs: 5000 });
      await store.delete('a');
      assert.equal((await store.count('a', { amount: 0, ttlMs: 5000 })).total, 0);
    });
  });

  describe(`${name}: leases`, () => {
    const lease = { limit: 2, ttlMs: 1000 };

    it('are as many as the limit, and one that is released makes room', async (t) => {
      const { store } = await open(t);
      assert.equal((await store.lease('a', '1', lease)).held, true);
      assert.equal((await store.lease('a', '2', lease)).held, true);
      assert.equal((await store.lease('a', '3', lease)).held, false);
      assert.equal((await store.lease('b', '3', lease)).held, true, 'another key has places of its own');
      await store.release('a', '1');
      await store.release('a', '1');
      await store.release('a', 'unknown');
      assert.equal((await store.lease('a', '3', lease)).held, true);
      assert.equal((await store.lease('a', '4', lease)).held, false);
    });

    it('expire unless they are renewed, each by itself', async (t) => {
      const { store, advance } = await open(t);
      await store.lease('a', '1', lease);
      await store.lease('a', '2', lease);
      await advance(700);
      assert.equal((await store.lease('a', '2', lease)).held, true, 'a renewal');
      await advance(300);
      assert.equal((await store.lease('a', '3', lease)).held, true, 'the first has expired');
      assert.equal((await store.lease('a', '4', lease)).held, false, 'the second was renewed');
    });

    it('are never refused as a renewal, nor without a limit', async (t) => {
      const { store } = await open(t);
      for (const id of ['1', '2', '3']) assert.equal((await store.lease('a', id, { ttlMs: 1000 })).held, true);
      assert.equal((await store.lease('a', '1', lease)).held, true);
      assert.equal((await store.lease('a', '4', lease)).held, false);
    });

    it('hold amounts that share the limit, and a refusal says when the next expires', async (t) => {
      const { store, advance } = await open(t);
      assert.equal((await store.lease('a', '1', { amount: 60, limit: 100, ttlMs: 1000 })).held, true);
      assert.equal((await store.lease('a', '2', { amount: 40, limit: 100, ttlMs: 5000 })).held, true);
      const refused = await store.lease('a', '3', { amount: 1, limit: 100, ttlMs: 1000 });
      assert.ok(!refused.held && refused.expiresInMs > 0 && refused.expiresInMs <= 1000);
      await advance(1000);
      assert.equal((await store.lease('a', '3', { amount: 61, limit: 100, ttlMs: 1000 })).held, false);
      assert.equal((await store.lease('a', '3', { amount: 60, limit: 100, ttlMs: 1000 })).held, true);
    });

    it('never exceed the limit when taken concurrently', async (t) => {
      const { store } = await open(t);
      const taken = await Promise.all(Array.from({ length: 20 }, (_, id) => store.lease('a', String(id), lease)));
      assert.equal(taken.filter(({ held }) => held).length, 2);
    });
  });
}
