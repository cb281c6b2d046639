import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { call as callTool, fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

const tools = JSON.stringify([{ name: 'get_weather', parameters: { type: 'object' } }]);

/** A page on which the model has called `get_weather`; afterwards it says the output. */
async function askWeather(t: TestContext, functions: string) {
  const engines = fakeEngines();
  engines.languageModel.script = ({ items }) => {
    const last = items.at(-1);
    return last?.type === 'call_output' ? say(`It says: ${last.output}`) : callTool('get_weather', { city: 'Paris' });
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const opened = await openPage(t, server.url, { stored: { tools, functions } });
  await reach(opened.page, 'ready');
  await opened.page.getByTestId('text-input').fill('The weather?');
  await opened.page.getByTestId('send').click();
  return { ...opened, server };
}

suite('tools of the console in Chromium', inBrowser, () => {
  test('a function of the user answers, and its output is in the timeline', async (t) => {
    const code = 'function get_weather({ city }) { return { city, celsius: 21 }; }';
    const { page, complaints } = await askWeather(t, code);
    await page.getByTestId('transcript').getByText('It says: {"city":"Paris","celsius":21}').waitFor();
    await reach(page, 'ready');
    await page.getByTestId('timeline').focus();
    const figures = page.getByTestId('timeline-details');
    await page.keyboard.press('ArrowRight');
    for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowUp');
    for (let i = 0; i < 6 && !/^Tool call/.test((await figures.textContent()) ?? ''); i++)
      await page.keyboard.press('ArrowDown');
    assert.match(
      (await figures.textContent()) ?? '',
      /^Tool call “get_weather\({"city":"Paris"}\)” · .* · output: {"city":"Paris","celsius":21}$/,
    );
    assert.deepEqual(complaints, []);
  });

  test('without a function, the user answers by hand', async (t) => {
    const { page, complaints } = await askWeather(t, 'function other() {}');
    await page.getByLabel('Result of get_weather').fill('rain');
    await page.getByRole('button', { name: 'Answer' }).click();
    await page.getByTestId('transcript').getByText('It says: rain').waitFor();
    assert.deepEqual(complaints, []);
  });

  test('a function reaches neither the network nor the page, and its error is the output', async (t) => {
    const probe = `
      async function get_weather() {
        const reached = [];
        await import('data:text/javascript,0').then(() => reached.push('modules'), () => {});
        await fetch('/healthz').then(() => reached.push('server'), () => {});
        await new Promise((resolve) => {
          const socket = new WebSocket('ws://' + PLACE + '/v1/realtime');
          socket.onopen = () => resolve(reached.push('socket'));
          socket.onerror = resolve;
        }).catch(() => {});
        for (const name of ['document', 'localStorage', 'parent', 'RTCPeerConnection'])
          if (name in globalThis) reached.push(name);
        throw new Error('reached: ' + reached.join());
      }`;
    const { page } = await askWeather(t, `const PLACE = '127.0.0.1:1';${probe}`);
    await page.getByTestId('transcript').getByText('It says: {"error":"Error: reached: "}').waitFor();
  });

  test('code that cannot be run is an error that the model reads', async (t) => {
    const { page } = await askWeather(t, 'function get_weather( {');
    await page
      .getByTestId('transcript')
      .getByText(/^It says: {"error":".*SyntaxError/)
      .waitFor();
  });

  test('tools that are no JSON are named in the settings', async (t) => {
    const server = await newServer(t);
    const { page } = await openPage(t, server.url);
    await reach(page, 'ready');
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Functions that the model can call').fill('[{]');
    await page.getByText(/^This is not JSON: /).waitFor();
  });
});
