import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { newServer } from '../../support/server.ts';
import { accessibilityOf } from '../axe.ts';
import { inBrowser, openPage } from '../chromium.ts';
import { openSettings } from './settings-page.ts';

const linkFragment = `settings=${deflateSync(
  JSON.stringify({
    version: 1,
    model: 'gpt-realtime',
    transport: 'websocket',
    dialect: 'ga',
    functions: `function get_price() { return ${'1'.repeat(200)}; }`,
    session: {
      instructions: `Say ${'very '.repeat(100)}long words: ${'x'.repeat(300)}`,
      tools: [
        { type: 'function', name: 'get_price' },
        { type: 'mcp', server_label: 'files' },
        { type: 'mcp', server_label: 'docs', server_url: `https://${'docs.'.repeat(20)}example/mcp` },
      ],
    },
  }),
).toString('base64url')}`;

suite('the settings and axe-core', inBrowser, () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`no findings in any view, wide or narrow: ${colorScheme}`, async (t) => {
      const server = await newServer(t);
      const { page, complaints } = await openPage(t, server.url);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { found, check } = accessibilityOf(page);
      await openSettings(page);
      await page.getByLabel('Name of a new function').fill('get_weather');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Add a parameter' }).click();
      await page.getByLabel('Label of a new MCP server').fill('docs');
      await page.getByLabel('Its address').fill('no address');
      await page.keyboard.press('Enter');
      await page.getByLabel('Its address').fill('https://docs.example/mcp');
      await page.keyboard.press('Enter');
      await page.locator('#settings details').evaluateAll((all) => {
        for (const each of all) each.setAttribute('open', '');
      });
      await page.getByLabel('Speed of speech').fill('9');
      await check('settings, all disclosures open, with a problem');
      await page.getByTestId('settings-json').fill('{');
      await check('settings with JSON that is not valid');
      await page.getByRole('button', { name: 'Discard the edit' }).click();
      await page.keyboard.press('Escape');
      await page.evaluate((fragment) => {
        location.hash = fragment;
      }, linkFragment);
      await page.getByRole('dialog', { name: 'Settings from a link' }).waitFor();
      await check('settings from a link');
      await page.getByRole('button', { name: 'Use them in this tab' }).click();
      await check('borrowed settings');
      assert.deepEqual({ found, complaints }, { found: [], complaints: [] });
    });
  }
});
