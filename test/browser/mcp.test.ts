/** The page with an MCP server: its settings, the buttons of a request for approval, and the results. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { startMcpServer } from '../../dev/harness/mcp-server.ts';
import { fakeEngines, saysResultOf } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { inBrowser, openPage, reach } from './chromium.ts';
import { closeSettings, openSettings, sessionOf } from './settings/settings-page.ts';

suite('the page with MCP servers', inBrowser, () => {
  test('a call is approved, and another one rejected, with buttons', async (t) => {
    verifies('R3.78');
    const mcp = await startMcpServer('modern');
    t.after(() => mcp.close());
    const engines = fakeEngines();
    engines.languageModel.script = saysResultOf('docs_search', { query: 'pacing' });
    const { url } = await newServer(t, { engines: fakeEngineSet(engines), config: { outgoingAllow: ['127.0.0.1'] } });
    const { page, complaints } = await openPage(t, url);
    await reach(page, 'ready');
    const imported = page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true });
    await openSettings(page);
    await page.getByLabel('Label of a new MCP server').fill('docs');
    await page.getByLabel('Its address').fill(mcp.url);
    await page.getByRole('button', { name: 'Add an MCP server' }).click();
    await closeSettings(page);
    await imported.waitFor();

    const entries = page.getByTestId('transcript');
    const ask = async (button: 'Approve' | 'Reject') => {
      await page.getByTestId('text-input').fill('How does pacing work?');
      await page.getByTestId('send').click();
      await entries.getByText('May docs run search({"query":"pacing"})?').last().waitFor();
      await entries.getByRole('button', { name: button }).click();
      const left = await entries.getByRole('button', { name: /^(Approve|Reject)$/ }).count();
      assert.equal(left, 0, 'a request is answered once');
    };
    await ask('Approve');
    await entries.getByText('result: Found: pacing').waitFor();
    await entries.getByText('It says: Found: pacing').waitFor();
    await ask('Reject');
    await entries.getByText('It says: The tool failed: The call was not approved').waitFor();
    assert.equal(mcp.count('tools/call'), 1);
    assert.equal(await page.locator('.notice').count(), 0);
    assert.deepEqual(complaints, []);
  });

  test('the secrets of a server are sent, and neither shown nor stored nor recorded', async (t) => {
    const secret = 'hush-hush-0123456789';
    const mcp = await startMcpServer('modern');
    t.after(() => mcp.close());
    const { url } = await newServer(t, { config: { outgoingAllow: ['127.0.0.1'] } });
    const session = { tools: [{ type: 'mcp', server_label: 'docs', server_url: mcp.url }] };
    const { page } = await openPage(t, url, { stored: { session } });
    await openSettings(page);
    await page.locator('summary', { hasText: 'docs ·' }).click();
    await page.getByLabel('Authorization').fill(secret);
    await page.getByLabel('Headers').fill(`X-Team: ${secret}`);
    await page.getByLabel('Headers').blur();
    await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).nth(2).waitFor();
    const sent = mcp.requests.map(({ headers }) => [headers.authorization, headers['x-team']].join());
    assert.ok(sent.includes(`Bearer ${secret},${secret}`), sent.join(' '));
    assert.match(JSON.stringify(await sessionOf(page)), /"authorization":"•+","headers":{"X-Team":"•+"}/);
    const shown = await page.evaluate(() => document.body.textContent + JSON.stringify(localStorage));
    assert.doesNotMatch(shown, /hush/);
    for (const row of await page.getByTestId('events').getByText('session.update', { exact: true }).all()) {
      await row.evaluate((node) => node.closest('button')?.click());
    }
    assert.doesNotMatch((await page.getByTestId('events').textContent()) ?? '', /hush/);
  });
});
