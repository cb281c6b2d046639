import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ClientSecrets, isClientSecret, type SecretTerms } from '../../src/store/client-secrets.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const terms: SecretTerms = { dialect: 'ga', type: 'realtime', project: 'shop', keyName: 'backend' };

const room = { entries: 1000, characters: 1_000_000 };

class WatchedStore extends MemoryStore {
  readonly written: string[] = [];

  override set(key: string, value: string, ttlMs: number): Promise<void> {
    this.written.push(key, value);
    return super.set(key, value, ttlMs);
  }
}

function newSecrets() {
  const clock = new FakeClock();
  const store = new WatchedStore({ clock, limit: 1000 });
  return { clock, store, secrets: new ClientSecrets({ store, clock, perMinute: 100, room }) };
}

async function mint(secrets: ClientSecrets, given: SecretTerms = terms, seconds = 60): Promise<string> {
  const minted = await secrets.mint(given, seconds);
  assert.ok('value' in minted);
  return minted.value;
}

test('the store has neither a secret nor its complete hash', async () => {
  const { store, secrets } = newSecrets();
  const value = await mint(secrets);
  assert.ok(isClientSecret(value));
  const found = await secrets.find(value);
  assert.deepEqual([found?.project, found?.keyName], ['shop', 'backend']);
  assert.ok(store.written.every((text) => !text.includes(value.slice(3))));
  const hash = createHash('sha256').update(value).digest();
  for (const form of ['hex', 'base64url'] as const) {
    assert.ok(store.written.every((text) => !text.includes(hash.toString(form))));
  }
});

test('a value with the same beginning of its hash is not accepted', async () => {
  const { store, secrets } = newSecrets();
  const value = await mint(secrets);
  const [key = '', text = ''] = store.written;
  const kept = JSON.parse(text);
  await store.set(key, JSON.stringify({ ...kept, check: Buffer.alloc(16).toString('base64url') }), 60_000);
  assert.equal(await secrets.find(value), undefined);
});

test('concurrent uses are counted correctly', async () => {
  const { secrets } = newSecrets();
  const value = await mint(secrets, { ...terms, maxSessions: 3 });
  const found = await secrets.find(value);
  assert.ok(found);
  const used = await Promise.all(Array.from({ length: 10 }, () => secrets.use(value, found)));
  assert.equal(used.filter(Boolean).length, 3);
});

test('uses are counted for the lifetime of the secret, which may exceed expires_at by less than a second', async () => {
  const { clock, secrets } = newSecrets();
  await clock.advance(999);
  const value = await mint(secrets, { ...terms, maxSessions: 1 });
  for (let ms = 0, opened = 0; ms < 60_000; ms += 500) {
    const found = await secrets.find(value);
    if (found && (await secrets.use(value, found))) opened += 1;
    assert.equal(opened, 1, `after ${ms} ms`);
    await clock.advance(500);
  }
});

test('thousands of secrets are unique', async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, limit: 10_000 });
  const secrets = new ClientSecrets({
    store,
    clock,
    perMinute: 5000,
    room: { entries: 20_000, characters: 10_000_000 },
  });
  const values = await Promise.all(Array.from({ length: 5000 }, () => mint(secrets)));
  assert.equal(new Set(values).size, 5000);
});

test('one key fills no more than a quarter of the store, and others have room', async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, limit: room.entries, limitCharacters: room.characters });
  const secrets = new ClientSecrets({ store, clock, perMinute: 5000, room });
  const large: SecretTerms = { ...terms, initial: { type: 'realtime', instructions: 'x'.repeat(20_000) } };
  const minted = await Promise.all(Array.from({ length: 60 }, () => secrets.mint(large, 7200)));
  const refused = minted.flatMap((each) => ('retryAfterMs' in each ? each : []));
  assert.equal(minted.length - refused.length, 12);
  const [refusal] = refused;
  assert.ok(refusal);
  assert.match(refusal.message, /a quarter of the room/);
  await mint(secrets, { ...large, keyName: 'another' }, 7200);
  // A small secret needs no room of the large ones.
  await mint(secrets);
  await clock.advance(refusal.retryAfterMs);
  await mint(secrets, large);
});

test('small secrets count as their share of the entries until they expire', async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, limit: room.entries, limitCharacters: room.characters });
  const secrets = new ClientSecrets({ store, clock, perMinute: 5000, room });
  const many = () => Promise.all(Array.from({ length: 300 }, () => secrets.mint(terms, 60)));
  const count = async () => (await many()).filter((each) => 'value' in each).length;
  assert.equal(await count(), 250);
  await clock.advance(660_000);
  assert.equal(await count(), 250);
});

test('a secret that the full store refuses does not count for its key', async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, limit: room.entries, limitCharacters: 1000 });
  const secrets = new ClientSecrets({ store, clock, perMinute: 5000, room });
  const large: SecretTerms = { ...terms, initial: { type: 'realtime', instructions: 'x'.repeat(20_000) } };
  for (let count = 0; count < 20; count += 1) await assert.rejects(secrets.mint(large, 600), /The store is full/);
});

test('creating a secret takes three operations of the store, also for a key with limits', async () => {
  const operations: string[] = [];
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, limit: 100 });
  const counted = new Proxy<Store>(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        operations.push(String(name));
        return Reflect.apply(value, target, args);
      };
    },
  });
  const secrets = new ClientSecrets({ store: counted, clock, perMinute: 100, room });
  await mint(secrets, { ...terms, maxSessions: 2 }, 7200);
  assert.deepEqual(operations, ['count', 'lease', 'set']);
});
