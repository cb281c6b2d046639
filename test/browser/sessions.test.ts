/** The live sessions of the server in the page: the list, and a view of a session while its client talks. */

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { apiKey, type ServerOptions } from '../../src/server/server.ts';
import { fakeEngines, say, silence, tone } from '../support/fake-engines.ts';
import { ask, bearer } from '../support/rest.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { SessionView } from '../support/session-view.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

const shop = 'sk-shop-0123456789';
const operator = 'sk-operator-0123456789';
const apiKeys = [apiKey('shop-backend', shop, { project: 'shop' }), apiKey('operations', operator, { operator: true })];
const turn = Buffer.from(Int16Array.of(...tone(400, 24_000), ...silence(700, 24_000)).buffer).toString('base64');

/** A server whose model says "It is four.", with another client than the page. */
async function withClient(t: TestContext, options: ServerOptions = {}) {
  const engines = fakeEngines();
  engines.languageModel.script = () => say('It is four.');
  const server = await newServer(t, { engines: fakeEngineSet(engines), ...options });
  const client = new WireClient(`${server.wsUrl}?model=support`, bearer(shop));
  const { session } = await client.until('session.created');
  return { server, client, id: session.id };
}

async function openList(page: Page) {
  await page.getByRole('button', { name: 'Session', exact: true }).click();
  await page.getByRole('button', { name: 'Live sessions of the server' }).click();
  return page.getByTestId('sessions');
}

const status = (page: Page) => page.locator('#opened-name');

