/** Tools that an embedding program provides to sessions (`ServerOptions.openTools`), over a socket. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ObservedSession, OpenTools } from '../../src/server/server.ts';
import { call, fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const text = { type: 'response.create', response: { output_modalities: ['text'] } };

test('each session has the tools that were opened for it', async (t) => {
  const engines = fakeEngines();
  engines.languageModel.script = () => call('clock_now', { zone: 'UTC' });
  const log = new KeptLog();
  const opened: ObservedSession[] = [];
  const { wsUrl } = await newServer(t, {
    log,
    engines: fakeEngineSet(engines),
    openTools(session) {
      opened.push(session);
      return {
        tools: () => [{ serverLabel: 'clock', name: 'now' }],
        run: async ({ arguments: json }) => ({ output: `${session.id}: ${json}` }),
      };
    },
  });
  const client = new WireClient(`${wsUrl}?model=gpt-realtime`);
  const { session } = await client.until('session.created');
  client.send(text);
  await client.until('response.done');
  const { item } = await client.until('conversation.item.done');
  assert.ok(item.type === 'mcp_call');
  assert.equal(item.output, `${session.id}: {"zone":"UTC"}`);
  await client.until('response.mcp_call.completed');
  assert.deepEqual(
    opened.map(({ id, type, model }) => [id, type, model]),
    [[session.id, 'realtime', 'gpt-realtime']],
  );
  const { details } = await log.entry('tool_called');
  assert.deepEqual([Reflect.get(details, 'server'), Reflect.get(details, 'tool')], ['clock', 'now']);
});

test('a transcription session opens no tools, and a session whose tools fail to open is refused', async (t) => {
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, {
    log,
    openTools() {
      throw new Error('no tools today');
    },
  });
  await WireClient.open(`${wsUrl}?intent=transcription`);
  const client = new WireClient(`${wsUrl}?model=gpt-realtime`);
  assert.equal((await client.closed).code, 1011);
  assert.match(JSON.stringify(await log.entry('session_not_opened')), /no tools today/);
});

/** A call of a tool that succeeds, one that fails, and an answer; returns what the client and the model receive. */
async function useTools(t: TestContext, config: { cassette?: string; script?: string }, openTools: OpenTools) {
  const engines = fakeEngines();
  const prompts: unknown[] = [];
  engines.languageModel.script = ({ items, tools }) => {
    prompts.push(tools);
    const calls = items.filter(({ type }) => type === 'call').length;
    return calls < 2 ? call('clock_now', { zone: ['UTC', 'Mars'][calls] }) : say('Noon.');
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines), config, openTools });
  const client = new WireClient(`${server.wsUrl}?model=gpt-realtime`);
  await client.until('session.created');
  const results: unknown[] = [];
  for (const end of ['response.mcp_call.completed', 'response.mcp_call.failed'] as const) {
    client.send(text);
    await client.until('response.done');
    const { item } = await client.until('conversation.item.done');
    if (item.type === 'mcp_call') results.push([item.arguments, item.output, item.error]);
    await client.until(end);
  }
  client.send(text);
  const { response } = await client.until('response.done');
  await server.close();
  return { results, prompts, status: response.status };
}

test('a cassette records server-side tools, and plays their results without calling them', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-tools-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const zones: string[] = [];
  const recorded = await useTools(t, { cassette: directory }, () => ({
    tools: () => [{ serverLabel: 'clock', name: 'now', description: 'Tells the time.' }],
    async run({ arguments: zone }) {
      zones.push(zone);
      if (zone.includes('Mars')) return { error: { type: 'http_error', code: 404, message: 'No such zone.' } };
      return { output: '12:00' };
    },
  }));
  assert.deepEqual(zones, ['{"zone":"UTC"}', '{"zone":"Mars"}']);
  const played = await useTools(t, { script: directory }, () => assert.fail('the tools must not be opened'));
  assert.deepEqual(played.results, recorded.results);
  assert.deepEqual(played.results[0], ['{"zone":"UTC"}', '12:00', undefined]);
  assert.equal(played.status, 'completed');
  assert.equal(recorded.prompts.length, 3);
  assert.deepEqual(played.prompts, [], 'the model is played too');
});
