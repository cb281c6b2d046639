import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutPlace, graphemeBoundary, WellFormedText } from '../../src/core/unicode.ts';
import { MappedText } from '../../src/session/speech/mapped-text.ts';
import { preparedText, type SpeechClause, SpeechText } from '../../src/session/speech/speech-text.ts';
import { inWords } from '../../src/session/speech/words.ts';

function clausesOf(pieces: Iterable<string>): SpeechClause[] {
  const speech = new SpeechText({ prepare: true });
  return [...Array.from(pieces, (piece) => speech.push(piece)).flat(), ...speech.flush()];
}

const spokenOf = (text: string) =>
  clausesOf([text])
    .map(({ spoken }) => spoken.text)
    .join('')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** As written, and as passed to a voice. */
const read: readonly [written: string, spoken: string][] = [
  ['You pay **twelve** euros, *tax included*.', 'You pay twelve euros, tax included.'],
  ['### Opening hours ###\nWe open at nine.', 'Opening hours We open at nine.'],
  ['- red\n* blue\n  + [x] green\n1. one\n', 'red blue green 1, one'],
  ['> quoted\n---\nTitle\n=====\n', 'quoted Title'],
  ['See [the form](https://a.example/b?c=d "title"), or [this][1].', 'See the form, or this.'],
  ['[![alt](i.png)](https://a.example) ![picture](p.png)', 'alt picture'],
  ['It is at https://www.shop.example/a/b?x=1.', 'It is at shop.example.'],
  ['<https://shop.example/x> now', 'shop.example now'],
  ['Type `npm start` now.', 'Type npm start now.'],
  ['So:\n```js\nconst a = 1;\n```\nDone.', 'So: Done.'],
  ['~~~\n*x*\n~~~\nDone.', 'Done.'],
  ['```markdown\n# Hi\n- a\n```\nEnd', 'Hi a End'],
  ['| size | price |\n|---|:-:|\n| 40 | 12 |\n', 'size, price 40, 12'],
  ['All done 🎉✨ see you 👋🏽 soon 👨‍👩‍👧 1️⃣ 🇩🇪.', 'All done see you soon 1.'],
  ['\\(x^2\\) and $\\frac{a}{b}$', 'x² and a/b'],
  ['snake_case, __bold__, 2 * 3, a * b, ~~gone~~', 'snake case, bold, 2 × 3, a b, gone'],
  ['<b>bold</b><br>next <!-- no --> 5 < 7', 'bold, next 5 < 7'],
  ['A fact[1] and a note[^a].', 'A fact and a note.'],
  ['−5 °C, 2025‑11‑03, 1\u202f000\u202f000', '-5 °C, 2025-11-03, 1000000'],
  ['क्‍ष stays, so do café and 日本語', 'क्‍ष stays, so do café and 日本語'],
];

test('a voice gets words, without Markdown, URLs, code and emoji', () => {
  for (const [written, spoken] of read) assert.equal(spokenOf(written), spoken, written);
});

