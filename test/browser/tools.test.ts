import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Page } from 'playwright-core';
import { fakeEngines, saysResultOf } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';
import { disclose, openSettings, watchSession } from './settings/settings-page.ts';

const tools = [{ type: 'function', name: 'get_weather', parameters: { type: 'object' } }];

/** A page on which the model has called `get_weather`; afterwards it says the output. */
async function askWeather(
  t: TestContext,
  functions: string | ((place: string) => string),
  prepare: (page: Page) => Promise<void> = async () => {},
) {
  const engines = fakeEngines();
  engines.languageModel.script = saysResultOf('get_weather', { city: 'Paris' });
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const code = typeof functions === 'string' ? functions : functions(new URL(server.url).host);
  const opened = await openPage(t, server.url, { stored: { session: { tools }, functions: code } });
  const answered: string[] = [];
  opened.page.context().on('response', (response) => answered.push(response.url()));
  await reach(opened.page, 'ready');
  await prepare(opened.page);
  await opened.page.getByTestId('text-input').fill('The weather?');
  await opened.page.getByTestId('send').click();
  return { ...opened, answered };
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
      const script = 'data:text/javascript,0';
      /** Whether something succeeds: a request that is answered, a connection that opens. */
      const attempts = {
        modules: () => import(script),
        scripts: () => importScripts(script),
        fetch: () => fetch('/healthz'),
        other: () => fetch('http://PLACE/healthz', { mode: 'no-cors' }),
        xhr: () => new Promise((resolve, reject) => {
          const request = new XMLHttpRequest();
          request.onload = resolve;
          request.onerror = reject;
          request.open('GET', 'http://PLACE/healthz');
          request.send();
        }),
        socket: () => new Promise((resolve, reject) => {
          const socket = new WebSocket('ws://PLACE/v1/realtime');
          socket.onopen = resolve;
          socket.onerror = reject;
        }),
        events: () => new Promise((resolve, reject) => {
          const events = new EventSource('http://PLACE/healthz');
          events.onopen = resolve;
          events.onerror = reject;
        }),
        databases: () => new Promise((resolve, reject) => {
          const opening = indexedDB.open('x');
          opening.onsuccess = resolve;
          opening.onerror = reject;
        }),
        nested: () => new Promise((resolve, reject) => {
          const code = "fetch('http://PLACE/healthz', { mode: 'no-cors' }).then(() => postMessage(1), () => postMessage(0))";
          const worker = new Worker(URL.createObjectURL(new Blob([code])));
          worker.onmessage = ({ data }) => (data === 1 ? resolve() : reject());
          worker.onerror = reject;
        }),
      };
      async function get_weather() {
        const reached = [];
        for (const [name, attempt] of Object.entries(attempts))
          await Promise.resolve().then(attempt).then(() => reached.push(name), () => {});
        for (const name of ['document', 'localStorage', 'parent', 'opener', 'RTCPeerConnection'])
          if (name in globalThis) reached.push(name);
        throw new Error('reached: ' + reached.join());
      }`;
    const { page, answered } = await askWeather(t, (place) => probe.replaceAll('PLACE', place));
    await page.getByTestId('transcript').getByText('It says: {"error":"Error: reached: "}').waitFor();
    assert.deepEqual(
      answered.filter((url) => url.endsWith('/healthz')),
      [],
    );
  });

  for (const [name, code] of Object.entries({
    'computes without an end': 'function get_weather() { for (;;); }',
    'waits without an end': 'function get_weather() { return new Promise(() => {}); }',
  })) {
    test(`a function that ${name} is stopped after 10 s, and the model reads why`, async (t) => {
      const started: Promise<unknown>[] = [];
      const { page } = await askWeather(t, code, async (opened) => {
        started.push(opened.waitForEvent('worker'));
        await opened.clock.install();
      });
      await Promise.all(started);
      await page.clock.runFor(10_000);
      const output = 'It says: {"error":"get_weather has not returned after 10 s."}';
      await page.getByTestId('transcript').getByText(output).waitFor();
    });
  }

  test('code that cannot be run is an error that the model reads', async (t) => {
    const { page } = await askWeather(t, 'function get_weather( {');
    await page
      .getByTestId('transcript')
      .getByText(/^It says: {"error":".*SyntaxError/)
      .waitFor();
  });

  test('a function is written in the form: its name, parameters and use', async (t) => {
    const server = await newServer(t);
    const { page, complaints } = await openPage(t, server.url);
    const { until } = await watchSession(page);
    await openSettings(page);
    await page.getByLabel('Name of a new function').fill('get weather');
    await page.getByRole('button', { name: 'Add a function' }).click();
    await page.getByText('Enter a name of letters, digits, _ and -, at most 64.').waitFor();
    await page.getByLabel('Name of a new function').fill('get_weather');
    await page.keyboard.press('Enter');
    await page.getByLabel('Description', { exact: true }).fill('The weather in a city.');
    await page.getByRole('button', { name: 'Add a parameter' }).click();
    await page.keyboard.type('city');
    await page.getByLabel('Description of the parameter').fill('Its name');
    await page.keyboard.press('Tab');
    const property = { city: { type: 'string', description: 'Its name' } };
    const parameters = { type: 'object', properties: property, required: ['city'] };
    const tool = { type: 'function', name: 'get_weather', description: 'The weather in a city.', parameters };
    await until((session) => isDeepStrictEqual(session.tools, [tool]));
    await disclose(page, 'More about tools');
    await page.getByLabel('Use of tools').selectOption('Only get_weather');
    await until((session) => isDeepStrictEqual(session.tool_choice, { type: 'function', name: 'get_weather' }));

    await page.getByRole('button', { name: 'Edit as JSON Schema' }).click();
    const schema = page.getByLabel('Parameters (JSON Schema)');
    await schema.fill('{"type": "object", "properties": {"city": {"anyOf": [}}}');
    await page.getByText('Line 1, column 54: a value expected, not "}".').waitFor();
    const written = { type: 'object', properties: { city: { anyOf: [{ type: 'string' }] } } };
    await schema.fill(JSON.stringify(written));
    await schema.blur();
    await until(({ tools: list }) => isDeepStrictEqual(list, [{ ...tool, parameters: written }]));

    await page.getByLabel('Use of tools').selectOption('Default');
    await page.getByRole('button', { name: 'Remove the function' }).click();
    await until(({ tools: list, tool_choice: choice }) => isDeepStrictEqual(list, []) && choice === 'auto');
    assert.deepEqual(complaints, []);
  });

  test('an opened session is only shown: its tools, MCP servers and code neither run nor are sent', async (t) => {
    const server = await newServer(t);
    const { page, complaints } = await openPage(t, server.url, {
      stored: { session: { audio: { input: { turn_detection: null } } } },
    });
    await reach(page, 'ready');
    const sent: string[] = [];
    await page.routeWebSocket(/v1\/realtime/, (socket) => {
      const upstream = socket.connectToServer();
      socket.onMessage((message) => {
        sent.push(String(message));
        upstream.send(message);
      });
    });
    await page.reload();
    await reach(page, 'ready');
    sent.length = 0;

    const call = { id: 'item_1', type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{}' };
    const approval = {
      id: 'item_2',
      type: 'mcp_approval_request',
      server_label: 'docs',
      name: 'search',
      arguments: '{}',
    };
    const hostile = '<img src=x onerror="document.title = 1">';
    const message = { id: 'item_3', type: 'message', role: 'user', content: [{ type: 'input_text', text: hostile }] };
    const events = [
      { type: 'session.update', session: { type: 'realtime', tools } },
      { type: 'input_audio_buffer.speech_started', audio_start_ms: 0, item_id: 'item_0' },
      ...[call, approval, message].map((item) => ({ type: 'conversation.item.added', previous_item_id: null, item })),
      {
        type: 'response.function_call_arguments.done',
        ...{ item_id: 'item_1', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      },
      {
        type: 'response.done',
        response: { id: 'r', status: 'completed', status_details: null, output: [call], usage: null },
      },
    ];
    const lines = [
      { parley_session: 1, started_at: '2026-11-29T08:00:00Z' },
      ...events.map((event, ms) => ({
        ms,
        direction: event.type === 'session.update' ? 'sent' : 'received',
        bytes: 1,
        event,
      })),
    ];
    const buffer = Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));
    await page.getByTestId('session-files').setInputFiles({ name: 's.jsonl', mimeType: '', buffer });
    const transcript = page.getByTestId('record-transcript');
    await transcript.getByText('get_weather({"city":"Paris"})').waitFor();
    await transcript.getByText('May docs run search({})?').waitFor();
    await transcript.getByText(hostile).waitFor();
    await transcript.getByText('incomplete: the connection ended').waitFor();
    assert.equal(await transcript.getByRole('button').count(), 0);
    assert.equal(await page.locator('iframe').count(), 0);
    // The space bar talks, but only in the page's own session.
    await page.getByTestId('facts').focus();
    await page.keyboard.down(' ');
    assert.equal(await page.locator('body').getAttribute('data-state'), 'ready');
    await page.keyboard.up(' ');
    assert.deepEqual({ sent, title: await page.title(), complaints }, { sent: [], title: 'Parley', complaints: [] });
  });
});
