import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import type { EngineSet } from '../../src/server/server.ts';
import { borrowed, embeddedEngines } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

/** Findings of axe-core in the current view, as text; parts that are too wide for the window, too. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const checker: typeof axe = Reflect.get(window, 'axe');
    const { violations } = await checker.run(document, { rules: { 'target-size': { enabled: true } } });
    const tooWide = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => `too wide: ${element.outerHTML.slice(0, 100)}`);
    return [
      ...violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      ),
      ...tooWide,
    ];
  });
}

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
      const found: string[] = [];
      /** In the current view. */
      const check = async (view: string) => {
        for (const size of [
          { width: 1280, height: 800 },
          { width: 320, height: 640 },
        ]) {
          await page.setViewportSize(size);
          found.push(...(await findings(page)).map((finding) => `${view}, ${size.width} px: ${finding}`));
        }
      };
      await reach(page, 'ready');
      await check('before the first turn');

      await page.getByTestId('text-input').fill('What is twelve times seven?');
      await page.getByTestId('send').click();
      await reach(page, 'agent-speaks');
      await reach(page, 'ready');
      const row = page.getByTestId('events').getByRole('button', { name: 'response.done' });
      await row.click();
      await page.getByTestId('timeline').focus();
      await page.keyboard.press('ArrowRight');
      await check('after a turn, with an event and a mark');

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

      await page.getByTestId('talk').click();
      await page.getByText('The browser did not allow the microphone.').waitFor();
      await check('a message');
      assert.deepEqual({ found, complaints, elsewhere }, { found: [], complaints: [], elsewhere: [] });
    });
  }
});
