/** Tools that an embedding program provides to sessions (`ServerOptions.openTools`), over a socket. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObservedSession } from '../../src/server/server.ts';
import { call, fakeEngines } from '../support/fake-engines.ts';
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
