/** The page connects only to its server: by the log of Chromium's network stack. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

interface NetLog {
  constants: { logEventTypes: Record<string, number> };
  events: { type: number; params?: { url?: string; initiator?: string } }[];
}

/** The addresses that pages and their workers requested until the browser was closed; its own services are ignored. */
async function requestedIn(path: string): Promise<string[]> {
  const { constants, events }: NetLog = JSON.parse(await readFile(path, 'utf8'));
  const type = constants.logEventTypes.URL_REQUEST_START_JOB ?? assert.fail('Chromium logs no requests');
  return events.flatMap(({ type: logged, params }) =>
    logged === type && params?.url && params.initiator !== 'not an origin' ? params.url : [],
  );
}

async function netLog(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-test-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'net.json');
}

for (const transport of ['webrtc', 'websocket'] as const)
  test(`nothing that the page does leaves the machine: ${transport}`, inBrowser, async (t) => {
    const engines = fakeEngines();
    engines.languageModel.script = () => say('It is four.');
    const server = await newServer(t, { engines: fakeEngineSet(engines) });
    const path = await netLog(t);
    const { page } = await openPage(t, server.url, {
      samples: new Int16Array(48_000),
      stored: { transport },
      args: [`--log-net-log=${path}`],
    });
    await reach(page, 'ready');
    await page.getByTestId('talk').click();
    await page.getByTestId('text-input').fill('Two plus two? See https://example.com/picture.png');
    await page.getByTestId('send').click();
    await page.getByTestId('transcript').getByText('It is four.').waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Session', exact: true }).click();
    await page.getByRole('button', { name: 'Live sessions of the server' }).click();
    await page.getByText('1 session', { exact: true }).waitFor();
    await page.context().browser()?.close();

    const requested = await requestedIn(path);
    const hosts = new Set(requested.filter((url) => !/^(data|blob):/.test(url)).map((url) => new URL(url).host));
    assert.deepEqual([...hosts], [new URL(server.url).host]);
    const session = transport === 'webrtc' ? '/v1/realtime/calls' : '/v1/realtime?';
    for (const file of ['/console/main.js', session, '/v1/parley/sessions'])
      assert.ok(
        requested.some((url) => url.includes(file)),
        `the log has ${file}`,
      );
  });
