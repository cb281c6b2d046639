import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { EngineSet } from '../../src/server/server.ts';
import { borrowed, embeddedEngines } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { accessibilityOf } from './axe.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

suite('the console and axe-core', inBrowser, () => {
  let engines: EngineSet;
  before(async () => {
    engines = await embeddedEngines();
  });
  after(() => engines.close());

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`no findings in any view, wide or narrow: ${colorScheme}`, async (t) => {
      const server = await newServer(t, { engines: borrowed(engines) });
      const { page, complaints } = await openPage(t, server.url);
      const elsewhere: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(server.url)) elsewhere.push(request.url());
      });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { found, check } = accessibilityOf(page);
      await reach(page, 'ready');
      await check('before the first turn');

      await page.getByTestId('text-input').fill('What is twelve times seven?');
      await page.getByTestId('send').click();
      await reach(page, 'agent-speaks');
      await page.locator('.spoken:not(:empty)').waitFor();
      await check('an answer that is being heard');
      await reach(page, 'ready');
      const row = page.getByTestId('events').getByRole('button', { name: 'response.done' });
      await row.click();
      await page.getByTestId('timeline').focus();
      await page.keyboard.press('ArrowRight');
      await check('after a turn, with an event and a mark');

      await page.getByTestId('text-input').fill('What can you do?');
      await page.getByTestId('send').click();
      await reach(page, 'agent-speaks');
      await page.getByRole('button', { name: 'Stop the answer' }).click();
      await page.locator('[data-interrupted]').waitFor();
      const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
      const picture = { name: 'a dot.png', mimeType: 'image/png', buffer: Buffer.from(pixel, 'base64') };
      await page.getByTestId('picture-files').setInputFiles(picture);
      await page.getByTestId('pictures').getByRole('img').waitFor();
      await check('an interrupted answer, and an image to send');
      await page.getByRole('button', { name: 'Audio', exact: true }).click();
      await check('microphone and speaker');
      await page.keyboard.press('Escape');

      await page.getByRole('button', { name: 'Settings' }).click();
      await check('settings');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Session', exact: true }).click();
      await check('the menu of the session');
      await page.keyboard.press('Escape');

      const session = '{"parley_session":1,"started_at":"2026-11-29T08:00:00Z"}\n';
      const files = page.getByTestId('session-files');
      await files.setInputFiles({ name: 's.jsonl', mimeType: '', buffer: Buffer.from(session) });
      await page.getByText(/^A saved session of/).waitFor();
      await check('an opened session without events');
      await page.getByRole('button', { name: 'Back to your session' }).click();

      const client = await WireClient.open(
        `${server.wsUrl}?model=a-model-with-a-name-that-is-longer-than-any-phone-is-wide`,
      );
      const openList = async () => {
        await page.getByRole('button', { name: 'Session', exact: true }).click();
        await page.getByRole('button', { name: 'Live sessions of the server' }).click();
      };
      await openList();
      await page.getByText('2 sessions').waitFor();
      await check('the list of sessions');
      await page.getByRole('button', { name: /^Watch/ }).click();
      await page.getByText('live, read-only').waitFor();
      await client.ask('What is twelve times seven?');
      await page.getByTestId('record-transcript').getByText('84').waitFor();
      await check('a watched session');
      await page.getByRole('button', { name: 'Back to your session' }).click();

      await page.getByTestId('talk').click();
      await page.getByText('The browser did not allow the microphone.').waitFor();
      await check('a message');
      assert.deepEqual(complaints, []);

      const unauthorized = { status: 401, json: { error: { message: 'Incorrect API key provided: sk-…' } } };
      await page.route('**/v1/parley/sessions', (route) => route.fulfill(unauthorized));
      await openList();
      await page.getByText('This server requires a key.').waitFor();
      await check('the list of sessions without a key');
      assert.deepEqual({ found, elsewhere }, { found: [], elsewhere: [] });
    });
  }
});