const written = fc
  .array(
    fc.oneof(
      fc.constantFrom(...read.map(([text]) => text)),
      fc.constantFrom(
        '\n',
        ' ',
        '**',
        '`',
        '```\n',
        '[',
        '](',
        ')',
        '|',
        '#',
        '<b',
        '>',
        '\\',
        '👩‍👩‍👧',
        '\u0301',
        '🇩',
        '\ud83d',
        '$',
        '_',
        '~~',
        'http',
        '://',
        '. ',
      ),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

test('no text is lost, clauses are well-formed and have whole graphemes, and a voice gets no markup', () => {
  fc.assert(
    fc.property(written, fc.integer({ min: 1, max: 9 }), (raw, size) => {
      const text = raw.toWellFormed();
      const wellFormed = new WellFormedText();
      const pieces = (text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []).map((piece) => wellFormed.push(piece));
      const clauses = clausesOf([...pieces, wellFormed.flush()]);
      assert.equal(clauses.map((clause) => clause.text).join(''), text);
      for (const { text: clause, spoken } of clauses) {
        assert.ok(clause.isWellFormed() && spoken.text.isWellFormed());
        assert.doesNotMatch(spoken.text, /[*`\\|{}[\]]|~~|https?:\/\/|<\/?[a-z]|\p{Emoji_Presentation}/u);
      }
    }),
    { numRuns: 300, examples: [['http#://', 1]] },
  );
});

test('every spoken word has its position in the text', () => {
  fc.assert(
    fc.property(written, (raw) => {
      const text = raw.toWellFormed();
      const prepared = inWords(preparedText(text), 'en');
      let before = 0;
      for (const { 0: word, index } of prepared.text.matchAll(/\S+/g)) {
        const { startChar, endChar } = prepared.place(index, index + word.length);
        assert.ok(startChar >= before && endChar >= startChar && endChar <= text.length);
        before = startChar;
      }
    }),
  );
});

test('text is never split within a grapheme cluster or a surrogate pair', () => {
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), fc.nat(40), (text, index) => {
      const bounds = new Set([...Array.from(segmenter.segment(text), (each) => each.index), text.length]);
      assert.ok(bounds.has(graphemeBoundary(text, index)));
      const place = cutPlace(text, index);
      assert.ok(bounds.has(place) && place > 0);
    }),
  );
});

const english: readonly [written: string, spoken: string][] = [
  [
    'Add 1½ cups, ½ cup, 2¾ liters, 3/4 cup.',
    'Add one and a half cups, half cup, two and three quarters liters, three quarters cup.',
  ],
  ['It is −5 °C, 1 km/h, 20 m².', 'It is minus five degrees Celsius, one kilometer per hour, twenty square meters.'],
  [
    '$1,250.50, 12 €, £3.99, ₹500, $3.5 million',
    'one thousand two hundred fifty dollars and fifty cents, twelve euros, three pounds and ninety-nine pence, five hundred rupees, three point five million dollars',
  ],
  [
    '2025-11-03, 3 Nov 2025 or Nov. 3',
    'November third, twenty twenty-five, the third of November, twenty twenty-five or November third',
  ],
  ['17:30, 5:05 pm, 9:00', "seventeen thirty, five oh five p m, nine o'clock"],
  [
    '555-0199, +1 (555) 010-0199',
    'five five five, zero one nine nine, plus one, five five five, zero one zero, zero one nine nine',
  ],
  ['me@foo-bar.org, docs.example.com', 'me at foo dash bar dot org, docs dot example dot com'],
  ['10³, 2 × 3, 8 ÷ 2, a ≤ b, 5–10', 'ten cubed, two times three, eight divided by two, a at most b, five to ten'],
  [
    '1 000 000, 1,000,000, 007, 3.14, v1.2.3',
    'one million, one million, zero zero seven, three point one four, v one point two point three',
  ],
  [
    'in 1999, the 1990s, 21st, 24/7, 50%',
    'in nineteen ninety-nine, the nineteen nineties, twenty-first, twenty-four seven, fifty percent',
  ],
  [
    'It is 10 in. wide, 6 ft. tall. 5 lb. of flour, 4 in × 6 in, 10 in 12, 5\'10", in 20 min.',
    'It is ten inches wide, six feet tall. five pounds of flour, four inches times six inches, ten in twelve, five feet ten inches, in twenty minutes.',
  ],
  [
    'ISBN 978-3-16-148410-0, ISBN: 080442957X, 123-45-6789',
    'ISBN nine seven eight, three, one six, one four eight four one zero, zero, ISBN: zero eight zero four four two nine five seven X, one two three, four five, six seven eight nine',
  ],
  [
    '4111 1111 1111 1111, DE89 3704 0044 0532 0130 00',
    'four one one one, one one one one, one one one one, one one one one, D E eight nine, three seven zero four, zero zero four four, zero five three two, zero one three zero, zero zero',
  ],
  [
    'The code is 4711. Your order number is 1234567, for 1234567 people.',
    'The code is four seven one one. Your order number is one two three four five six seven, for one million two hundred thirty-four thousand five hundred sixty-seven people.',
  ],
  ['Dr. Smith of Main St. vs. Mr. X, e.g. C#', 'Doctor Smith of Main Street versus Mister X, for example C sharp'],
];

test('a full stop behind a unit does not end a clause', () => {
  const texts = clausesOf(['It is 10 in. wide. It is 6.5 ft. tall, and 20 min. late.']).map(({ text }) => text);
  assert.deepEqual(texts, ['It is 10 in. wide.', ' It is 6.5 ft. tall,', ' and 20 min. late.']);
});

test('English is read in words', () => {
  for (const [text, words] of english) assert.equal(inWords(preparedText(text), 'en-US').text, words);
  assert.equal(inWords(MappedText.of('12 €'), 'de').text, '12 €');
});
