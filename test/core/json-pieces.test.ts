import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { jsonLength, jsonPieces, jsonSize, lastingJson } from '../../src/core/json-pieces.ts';

test('the pieces of JSON add up to the whole, and none is much longer than the limit', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), text, fc.integer({ min: 4, max: 40 }), (value, long, size) => {
      const whole = { value, long, left: undefined, list: [value, long, null] };
      const pieces = [...jsonPieces(whole, size)];
      assert.equal(pieces.join(''), JSON.stringify(whole));
      const longestKey = JSON.stringify(whole).length;
      for (const piece of pieces) assert.ok(piece.length <= 6 * (size + 2) + longestKey);
    }),
  );
});

test('text is split between characters, also if each is escaped or takes two code units', () => {
  for (const text of [
    '\u0001'.repeat(1000),
    '💥'.repeat(1000),
    `a${'💥'.repeat(1000)}`,
    '"'.repeat(1000),
    '\ud83d'.repeat(1000),
  ]) {
    const pieces = [...jsonPieces({ text }, 64)];
    assert.equal(pieces.join(''), JSON.stringify({ text }));
    assert.ok(pieces.length >= text.length / 64);
    for (const piece of pieces) assert.ok(piece.length <= 6 * 66, `${piece.length} characters at once`);
  }
});

test('the minimum length of JSON never exceeds its length', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.ok(jsonLength(value) <= JSON.stringify(value).length)));
});

test('a large object is counted once, at any depth', () => {
  const members = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, {}]));
  let reads = 0;
  const large = new Proxy(members, {
    ownKeys: (target) => {
      reads += 1;
      return Reflect.ownKeys(target);
    },
  });
  const nested = Array.from({ length: 90 }).reduce((inner) => ({ inner }), large);
  const pieces = [...jsonPieces(nested, 4096)];
  // Once to count it, once to write it.
  assert.equal(reads, 2);
  assert.equal(pieces.join(''), JSON.stringify(nested));
});

test('the JSON of an immutable value is written once, and is the same at any position', () => {
  const text = '💥"\u0001'.repeat(200);
  let reads = 0;
  const lasting = new Proxy(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, [text]])), {
    ownKeys: (target) => {
      reads += 1;
      return Reflect.ownKeys(target);
    },
  });
  const copy = structuredClone({ ...lasting });
  const json = lastingJson(lasting);
  assert.equal(json, JSON.stringify(copy));
  reads = 0;
  assert.equal(lastingJson(lasting), json);
  const [event, likeIt] = [lasting, copy].map((tools) => ({ type: 'x', session: { tools, a: 1 } }));
  const pieces = [...jsonPieces(event, 4096)];
  assert.equal(pieces.join(''), JSON.stringify(likeIt));
  for (const piece of pieces) assert.ok(piece.length <= 4096 + 1, `${piece.length} characters at once`);
  assert.equal(jsonSize(event).values, jsonSize(likeIt).values);
  assert.equal(reads, 0);
});