suite('live sessions in the console in Chromium', inBrowser, () => {
  test('a session of another client is listed, watched while it talks, and ends', async (t) => {
    verifies('R1.33', 'R1.34');
    const { server, client, id } = await withClient(t);
    const { page, complaints } = await openPage(t, server.url);
    await reach(page, 'ready');
    const list = await openList(page);
    await list.getByText('2 sessions', { exact: true }).waitFor();
    const row = list.getByRole('listitem').filter({ hasText: id });
    assert.match((await row.textContent()) ?? '', /support.*WebSocket.*fake.*Age\d+ s.*Turns0.*Latency–.*Cost–/);
    assert.equal(await list.getByText('This page', { exact: true }).count(), 1);
    await row.getByRole('button', { name: `Watch ${id}` }).click();
    await status(page).getByText('live, read-only').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'close-session');
    await page.getByText('Earlier events, audio and what its client sends are not shown').waitFor();

    client.send({ type: 'input_audio_buffer.append', audio: turn });
    await client.until('response.done');
    const transcript = page.getByTestId('record-transcript');
    await transcript.locator('[data-role=assistant] .text', { hasText: 'It is four.' }).waitFor();
    assert.equal(await transcript.locator('[data-role=user]').count(), 1);
    assert.equal(await transcript.getByRole('button').count(), 0, 'nothing can be replayed or answered');
    assert.equal(await page.getByTestId('talk').isVisible(), false);
    await page.getByTestId('events').getByText('parley.ledger').waitFor();
    await page.getByTestId('facts').getByText('1 completed').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Play', exact: true }).isDisabled(), true);

    await page.getByTestId('timeline').focus();
    await page.keyboard.press('ArrowRight');
    for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowUp');
    const marks = [];
    for (let i = 0; i < 6; i++) {
      marks.push(((await page.getByTestId('timeline-details').textContent()) ?? '').split(' · ')[0]);
      await page.keyboard.press('ArrowDown');
    }
    assert.deepEqual(
      marks.slice(0, 4).map((mark) => mark?.split(' ')[0]),
      ['Speech', 'Turn', 'Transcript', 'Response'],
    );

    client.socket.close();
    await status(page).getByText('it has ended').waitFor();
    await page.getByTestId('events').getByText('session_ended').waitFor();
    await page.getByRole('button', { name: 'Back to your session' }).click();
    assert.equal(await page.getByTestId('talk').isVisible(), true);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'session-button');
    assert.equal(await page.getByTestId('events').getByText('parley.view').count(), 0);
    await openList(page);
    await list.getByText('1 session', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await list.isVisible(), false);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'session-button');
    assert.deepEqual(complaints, []);
  });

  test('many sessions are on pages, sorted by any figure', async (t) => {
    verifies('R1.33');
    const { server } = await withClient(t, { config: { limits: { sessionRows: 10 } } });
    const clients: WireClient[] = [];
    for (let i = 0; i < 29; i++) clients.push(await WireClient.open(`${server.wsUrl}?model=m${i}`));
    const talking = clients[14] ?? assert.fail();
    talking.send({ type: 'input_audio_buffer.append', audio: turn });
    await talking.until('response.done');
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const list = await openList(page);
    await list.getByText('1 to 25 of 31').waitFor();
    const rows = list.getByRole('listitem');
    assert.equal(await rows.count(), 25);
    await list.getByRole('button', { name: 'Next' }).click();
    await list.getByText('26 to 31 of 31').waitFor();
    assert.equal(await rows.count(), 6);
    await list.getByLabel('Sort by').selectOption('turns');
    await list.getByText('1 to 25 of 31').waitFor();
    assert.match((await rows.first().textContent()) ?? '', /^m14.*Turns1/);
  });

  test('with keys, the page requires one of an operator, and stores it nowhere', async (t) => {
    verifies('R1.34');
    const { server, id } = await withClient(t, { config: { apiKeys } });
    const { page } = await openPage(t, server.url);
    const list = await openList(page);
    await list.getByText('This server requires a key. Enter an operator’s key').waitFor();
    const give = async (key: string) => {
      await list.getByLabel('Operator’s key').fill(key);
      await page.keyboard.press('Enter');
    };
    await give('sk-wrong');
    await list.getByText(/^Incorrect API key provided/).waitFor();
    await give(shop);
    await list.getByText('1 session that this key may see').waitFor();
    await list.getByRole('button', { name: `Watch ${id}` }).click();
    await list.getByText(/^This endpoint is for operators/).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'operator-key');
    await give(operator);
    await list.getByRole('button', { name: `Watch ${id}` }).click();
    await status(page).getByText('live, read-only').waitFor();
    await page.getByTestId('facts').getByText('shop, shop-backend').waitFor();
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert.doesNotMatch(stored, /sk-operator/);
  });

  test('the list goes on after an answer of another kind, and waits as long as the server asks', async (t) => {
    verifies('R1.33');
    const { server } = await withClient(t);
    const { page, complaints } = await openPage(t, server.url);
    await reach(page, 'ready');
    const error = { message: 'Busy.' };
    const replies = [{ json: {} }, { status: 503, headers: { 'Retry-After': '20' }, json: { error } }];
    await page.route('**/v1/parley/sessions', (route) => {
      const reply = replies.shift();
      return reply === undefined ? route.continue() : route.fulfill(reply);
    });
    await page.clock.install();
    const list = await openList(page);
    await list.getByText('This server did not answer with a list of sessions. Trying again…').waitFor();
    await page.clock.runFor(3000);
    const busy = list.getByText('Busy.', { exact: true });
    await busy.waitFor();
    await page.clock.runFor(19_000);
    assert.equal(await busy.count(), 1);
    await page.clock.runFor(1000);
    await list.getByText('2 sessions', { exact: true }).waitFor();
    assert.deepEqual(
      complaints.filter((complaint) => !complaint.includes('503')),
      [],
    );
  });

  test('a late answer for an earlier key is ignored', async (t) => {
    verifies('R1.34');
    const { server } = await withClient(t, { config: { apiKeys } });
    const { page } = await openPage(t, server.url);
    const list = await openList(page);
    const release = Promise.withResolvers<void>();
    await page.route('**/v1/parley/sessions', async (route) => {
      if (route.request().headers().authorization !== 'Bearer sk-wrong') return route.continue();
      await release.promise;
      await route.continue();
    });
    const late = page.waitForResponse((response) => response.request().headers().authorization === 'Bearer sk-wrong');
    for (const key of ['sk-wrong', operator]) {
      await list.getByLabel('Operator’s key').fill(key);
      await page.keyboard.press('Enter');
    }
    await list.getByText('1 session that this key may see').waitFor();
    release.resolve();
    await (await late).finished();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    assert.equal(await list.getByText('1 session that this key may see').count(), 1);
  });

  test('a view that was lost, or was too slow, is opened again, and the page says that events are missing', async (t) => {
    verifies('R1.34');
    const { server, client, id } = await withClient(t);
    const { body: row } = await ask(server, `GET /v1/parley/sessions/${id}`);
    const event = (fields: object) => `data: ${JSON.stringify(fields)}\n\n`;
    const opened = event({ type: 'parley.view.opened', session: row });
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const content = [{ type: 'output_audio', transcript: 'Begun before the view.' }];
    const done = {
      type: 'conversation.item.done',
      ...{ previous_item_id: null, item: { id: 'item_0', type: 'message', role: 'assistant', content } },
    };
    const closed = (reason: string) => opened + event({ type: 'parley.view.closed', reason });
    const streams = [opened + event(done), closed('too_slow'), closed('failed')];
    await page.route('**/events', (route) => {
      const body = streams.shift();
      return body === undefined ? route.continue() : route.fulfill({ contentType: 'text/event-stream', body });
    });
    const watch = (await openList(page)).getByRole('button', { name: `Watch ${id}` });
    await watch.waitFor();
    await page.clock.install();
    await watch.click();
    await status(page).getByText('the connection was lost. Reconnecting…').waitFor();
    await page.clock.runFor(1000);
    await status(page).getByText('events are missing. Reconnecting…').waitFor();
    await page.clock.runFor(2000);
    await status(page).getByText('the server failed to show it. Reconnecting…').waitFor();
    await page.clock.runFor(3900);
    assert.match(
      (await status(page).textContent()) ?? '',
      /Reconnecting…$/,
      'a view that ends at once counts as failed',
    );
    await page.clock.runFor(100);
    await status(page).getByText('live, read-only').waitFor();
    await client.ask('Still there?');
    await page.getByTestId('record-transcript').getByText('It is four.').waitFor();
    await page.getByTestId('record-transcript').getByText('Begun before the view.').waitFor();
    await page.getByTestId('timeline').focus();
    await page.keyboard.press('ArrowRight');
    for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    assert.match(
      (await page.getByTestId('timeline-details').textContent()) ?? '',
      /^View opened “sess_.*” · at .* · missing: events from [\d.]+ s on$/,
    );
  });

  test('a view that the server refuses for now is opened later', async (t) => {
    verifies('R1.34');
    const { server, id } = await withClient(t, { config: { limits: { viewsPerSession: 1 } } });
    const view = await SessionView.open(server, id);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.clock.install();
    const list = await openList(page);
    await list.getByRole('button', { name: `Watch ${id}` }).click();
    await status(page)
      .getByText(/: This session has its maximum of 1 views .* Trying again…$/)
      .waitFor();
    view.leave();
    await view.closed;
    await page.clock.runFor(6000);
    await status(page).getByText('live, read-only').waitFor();
  });

  test('a lost server is reported in the list and in the view', async (t) => {
    const { server, id } = await withClient(t);
    const { body: session } = await ask(server, `GET /v1/parley/sessions/${id}`);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const body = `data: ${JSON.stringify({ type: 'parley.view.opened', session })}\n\n`;
    await page.route('**/events', (route) => route.fulfill({ contentType: 'text/event-stream', body }), { times: 1 });
    const list = await openList(page);
    const watch = list.getByRole('button', { name: `Watch ${id}` });
    await watch.waitFor();
    await page.clock.install();
    await watch.click();
    const lost = status(page).getByText(': the connection was lost. Reconnecting…');
    await lost.waitFor();
    await server.close();
    const failed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/events'));
    await page.clock.runFor(1000);
    await failed;
    assert.equal(await lost.count(), 1);
    await openList(page);
    await list.getByText('The server cannot be reached. Is Parley running? Trying again…').waitFor();
  });
});
