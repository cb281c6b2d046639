/** The page in the beta dialect: its settings, its conversation and its log. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fakeEngines, say } from '../../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../../support/server.ts';
import { inBrowser, openPage, reach } from '../chromium.ts';
import { disclose, openSettings, sessionOf, watchSession, writeJson } from './settings-page.ts';

suite('the page in the beta dialect', inBrowser, () => {
  for (const transport of ['websocket', 'webrtc'] as const) {
    test(`the JSON is flat, and the conversation works: ${transport}`, async (t) => {
      const engines = fakeEngines();
      engines.languageModel.script = () => say('Hello from 2024.');
      const server = await newServer(t, { engines: fakeEngineSet(engines) });
      const audio = { output: { voice: 'marin' }, input: { turn_detection: null } };
      const session = { type: 'realtime', temperature: 0.9, audio };
      const stored = { dialect: 'beta', transport, session };
      const { page, complaints } = await openPage(t, server.url, { stored, dialect: 'beta' });
      await reach(page, 'ready');
      await page.getByText('marin · push to talk').waitFor();
      await page.getByTestId('text-input').fill('Hello?');
      await page.getByTestId('send').click();
      await page.getByTestId('transcript').getByText('Hello from 2024.').waitFor();
      await page.getByTestId('events').getByText('response.audio_transcript.done', { exact: true }).waitFor();
      await openSettings(page);
      assert.deepEqual(await sessionOf(page), { temperature: 0.9, voice: 'marin', turn_detection: null });
      await writeJson(
        page,
        JSON.stringify({ type: 'session.update', session: { voice: 'marin', modalities: ['text'] } }),
      );
      await disclose(page, 'More about answers');
      assert.equal(await page.getByLabel('Output').inputValue(), '["text"]');
      assert.deepEqual(complaints, []);
    });
  }

  test('what the server refuses is shown at its field', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url, { stored: { dialect: 'beta' }, dialect: 'beta' });
    const { until } = await watchSession(page);
    await openSettings(page);
    const session = { instructions: 'Be brief.', turn_detection: { type: 'server_vad', threshold: 7 } };
    await writeJson(page, JSON.stringify({ type: 'session.update', session }));
    await until(({ instructions }) => instructions === 'Be brief.');
    await disclose(page, 'More about turns');
    const field = page.locator('.field', { has: page.getByLabel('Threshold of speech') });
    await field.getByText(/^The server refused it: .*'session\.turn_detection\.threshold'/).waitFor();
  });
});
