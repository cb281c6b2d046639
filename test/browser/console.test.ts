import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { apiKey, type EngineSet, type ParleyServer } from '../../src/server/server.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { entries, inBrowser, openPage, reach, typeSum } from './chromium.ts';

suite('the console in Chromium', inBrowser, () => {
  let engines: EngineSet;
  before(async () => {
    engines = await embeddedEngines();
  });
  after(() => engines.close());

  const serve = (t: TestContext): Promise<ParleyServer> => newServer(t, { engines: borrowed(engines) });

  test('the page says that a stand-in answers, and offers questions to click', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    const standIn = page.getByTestId('stand-in');
    await standIn.getByText('--llm auto').waitFor();
    await standIn.getByRole('button', { name: 'What is twelve times seven?' }).click();
    await entries(page, 'assistant').filter({ hasText: '84' }).waitFor();
    assert.equal(await standIn.isVisible(), false);
  });

  test("the page offers a language model of the server's machine", async (t) => {
    const set = borrowed(engines);
    const hint =
      'llama3.2 answers at http://127.0.0.1:11434/v1. To talk to it, start the server with: npm start -- --llm auto';
    const describe = () =>
      set.describe().map((status) => (status.part === 'languageModel' ? { ...status, hint } : status));
    const server = await newServer(t, { engines: { ...set, describe } });
    const { page } = await openPage(t, server.url);
    await page.getByTestId('stand-in').getByText(hint).waitFor();
  });

  test('text can be typed without a microphone', async (t) => {
    const server = await serve(t);
    const { page, complaints } = await openPage(t, server.url);
    await typeSum(page);
    assert.equal(await entries(page, 'user').textContent(), 'What is two plus two?');
    assert.equal(await page.getByRole('button', { name: 'Replay' }).count(), 1, 'only the answer has audio');
    assert.deepEqual(complaints, []);

    const events = page.getByTestId('events');
    await page.getByPlaceholder('Filter').fill('response.done');
    const row = events.getByRole('button').filter({ visible: true });
    assert.equal(await row.count(), 1);
    await row.press('Enter');
    assert.match((await events.locator('pre').filter({ visible: true }).textContent()) ?? '', /"status": "completed"/);
  });

  test('a message that is entered while the page connects is sent when it is connected', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.evaluate(() => {
      document.querySelector<HTMLButtonElement>('#reconnect')?.click();
      const input = document.querySelector<HTMLInputElement>('#text-input');
      if (input) input.value = 'What is two plus two?';
      input?.form?.requestSubmit();
    });
    await entries(page, 'assistant')
      .filter({ hasText: /four|4/ })
      .waitFor();
    assert.equal(await page.getByTestId('text-input').inputValue(), '');
    assert.equal(await page.locator('.notice').count(), 0);
  });

  test('a message that is too large for a call is not sent, and stays in the composer', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url, { stored: { transport: 'webrtc' } });
    await reach(page, 'ready');
    const text = 'Too long. '.repeat(40_000);
    // The input takes 8,000 characters from a user.
    await page.getByTestId('text-input').evaluate((input: HTMLInputElement, value) => {
      input.value = value;
    }, text);
    await page.getByTestId('send').click();
    await page.locator('.notice', { hasText: /conversation\.item\.create was not sent: it has 4\d\d kB/ }).waitFor();
    assert.equal((await page.getByTestId('text-input').inputValue()).length, text.length);
    assert.equal(await entries(page, 'user').count(), 0);
    assert.equal(await page.getByTestId('events').getByText('response.create', { exact: true }).count(), 0);
  });

  test('on a narrow phone everything fits, and a typed answer can be stopped', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await page.setViewportSize({ width: 320, height: 640 });
    await reach(page, 'ready');
    const stop = page.getByRole('button', { name: 'Stop the answer' });
    assert.equal(await stop.isVisible(), false);
    await page.getByTestId('text-input').fill('What can you do?');
    await page.getByTestId('send').click();
    await reach(page, 'agent-speaks');
    const tooWide = await page.evaluate(() =>
      [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth)
        .map((element) => element.outerHTML.slice(0, 100)),
    );
    assert.deepEqual(tooWide, []);
    const heights = await page
      .getByTestId('events')
      .getByRole('button')
      .evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height));
    assert.ok(Math.min(...heights) >= 24, `rows are easy to touch: ${heights}`);
    await stop.click();
    await page.locator('[data-role=assistant][data-interrupted]').waitFor();
    await reach(page, 'ready');
    assert.equal(await stop.isVisible(), false);
  });

  test('after a lost connection, the page marks what is incomplete and connects again', async (t) => {
    const server = await serve(t);
    const samples = await spokenQuestion(engines, 'Tell me, what can you do, and what time is it?', 0);
    const { page } = await openPage(t, server.url, { samples });
    const lose: (() => Promise<void>)[] = [];
    await page.routeWebSocket(/v1\/realtime/, (socket) => {
      socket.connectToServer();
      lose.push(() => socket.close({ code: 1012 }));
    });
    await page.reload();
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await reach(page, 'user-speaks');
    await lose.at(-1)?.();
    await page.getByText('incomplete: the connection ended').waitFor();
    await page.getByText('new session').waitFor();
    await reach(page, 'ready');
    assert.equal(await page.locator('[data-pending], .notice').count(), 0);
  });

  test('a denied microphone and a lost server are reported clearly', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.getByText('The browser did not allow the microphone.').waitFor();
    await server.close();
    await reach(page, 'disconnected');
    await page.getByText(/The server closed the connection \(1001/).waitFor();
  });

  test('a missing and a wrong key are distinguished, with a button to enter one', async (t) => {
    const server = await newServer(t, { engines: borrowed(engines), config: { apiKeys: [apiKey('page', 'sk-page')] } });
    const { page } = await openPage(t, server.url);
    const notices = page.locator('.notice');
    for (const [key, problem] of [
      ['sk-wrong', /^The server requires an API key\./],
      ['sk-page', /^Incorrect API key provided: /],
    ] as const) {
      await notices.getByText(problem).waitFor();
      assert.equal(await notices.count(), 1);
      await notices.getByRole('button', { name: 'Enter a key' }).click();
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'apiKey');
      await page.keyboard.press('ControlOrMeta+A');
      await page.keyboard.type(key);
      await page.keyboard.press('Enter');
    }
    await reach(page, 'ready');
    assert.equal(await notices.count(), 0);
  });

  test('the state of the connection is shown in one place, and cleared when it is restored', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await server.close();
    await reach(page, 'disconnected');
    await page.getByTestId('text-input').fill('Are you there?');
    await page.getByTestId('send').click();
    const notices = page.locator('.notice');
    await notices.getByText(/^That was not sent\. The server closed the connection \(1001/).waitFor();
    assert.equal(await notices.count(), 1);
    await notices.getByRole('button', { name: 'Reconnect' }).waitFor();
    await newServer(t, { engines: borrowed(engines), config: { port: server.port } });
    await reach(page, 'ready');
    assert.equal(await notices.count(), 0);
  });

  test('a microphone that is allowed after a stop is closed again', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url, { samples: new Int16Array(24_000) });
    await reach(page, 'ready');
    // A fake permission prompt whose answer the test supplies.
    await page.evaluate(() => {
      const { mediaDevices } = navigator;
      const ask = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        const answered = new Promise((resolve) => addEventListener('prompt-answered', resolve, { once: true }));
        Object.assign(window, { tracks: stream.getTracks() });
        await answered;
        return stream;
      };
    });
    const talk = page.getByTestId('talk');
    await talk.click();
    await page.waitForFunction(() => 'tracks' in window);
    assert.match((await talk.textContent()) ?? '', /Stop/);
    await talk.click();
    assert.match((await talk.textContent()) ?? '', /Talk/);
    await page.evaluate(() => dispatchEvent(new Event('prompt-answered')));
    await page.waitForFunction(() => {
      const tracks: unknown = Reflect.get(window, 'tracks');
      return Array.isArray(tracks) && tracks.every((track) => track.readyState === 'ended');
    });
    await reach(page, 'ready');
  });

  test('settings apply to the running session', async (t) => {
    const server = await serve(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Voice', { exact: true }).selectOption('marin');
    await page.getByLabel('End of turn').selectOption('semantic_vad');
    await page.getByText(/marin · semantic_vad/).waitFor();
    assert.equal(await page.locator('.notice').count(), 0);
  });
});
