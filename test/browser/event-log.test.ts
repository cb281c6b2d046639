import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

const responses = 800;

/** A saved session of these events, one every 10 ms. */
function savedSession(events: object[]): { name: string; mimeType: string; buffer: Buffer } {
  const lines = [
    { parley_session: 1, started_at: '2026-11-29T08:00:00Z' },
    ...events.map((event, i) => ({ ms: i * 10, direction: 'received', bytes: 100, event })),
  ];
  const buffer = Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));
  return { name: 'long.jsonl', mimeType: '', buffer };
}

/** Two per response, and an error in the middle. */
function manyEvents(): object[] {
  const error = {
    type: 'error',
    error: { type: 'server_error', code: 'broken', message: 'The middle.', param: 'here' },
  };
  return Array.from({ length: responses }, (_, i) => [
    { type: 'response.created', response: { id: `resp_${i}` } },
    ...(i === responses / 2 ? [error] : []),
    {
      type: 'response.done',
      response: {
        id: `resp_${i}`,
        status: 'completed',
        status_details: null,
        output: [],
        usage: null,
        metadata: { n: `${i}` },
      },
    },
  ]).flat();
}

suite('the event log in Chromium', inBrowser, () => {
  test('filters and jumps reach every event of a long session, also those that are not listed', async (t) => {
    const server = await newServer(t);
    const { page, complaints } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.getByTestId('session-files').setInputFiles(savedSession(manyEvents()));
    await page.getByText(/^A saved session of/).waitFor();
    const rows = page.getByTestId('events').locator('li');
    const filter = page.getByPlaceholder('Filter');
    assert.equal(await rows.count(), 1000);
    const earlier = page.getByRole('button', { name: 'Show earlier events' });
    await earlier.click();
    assert.equal(await rows.count(), 2 * responses + 1);

    await filter.fill('resp_3 response.created');
    assert.equal(await rows.count(), 111, 'resp_3, resp_30 to 39, resp_300 to 399');
    await filter.fill('"n":"7"');
    assert.match((await rows.textContent()) ?? '', /^0\.150.*response\.done/);
    assert.equal(await earlier.isVisible(), false);
    await filter.fill('');
    await page.getByLabel('Kind of event').selectOption('error');
    assert.equal(await rows.count(), 1);
    await rows.getByRole('button').click();
    await rows.getByRole('button', { name: 'Show in timeline' }).click();
    const details = page.getByTestId('timeline-details');
    assert.match((await details.textContent()) ?? '', /^Error broken “The middle\.” · at /);

    await page.getByTestId('timeline').focus();
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'Home', 'Enter']) await page.keyboard.press(key);
    assert.match((await page.getByTestId('events').locator(':focus').textContent()) ?? '', /response\.created.*resp_0/);
    assert.equal(await rows.count(), 2 * responses + 1);
    assert.deepEqual(complaints, []);
  });

  test('at most 50 kinds of events can be chosen, those of the session that is shown', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const kinds = page.getByLabel('Kind of event').locator('option');
    const files = page.getByTestId('session-files');
    await files.setInputFiles(savedSession(Array.from({ length: 60 }, (_, i) => ({ type: `kind${i}.event` }))));
    await page.getByText(/^A saved session of/).waitFor();
    assert.equal(await kinds.count(), 3 + 50);
    await files.setInputFiles(savedSession([{ type: 'other.event' }]));
    await page.getByTestId('events').getByText('other.event').waitFor();
    assert.deepEqual(await kinds.allTextContents(), ['All', 'Sent ↑', 'Received ↓', 'other']);
  });

  test('a transcript that drops its oldest messages says so', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const messages = Array.from({ length: 600 }, (_, i) => ({
      type: 'conversation.item.added',
      previous_item_id: null,
      item: { id: `item_${i}`, type: 'message', role: 'user', content: [{ type: 'input_text', text: `Number ${i}` }] },
    }));
    await page.getByTestId('session-files').setInputFiles(savedSession(messages));
    const texts = page.getByTestId('record-transcript').locator('li');
    await texts.first().getByText('earlier messages are in the events only').waitFor();
    assert.equal(await texts.count(), 500);
    assert.match((await texts.nth(1).textContent()) ?? '', /Number 101$/);
    assert.match((await texts.last().textContent()) ?? '', /Number 599$/);
  });
});
