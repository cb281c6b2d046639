import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

const responses = 1500;

/** A saved session of many events: two per response, and an error in the middle. */
function longSession(): Buffer {
  const error = {
    type: 'error',
    error: { type: 'server_error', code: 'broken', message: 'The middle.', param: 'here' },
  };
  const events = Array.from({ length: responses }, (_, i) => [
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
  const lines = [
    { parley_session: 1, started_at: '2026-11-29T08:00:00Z' },
    ...events.map((event, i) => ({ ms: i * 10, direction: 'received', bytes: 100, event })),
  ];
  return Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));
}

suite('the event log in Chromium', inBrowser, () => {
  test('filters and jumps reach every event of a long session, also those that are not listed', async (t) => {
    const server = await newServer(t);
    const { page, complaints } = await openPage(t, server.url);
    await reach(page, 'ready');
    const name = 'long.jsonl';
    await page.getByTestId('session-files').setInputFiles({ name, mimeType: '', buffer: longSession() });
    await page.getByText(/^A saved session of/).waitFor();
    const rows = page.getByTestId('events').getByRole('listitem');
    const filter = page.getByPlaceholder('Filter');
    assert.equal(await rows.count(), 1000);
    const earlier = page.getByRole('button', { name: 'Show earlier events' });
    await earlier.click();
    assert.equal(await rows.count(), 2000);

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
});
