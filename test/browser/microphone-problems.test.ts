import { suite, test } from 'node:test';
import { newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

/** Code that makes the browser behave as on other machines, and the advice of the page. */
const cases = {
  'without a microphone': {
    prepare: () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
    },
    advice: /^No microphone was found\. Connect one, or type instead/,
  },
  'with a microphone that another program uses': {
    prepare: () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('busy', 'NotReadableError'));
    },
    advice: /^The microphone is in use by another program/,
  },
  'on a page without a secure origin': {
    prepare: () => {
      Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
    },
    advice: /secure pages only\. Open this page at localhost, or over https/,
  },
};

suite('problems of the microphone, in Chromium', inBrowser, () => {
  for (const [name, { prepare, advice }] of Object.entries(cases)) {
    test(`${name}, the page says what to do, and text can be typed`, async (t) => {
      const server = await newServer(t);
      const { page } = await openPage(t, server.url);
      await reach(page, 'ready');
      await page.evaluate(prepare);
      await page.getByTestId('talk').click();
      await page.locator('.notice').getByText(advice).waitFor();
      await page.getByTestId('text-input').fill('Are you there?');
      await page.getByTestId('send').click();
      await page.getByTestId('transcript').locator('[data-role=assistant] .text:not(:empty)').waitFor();
    });
  }
});
