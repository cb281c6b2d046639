import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StableWords } from '../../src/engines/embedded/moonshine/stable-words.ts';

/** The words after each pass; the passes are `everyMs` apart. */
function passes(texts: readonly string[], { agreementMs = 0, everyMs = 300 } = {}): string[] {
  const stable = new StableWords(agreementMs);
  return texts.map((text, index) => stable.next(text, (index + 1) * everyMs).join(' '));
}

test('words are stable when two consecutive passes agree on them; the last word of a pass is not', () => {
  assert.deepEqual(passes(['What is.', 'What is the.', 'What is the weather?', 'What is the weather like?']), [
    '',
    'What',
    'is',
    'the',
  ]);
});

test('a word on which passes differ is held back, with the words after it', () => {
  assert.deepEqual(passes(['To tickets to', 'Two tickets to bath', 'Two tickets to Bath and']), [
    '',
    '',
    'Two tickets to',
  ]);
});

test('words that a later pass rewrites are neither withdrawn nor repeated', () => {
  assert.deepEqual(
    passes(['To tickets to', 'To tickets to Bath', 'Two tickets to Bath and', 'Two tickets to Bath and Wells']),
    ['', 'To tickets', '', 'to Bath'],
  );
});

test('a longer delay needs agreement over more audio', () => {
  const texts = ['a b c', 'a b c d', 'a b c d e', 'a b c d e f'];
  assert.deepEqual(passes(texts, { agreementMs: 300 }), ['', 'a b', 'c', 'd']);
  assert.deepEqual(passes(texts, { agreementMs: 600 }), ['', '', 'a b', 'c']);
  assert.deepEqual(passes(texts, { agreementMs: 1000 }), ['', '', '', '']);
});

test('complete audio yields all its remaining words, and the next pass starts without history', () => {
  const stable = new StableWords(0);
  stable.next('one two three', 300);
  assert.deepEqual(stable.next('one two three four', 600), ['one', 'two']);
  assert.deepEqual(stable.end('one two three four.'), ['three', 'four.']);
  assert.deepEqual(stable.next('five six', 900), []);
  assert.deepEqual(stable.next('five six seven', 1200), ['five']);
});

test('passes that only extend the text yield its beginning, each word once', () => {
  const word = fc.stringMatching(/^[a-c.,]{1,2}$/);
  const lengths = fc.array(fc.nat(12), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 12 }),
      lengths,
      fc.constantFrom(0, 500, 2000),
      (words, ends, agreementMs) => {
        const texts = ends.toSorted((a, b) => a - b).map((end) => words.slice(0, end).join(' '));
        const sent = passes(texts, { agreementMs })
          .filter((text) => text !== '')
          .join(' ');
        assert.ok(words.join(' ').startsWith(sent));
      },
    ),
    { seed: 1 },
  );
});
