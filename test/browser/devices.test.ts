/** The microphone and the speaker of the page: choice, loss, problems. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Page } from 'playwright-core';
import { apiKey } from '../../src/server/server.ts';
import { tone } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

/** The microphones that the page opens, newest last, with what it asks of them. */
async function watchMicrophones(page: Page): Promise<() => Promise<{ name: string; noise: boolean }[]>> {
  await page.addInitScript(() => {
    if (window !== top) return;
    const opened: { name: string; noise: unknown }[] = [];
    const tracks: MediaStreamTrack[] = [];
    Object.assign(window, { opened, tracks });
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      const audio = wanted?.audio;
      for (const track of stream.getTracks()) {
        opened.push({ name: track.label, noise: typeof audio === 'object' && audio.noiseSuppression });
        tracks.push(track);
      }
      return stream;
    };
  });
  await page.reload();
  return () => page.evaluate(() => Reflect.get(window, 'opened'));
}

suite('the microphone of the page in Chromium', inBrowser, () => {
  test('the chosen device and its processing are remembered, and a lost one is replaced', async (t) => {
    const server = await newServer(t);
    const { page, complaints } = await openPage(t, server.url, { samples: tone(120_000, 24_000) });
    const opened = await watchMicrophones(page);
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.waitForFunction(() => Number(document.querySelector('meter')?.value) > 0.2);

    await page.getByRole('button', { name: 'Audio', exact: true }).click();
    const microphone = page.getByRole('combobox', { name: 'Microphone' });
    const names = await microphone.locator('option').allTextContents();
    const chosen = names.at(-1) ?? '';
    assert.ok(names.length > 2, `several devices: ${names}`);
    await microphone.selectOption({ label: chosen });
    await page.getByLabel('Noise suppression').uncheck();
    await page.waitForFunction(() => Reflect.get(window, 'opened').length === 3);
    assert.deepEqual((await opened()).slice(1), [
      { name: chosen, noise: true },
      { name: chosen, noise: false },
    ]);

    await page.reload();
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.waitForFunction(() => Reflect.get(window, 'opened').length === 1);
    assert.deepEqual(await opened(), [{ name: chosen, noise: false }]);
    await page.locator('body[data-microphone]').waitFor();
    await page.evaluate(() => {
      const [track] = Reflect.get(window, 'tracks');
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
    await page.locator('.notice', { hasText: /^The microphone was disconnected\. .+ replaces it\./ }).waitFor();
    assert.match((await page.getByTestId('talk').textContent()) ?? '', /Stop/);
    assert.deepEqual(complaints, []);
  });

  test('each problem of the microphone says what to do', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    for (const [name, advice] of [
      ['NotFoundError', /^No microphone was found\. Connect one, or type instead\./],
      ['NotAllowedError', /^The browser did not allow the microphone\. Allow it in the settings of this site/],
      ['NotReadableError', /^The microphone is in use by another program.* choose another microphone under Audio\./],
    ] as const) {
      await page.evaluate((problem) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', problem));
      }, name);
      await page.getByTestId('talk').click();
      await page.locator('.notice p').getByText(advice).waitFor();
    }
  });

  test('on an insecure page, the microphone is explained, and typing works', async (t) => {
    const server = await newServer(t, { config: { apiKeys: [apiKey('page', 'sk-page')] } });
    const args = ['--host-resolver-rules=MAP parley.example 127.0.0.1'];
    const stored = { transport: 'webrtc' };
    const { page } = await openPage(t, `http://parley.example:${server.port}`, { args, stored });
    await page.getByRole('button', { name: 'Enter a key' }).click();
    await page.keyboard.type('sk-page');
    await page.keyboard.press('Enter');
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.getByText(/^Browsers allow the microphone on secure pages only\./).waitFor();
    await page.getByTestId('text-input').fill('Hello.');
    await page.getByTestId('send').click();
    await page.locator('[data-role=assistant]', { hasText: 'Fine, thank you.' }).waitFor();
  });
});
