import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { packRanks } from '../../src/engines/token-ranks.ts';
import { countInPieces, createTokenizer } from '../../src/engines/tokenizer.ts';
import { verifies } from '../support/verifies.ts';

const prose =
  'The quick brown fox jumps over the lazy dog, and then it says: "Is that all?" It costs 3.50 in 2026. ' +
  'Nobody knows, though a few have asked.\n\n';

function newTokenizer() {
  return createTokenizer((error) => assert.fail(String(error)));
}

test('tokens are estimated by length until the encoding is loaded, and then exact', async () => {
  verifies('R3.33');
  const tokenizer = newTokenizer();
  assert.equal(tokenizer.count('twelve chars'), 3);
  await tokenizer.load();
  for (const text of [
    '',
    'Hello there.',
    prose,
    prose.repeat(20),
    '¿Qué hora es, por favor?',
    '{"a":[1,2,{"b":null}]}',
  ]) {
    assert.equal(tokenizer.count(text), text === '' ? 0 : countTokens(text), text.slice(0, 40));
  }
});

test('a long text is estimated by samples of all of it, within a few per cent', async () => {
  const tokenizer = newTokenizer();
  await tokenizer.load();
  const text = prose.repeat(300) + '今日はとても良い天気ですね。'.repeat(2000);
  const exact = countTokens(prose) * 300 + countTokens('今日はとても良い天気ですね。') * 2000;
  const counted = tokenizer.count(text);
  assert.ok(Math.abs(counted - exact) < 0.06 * exact, `${counted} for ${exact}`);
});

test('special tokens in text are text, and no text throws', async () => {
  const tokenizer = newTokenizer();
  await tokenizer.load();
  assert.ok(tokenizer.count('<|endoftext|>') > 1);
  for (const text of ['\ud83d', '\udc00\udc00', '👩‍👩‍👧'.repeat(100), '\0']) assert.ok(tokenizer.count(text) > 0);
});

test('the work is bounded for any text', () => {
  // The encoding is quadratic in the size of its input, and linear in its tokens.
  for (const tokensPerCharacter of [2, 0.25, 0.01]) {
    let longest = 0;
    let characters = 0;
    const count = countInPieces('x'.repeat(5_000_000), (piece) => {
      longest = Math.max(longest, piece.length);
      characters += piece.length;
      return Math.ceil(piece.length * tokensPerCharacter);
    });
    assert.ok(longest <= 256, `a piece of ${longest}`);
    assert.ok(characters * Math.min(1, tokensPerCharacter) <= 2048 + 256, `${characters} characters`);
    assert.ok(count >= 5_000_000 * tokensPerCharacter * 0.99);
  }
});

test('characters of all kinds have the tokens of the reference', async () => {
  const tokenizer = newTokenizer();
  await tokenizer.load();
  // Without the byte order mark, which the reference drops.
  const texts = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !text.includes('\ufeff'));
  const run = fc.property(texts, (text) => {
    assert.equal(tokenizer.count(text), countTokens(text, { disallowedSpecial: new Set() }));
  });
  fc.assert(run, { numRuns: 2000 });
});

test('a damaged file of tokens is refused', () => {
  assert.throws(() => packRanks('IQ== 0\nIg== 2\n'), /Line 2 has rank 2, not 1: the file is damaged/);
});
