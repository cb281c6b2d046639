/** The settings of the page: the form, the JSON beside it, and what the server accepts and refuses. */

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { valueAt } from '../../../console/settings/json.js';
import { startMcpServer } from '../../../dev/harness/mcp-server.ts';
import { apiKey, type ServerOptions } from '../../../src/server/server.ts';
import { fakeEngines, say } from '../../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../../support/server.ts';
import { inBrowser, openPage, reach } from '../chromium.ts';
import { closeSettings, disclose, openSettings, sessionOf, watchSession, writeJson } from './settings-page.ts';

/** A page with open settings. */
async function configure(t: TestContext, stored: object = {}, options: ServerOptions = {}) {
  const server = await newServer(t, options);
  const { page, complaints } = await openPage(t, server.url, { stored });
  const { until } = await watchSession(page);
  await openSettings(page);
  const problem = (label: string) =>
    page.locator('.field', { has: page.getByLabel(label, { exact: true }) }).locator('.problem');
  return { server, page, complaints, until, problem };
}

const asJson = (session: object) => JSON.stringify({ type: 'session.update', session });

suite('the settings in Chromium', inBrowser, () => {
  test('the form and the JSON show the same, and fields without an input are kept and sent', async (t) => {
    const { page, complaints, until } = await configure(t);
    await page.getByLabel('Silence that ends a turn').fill('750');
    await page.getByLabel('Instructions').fill('Be brief.');
    await page.getByLabel('Instructions').blur();
    await until((session) => valueAt(session, 'audio.input.turn_detection.silence_duration_ms') === 750);
    assert.equal((await sessionOf(page)).instructions, 'Be brief.');

    const truncation = { type: 'retention_ratio', retention_ratio: 0.7 };
    await writeJson(
      page,
      asJson({ ...(await sessionOf(page)), instructions: 'Be kind.', tracing: 'auto', truncation }),
    );
    const session = await until(({ tracing }) => tracing === 'auto');
    assert.equal(session.instructions, 'Be kind.');
    assert.equal(await page.getByLabel('Instructions').inputValue(), 'Be kind.');
    await disclose(page, 'More about answers');
    assert.equal(await page.getByLabel('When the context is full').inputValue(), JSON.stringify(truncation));

    await page.getByLabel('Speed of speech').fill('1.25');
    await page.getByLabel('Speed of speech').press('Tab');
    await until((each) => valueAt(each, 'audio.output.speed') === 1.25);
    assert.deepEqual((await sessionOf(page)).truncation, truncation);
    assert.deepEqual(complaints, []);
  });

  test('a field that is emptied has the default of the server again', async (t) => {
    const { page, until } = await configure(t, {
      session: { instructions: 'Be brief.', audio: { output: { speed: 1.5 } } },
    });
    await until((session) => session.instructions === 'Be brief.');
    await disclose(page, 'More about answers');
    await page.getByLabel('Speed of speech').fill('');
    await page.getByLabel('Speed of speech').press('Tab');
    await until((session) => valueAt(session, 'audio.output.speed') === 1);
    assert.deepEqual(await sessionOf(page), { instructions: 'Be brief.' });
  });

  test('JSON that is not valid has its place named, and the form waits', async (t) => {
    const { page } = await configure(t);
    const before = await sessionOf(page);
    await writeJson(page, '{\n  "type": "session.update",\n  "session": { "instructions": }\n}');
    await page.getByText('Line 3, column 32: a value expected, not "}".').waitFor();
    assert.ok(await page.getByLabel('Instructions').isDisabled());
    await page.getByRole('button', { name: 'Discard the edit' }).click();
    assert.deepEqual(await sessionOf(page), before);
    assert.ok(await page.getByLabel('Instructions').isEnabled());

    for (const [text, message] of [
      ['[]', 'Enter an object whose type is "session.update".'],
      ['{"type":"session.update"}', 'session: enter an object, such as {"type": "realtime"}.'],
      [asJson({ type: 'transcription' }), /^session\.type: this page opens realtime sessions\./],
      [
        asJson({ audio: { input: { format: { type: 'audio/pcmu' } } } }),
        /^session\.audio\.input\.format: this page sends/,
      ],
      [
        asJson({ tools: [{ type: 'mcp', server_url: 'ftp://x' }] }),
        /^session\.tools\[0\]\.server_url: enter an address/,
      ],
    ] as const) {
      await page.getByTestId('settings-json').fill(text);
      await page.getByText(message).waitFor();
    }
  });

  test('a number out of range is not sent, and the range is named', async (t) => {
    const { page, problem } = await configure(t);
    const before = await sessionOf(page);
    await page.getByLabel('Silence that ends a turn').fill('20000');
    await page.getByLabel('Silence that ends a turn').press('Tab');
    const text = await problem('Silence that ends a turn').textContent();
    assert.equal(text, 'Enter a whole number from 0 to 10000 ms, or nothing for the default.');
    assert.deepEqual(await sessionOf(page), before);
  });

  test('what the server refuses is shown at its field, and the rest takes effect', async (t) => {
    const { page, until, problem } = await configure(t);
    await writeJson(page, asJson({ instructions: 'Be brief.', audio: { output: { speed: 9 } } }));
    await until((session) => session.instructions === 'Be brief.');
    await problem('Speed of speech')
      .getByText(/^The server refused it: .*Expected a value <= 1\.5/)
      .waitFor({ state: 'attached' });
    await closeSettings(page);
    await page.locator('.notice').getByRole('button', { name: 'Settings' }).click();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('max')), '1.5');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('1.5');
    await page.keyboard.press('Tab');
    await until((session) => valueAt(session, 'audio.output.speed') === 1.5);
    assert.equal(await problem('Speed of speech').textContent(), '');
  });

  test('what has no field is refused at the top, also when a session opens', async (t) => {
    const session = { type: 'realtime', no_such_field: 1, instructions: 'Be brief.' };
    const { page, until } = await configure(t, { session });
    await until(({ instructions }) => instructions === 'Be brief.');
    await page.locator('#settings > .problem').getByText("Unknown parameter: 'session.no_such_field'.").waitFor();
    assert.deepEqual(await sessionOf(page), session);
  });

  test('the models, voices and engines are those of the server', async (t) => {
    const engines = fakeEngines();
    Object.assign(engines.voice, { voices: ['ada', 'grace'] });
    const config = { models: ['gpt-realtime', 'fast'] };
    const { page, until } = await configure(t, {}, { engines: fakeEngineSet(engines), config });
    await page
      .getByLabel('Voice', { exact: true })
      .getByRole('option', { name: 'grace' })
      .waitFor({ state: 'attached' });
    const listed = await page
      .locator('#models option')
      .evaluateAll((options) => options.map((each) => each.textContent));
    assert.deepEqual(listed, ['gpt-realtime', 'fast']);
    await page.locator('.engines').getByText('fake').waitFor();
    await page
      .getByLabel('Use of tools')
      .getByText('Default: When the model wants (auto)')
      .waitFor({ state: 'attached' });
    await page.getByLabel('Voice', { exact: true }).selectOption('grace');
    await until((session) => valueAt(session, 'audio.output.voice') === 'grace');
  });

  test('without its key, the server does not list models, and the page says why', async (t) => {
    const server = await newServer(t, { config: { apiKeys: [apiKey('page', 'sk-page')] } });
    const { page } = await openPage(t, server.url);
    await page.getByRole('button', { name: 'Enter a key' }).click();
    await page.getByText('Enter an API key to see the models and voices of the server.').waitFor();
    await page.getByLabel('API key').fill('sk-page');
    await page.getByLabel('API key').press('Tab');
    await page.locator('#models option', { hasText: 'gpt-realtime' }).waitFor({ state: 'attached' });
    const stored = await page.evaluate(() => JSON.stringify(localStorage));
    assert.doesNotMatch(stored, /sk-page/);
  });

  test('turn detection has the fields of its type', async (t) => {
    const { page, until } = await configure(t);
    await page.getByLabel('End of turn').selectOption('semantic_vad');
    await page.getByLabel('Eagerness').selectOption('high: answer at once');
    await disclose(page, 'More about turns');
    await page.getByLabel('After a turn').selectOption('Wait for response.create');
    await until((session) => valueAt(session, 'audio.input.turn_detection.create_response') === false);
    assert.equal(await page.getByLabel('Silence that ends a turn').isVisible(), false);
    const detection = { type: 'semantic_vad', eagerness: 'high', create_response: false };
    assert.deepEqual(valueAt(await sessionOf(page), 'audio.input.turn_detection'), detection);
    await page.getByLabel('End of turn').selectOption('push_to_talk');
    await until((session) => valueAt(session, 'audio.input.turn_detection') === null);
    assert.equal(await page.getByLabel('After a turn').isVisible(), false);
  });

  test('the secrets of an MCP server are dropped when its label or address changes', async (t) => {
    const mcp = await startMcpServer('modern');
    t.after(() => mcp.close());
    const tool = { type: 'mcp', server_label: 'docs', server_url: 'http://127.0.0.1:9/mcp' };
    const stored = { session: { tools: [tool] } };
    const { page } = await configure(t, stored, { config: { outgoingAllow: ['127.0.0.1'] } });
    await page.locator('summary', { hasText: 'docs ·' }).click();
    const input = (label: string) => page.locator('.tool').getByLabel(label, { exact: true });
    const change = async (label: string, value: string) => {
      await input(label).fill(value);
      await input(label).blur();
    };
    const [before] = [(await sessionOf(page)).tools].flat();
    for (const [label, value] of [
      ['Address', mcp.url],
      ['Label', 'other'],
    ] as const) {
      await change('Authorization', 'hush-hush');
      await change('Headers', 'X-Team: hush-hush');
      await change(label, value);
      assert.equal(await input('Authorization').inputValue(), '');
      assert.equal(await input('Headers').inputValue(), '');
      if (label === 'Label') break;
      await page.getByTestId('events').getByText('mcp_list_tools.completed', { exact: true }).waitFor();
      assert.deepEqual(
        mcp.requests.filter(({ headers }) => headers.authorization !== undefined || headers['x-team'] !== undefined),
        [],
      );
    }
    assert.deepEqual((await sessionOf(page)).tools, [
      { ...Object(before), server_label: 'other', server_url: mcp.url },
    ]);
  });

  test('a button requests the answers that the server does not start', async (t) => {
    const engines = fakeEngines();
    engines.languageModel.script = () => say('As requested.');
    const server = await newServer(t, { engines: fakeEngineSet(engines) });
    const turn_detection = { type: 'server_vad', create_response: false };
    const stored = { session: { audio: { input: { turn_detection } } } };
    const { page } = await openPage(t, server.url, { stored });
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByTestId('transcript').getByText('As requested.').waitFor();
    await openSettings(page);
    await disclose(page, 'More about turns');
    await page.getByLabel('After a turn').selectOption('Answer');
    await page.locator('#answer').waitFor({ state: 'hidden' });
  });

  test('a removed field that the running session keeps is said, with a way out', async (t) => {
    const { page, until } = await configure(t, {
      session: { instructions: 'Be brief.', reasoning: { effort: 'low' } },
    });
    await until((session) => session.instructions === 'Be brief.');
    await disclose(page, 'More about answers');
    await page.getByLabel('Reasoning').selectOption('');
    await closeSettings(page);
    await page.getByText('The running session keeps its value of reasoning.').waitFor();
    await page.getByRole('button', { name: 'Reconnect to use the default' }).click();
    await reach(page, 'ready');
    assert.equal(await page.getByText('The running session keeps').count(), 0);
  });

  test('with the keyboard alone: open, change, close, and the focus returns', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    const { until } = await watchSession(page);
    await reach(page, 'ready');
    await page.locator('#open-settings').focus();
    await page.keyboard.press('Enter');
    const focused = () => page.evaluate(() => document.activeElement?.tagName ?? '');
    for (let i = 0; i < 10 && (await focused()) !== 'TEXTAREA'; i++) await page.keyboard.press('Tab');
    await page.keyboard.type('Be brief.');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'SUMMARY');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type('T');
    await page.keyboard.press('Escape');
    await until(
      (session) => session.instructions === 'Be brief.' && JSON.stringify(session.output_modalities) === '["text"]',
    );
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'open-settings');
  });
});
