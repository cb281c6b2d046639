/** Settings from a link or a saved session: nothing of them is used before a click, and hostile ones do nothing at all. */

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { startMcpServer } from '../../../dev/harness/mcp-server.ts';
import { newServer } from '../../support/server.ts';
import { inBrowser, openPage, reach } from '../chromium.ts';
import { openSettings, sessionOf, watchSession } from './settings-page.ts';

const instructions = 'You sell shoes. <img src=x onerror="document.title=\'hacked\'">';
const functions = 'function get_price() { return 12; } // </pre><script>alert(1)</script>';
const tool = { type: 'function', name: 'get_price', parameters: { type: 'object' } };

function linkTo(url: string, session: object, more: object = {}): string {
  const shared = { version: 1, model: 'gpt-realtime', transport: 'websocket', dialect: 'ga', functions, session };
  return `${url}/#settings=${deflateSync(JSON.stringify({ ...shared, ...more })).toString('base64url')}`;
}

/** Opens a saved session, and asks for its settings. */
async function openSaved(page: Page, created: object, updates: object[]): Promise<void> {
  const events = [
    ['received', { type: 'session.created', session: { model: 'gpt-realtime', ...created } }],
    ...updates.map((session) => ['sent', { type: 'session.update', session }]),
  ].map(([direction, event]) => JSON.stringify({ ms: 0, direction, bytes: 1, event }));
  const lines = ['{"parley_session":1,"started_at":"2026-11-29T08:00:00Z"}', ...events];
  const file = { name: 's.jsonl', mimeType: '', buffer: Buffer.from(lines.join('\n')) };
  await page.getByTestId('session-files').setInputFiles(file);
  await page.getByRole('button', { name: 'Use its settings…' }).click();
}

const audio = { input: { turn_detection: null }, output: { voice: 'alloy' } };
const review = (page: Page) => page.getByRole('dialog', { name: 'Settings from a link' });

/** A page that was opened by a link with an MCP server, whose settings are offered. */
async function openLink(t: TestContext) {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const server = await newServer(t, { config: { outgoingAllow: ['127.0.0.1'] } });
  const session = {
    type: 'realtime',
    instructions,
    tools: [tool, { type: 'mcp', server_label: 'docs', server_url: mcp.url, require_approval: 'never' }],
  };
  const opened = await openPage(t, linkTo(server.url, session), { stored: { session: { instructions: 'My own.' } } });
  await review(opened.page).waitFor();
  return { ...opened, mcp, server, session };
}

