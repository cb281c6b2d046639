import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WordClock } from '../../console/captions.js';
import type { ServerEvent } from '../../console/realtime-client.js';

/** A clock that has received an answer of two clauses, the first with timed words. */
function answered() {
  const clock = new WordClock();
  const receive = (event: object) =>
    clock.receive({
      event_id: 'event',
      response_id: 'resp',
      item_id: 'item',
      content_index: 0,
      ...event,
    } as ServerEvent);
  const begins = (...words: [number, number][]) =>
    receive({
      type: 'parley.words',
      words: words.map(([start_char, audio_start_ms]) => ({ start_char, audio_start_ms })),
    });
  receive({ type: 'response.output_audio_transcript.delta', delta: 'One two three.' });
  begins([0, 0]);
  begins([0, 40], [4, 500], [8, 700]);
  receive({ type: 'response.output_audio_transcript.delta', delta: ' Four fives' });
  begins([14, 1000]);
  const wordAt = (ms: number, text = 'One two three. Four fives') => {
    const word = clock.wordAt('item', ms);
    return word && text.slice(word.from, word.until);
  };
  return { clock, receive, begins, wordAt };
}

test('a word is spoken from its start on, and words without times share their clause', () => {
  const { wordAt, begins } = answered();
  assert.deepEqual(
    [0, 499, 500, 699, 700, 999].map((ms) => wordAt(ms)),
    ['One', 'One', 'two', 'two', 'three.', 'three.'],
  );
  assert.deepEqual(
    [1100, 1500].map((ms) => wordAt(ms)),
    ['Four', 'fives'],
    'at a usual pace',
  );
  begins([25, 3000]);
  assert.deepEqual(
    [1200, 1900, 2100, 2999].map((ms) => wordAt(ms)),
    ['Four', 'Four', 'fives', 'fives'],
  );
  assert.equal(wordAt(3000), '', 'everything has been heard');
});

test('at the end of playback everything has been heard, whatever the server has said', () => {
  const { clock, wordAt } = answered();
  assert.equal(wordAt(Number.POSITIVE_INFINITY), '');
  assert.equal(clock.wordAt('another', 100), null);
});

test('the items of a response follow each other in a call', () => {
  const { clock, receive, begins } = answered();
  begins([25, 3000]);
  receive({ type: 'response.output_audio_transcript.delta', item_id: 'next', delta: 'Six.' });
  assert.deepEqual(clock.itemsUntil('resp', 2000), [{ itemId: 'item', atMs: 2000 }]);
  assert.deepEqual(clock.itemsUntil('resp', 3100), [
    { itemId: 'item', atMs: 3100 },
    { itemId: 'next', atMs: 100 },
  ]);
});