suite('settings from elsewhere in Chromium', inBrowser, () => {
  test('a link says what will run and be contacted, and is used after a click, in this tab only', async (t) => {
    const { page, complaints, mcp, server, session } = await openLink(t);
    const text = (await review(page).textContent()) ?? '';
    assert.ok(text.includes(`${new URL(mcp.url).host} (MCP, docs): may call its tools without asking you.`), text);
    assert.ok(text.includes(functions));
    assert.ok(text.includes(instructions));
    await reach(page, 'ready');
    assert.equal(mcp.requests.length, 0);
    assert.equal(await page.evaluate(() => location.href), `${server.url}/`);

    await page.getByRole('button', { name: 'Use them in this tab' }).click();
    await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).waitFor();
    await openSettings(page);
    assert.deepEqual(await sessionOf(page), session);
    assert.equal(await page.getByLabel('JavaScript of the functions').inputValue(), functions);
    await page.keyboard.press('Escape');
    assert.match(await page.evaluate(() => localStorage.getItem('parley.settings') ?? ''), /My own\./);

    await page.getByRole('button', { name: 'Back to my settings' }).click();
    await openSettings(page);
    assert.deepEqual(await sessionOf(page), { instructions: 'My own.' });
    assert.notEqual(await page.title(), 'hacked');
    assert.deepEqual(complaints, []);
  });

  test('a session with settings of a link does not get the microphone that was open', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url, { samples: new Int16Array(24_000) });
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.locator('body[data-microphone]').waitFor();
    await page.evaluate(
      (fragment) => {
        location.hash = fragment;
      },
      new URL(linkTo(server.url, { instructions })).hash,
    );
    await page.getByRole('button', { name: 'Use them in this tab' }).click();
    await page.locator('body:not([data-microphone])').waitFor();
    await reach(page, 'ready');
  });

  test('an ignored link changes nothing, and others wait for it', async (t) => {
    const { page, mcp, server } = await openLink(t);
    for (const more of ['Another.', 'The last.']) {
      const { hash } = new URL(linkTo(server.url, { instructions: more }));
      await page.evaluate((fragment) => {
        location.hash = fragment;
      }, hash);
    }
    assert.equal(await page.getByRole('dialog').count(), 1);
    await page.keyboard.press('Escape');
    await review(page).getByText('The last.', { exact: true }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 1);
    await page.keyboard.press('Escape');
    await openSettings(page);
    assert.deepEqual(await sessionOf(page), { instructions: 'My own.' });
    assert.equal(mcp.requests.length, 0);
  });

  test('a link to a server of the same label gets no secrets of the user', async (t) => {
    const mcp = await startMcpServer('modern');
    t.after(() => mcp.close());
    const server = await newServer(t, { config: { outgoingAllow: ['127.0.0.1'] } });
    const own = { type: 'mcp', server_label: 'docs', server_url: 'http://127.0.0.1:9/mcp' };
    const { page } = await openPage(t, server.url, { stored: { session: { tools: [own] } } });
    await openSettings(page);
    await page.locator('summary', { hasText: 'docs ·' }).click();
    await page.getByLabel('Authorization').fill('hush-hush');
    await page.getByLabel('Authorization').blur();
    const { hash } = new URL(linkTo(server.url, { tools: [{ ...own, server_url: mcp.url }] }));
    await page.evaluate((fragment) => {
      location.hash = fragment;
    }, hash);
    await page.getByRole('button', { name: 'Use them in this tab' }).click();
    await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).waitFor();
    await page.reload();
    await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).waitFor();
    assert.ok(mcp.requests.length > 1);
    assert.deepEqual(
      mcp.requests.filter(({ headers }) => headers.authorization !== undefined),
      [],
    );
  });

  for (const [name, fragment, message] of [
    ['damaged', '#settings=eJyrVipLLSrOzM9TsjLUUUpU0lEqSCxJVrJS', /^The link is damaged or incomplete\./],
    ['of another version', linkTo('', {}, { version: 9 }).slice(1), /^The link was made by another version/],
    [
      'with a secret',
      linkTo('', { tools: [{ type: 'mcp', authorization: 'x' }] }).slice(1),
      /secrets of an MCP server/,
    ],
  ] as const) {
    test(`a link that is ${name} has a message, and the page works with the user's settings`, async (t) => {
      const server = await newServer(t);
      const stored = { session: { instructions: 'My own.' } };
      const { page, complaints } = await openPage(t, `${server.url}/${fragment}`, { stored });
      await page.locator('.notice').getByText(message).waitFor();
      await openSettings(page);
      assert.deepEqual(await sessionOf(page), { instructions: 'My own.' });
      assert.deepEqual(complaints, []);
    });
  }

  test('a link that is copied opens the same settings', async (t) => {
    const server = await newServer(t);
    const session = { type: 'realtime', instructions, audio: { input: { turn_detection: null } } };
    const { page } = await openPage(t, server.url, { stored: { session, functions } });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await openSettings(page);
    await page.getByRole('button', { name: 'Copy a link' }).click();
    await page.getByText(/^The link was copied\. Anyone with the link can read/).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await openPage(t, link);
    await other.page.getByRole('button', { name: 'Use them in this tab' }).click();
    await openSettings(other.page);
    assert.deepEqual(await sessionOf(other.page), session);
  });

  test('the settings of a saved session are used after a click', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    const { until } = await watchSession(page);
    await reach(page, 'ready');
    await openSaved(page, { audio }, [
      { instructions: 'First.', tools: [tool, { type: 'mcp', server_label: 'docs', authorization: '••••••••' }] },
      { instructions: 'Then.' },
    ]);
    const dialog = page.getByRole('dialog', { name: 'Settings from a saved session' });
    await dialog.getByText('The model can call: get_price.').waitFor();
    await dialog.getByText('Enter the authorization and headers of docs again: they were not saved.').waitFor();
    await dialog.getByRole('button', { name: 'Use them in this tab' }).click();
    await until((session) => session.instructions === 'Then.' && Array.isArray(session.tools));
  });

  test('those of a saved beta session are used in the beta dialect', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url, { stored: { dialect: 'beta' }, dialect: 'beta' });
    await reach(page, 'ready');
    const update = { instructions: 'Be brief.', voice: 'marin', turn_detection: null, modalities: ['text'] };
    await openSaved(page, { voice: 'alloy', turn_detection: null }, [update]);
    await page.getByRole('button', { name: 'Use them in this tab' }).click();
    await page.getByText('marin · push to talk').waitFor();
    await openSettings(page);
    assert.equal(await page.getByLabel('Dialect').inputValue(), 'beta');
    assert.deepEqual(await sessionOf(page), update);
  });

  test('settings are offered one after the other, also after one that failed', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const { hash } = new URL(linkTo(server.url, { instructions: 'Of a link.' }));
    const follow = () => page.evaluate((fragment) => location.assign(fragment), hash);
    const failed = page.waitForEvent('pageerror');
    await page.evaluate(() => {
      const { replaceState } = history;
      history.replaceState = () => {
        history.replaceState = replaceState;
        throw new Error('Too many calls of the History API');
      };
    });
    await follow();
    await failed;
    await page.evaluate(() => history.replaceState(null, '', '/'));
    await openSaved(page, { audio }, [{ instructions: 'Saved.' }]);
    await page.getByRole('dialog', { name: 'Settings from a saved session' }).waitFor();
    await follow();
    assert.equal(await page.getByRole('dialog').count(), 1);
    await page.keyboard.press('Escape');
    await review(page).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 1);
  });

  test('where the browser stores no borrowed settings, a change of them leaves those of the user', async (t) => {
    const { page } = await openLink(t);
    await page.evaluate(() => {
      const { setItem } = Storage.prototype;
      Storage.prototype.setItem = function (key, value) {
        if (key === 'parley.settings.borrowed') throw new DOMException('Full', 'QuotaExceededError');
        setItem.call(this, key, value);
      };
    });
    await page.getByRole('button', { name: 'Use them in this tab' }).click();
    await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).waitFor();
    await openSettings(page);
    await page.getByLabel('Instructions').fill('Of the link, changed.');
    await page.getByLabel('Instructions').blur();
    assert.equal((await sessionOf(page)).instructions, 'Of the link, changed.');
    assert.match(await page.evaluate(() => localStorage.getItem('parley.settings') ?? ''), /My own\./);
  });
});
