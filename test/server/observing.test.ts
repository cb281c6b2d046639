/** Observers of sessions: those of an embedding program, and the diagnostics channel. */

import assert from 'node:assert/strict';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import type { Observation, SessionMessage } from '../../src/server/server.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { responseOf } from '../upstream/support/fake-upstream.ts';
import { liveSession } from '../upstream/support/peers.ts';

async function respond(wsUrl: string): Promise<void> {
  const client = new WireClient(`${wsUrl}?model=gpt-realtime`);
  await client.next();
  client.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  for (let event = await client.next(); event.type !== 'response.done'; ) event = await client.next();
  client.socket.close();
  await client.closed;
}

test('an observer is notified of each session; one that throws is logged, and the session continues', async (t) => {
  const log = new KeptLog();
  const seen: string[] = [];
  const server = await newServer(t, {
    log,
    observe: ({ id }) => ({
      observe({ type }) {
        seen.push(type);
        if (type === 'response_created') throw new Error(`the observer of ${id} is broken`);
      },
    }),
  });
  await respond(server.wsUrl);
  assert.deepEqual(seen.slice(0, 4), ['response_created', 'model_asked', 'first_token', 'response_done']);
  assert.match(JSON.stringify(await log.entry('observer_failed')), /the observer of sess_\w+ is broken/);
  assert.ok(log.entries.some(({ event }) => event === 'response_done'));
});

test('the diagnostics channel receives every observation while it has subscribers', async (t) => {
  const server = await newServer(t);
  const messages: SessionMessage[] = [];
  const take = (message: unknown) => messages.push(message as SessionMessage);
  await respond(server.wsUrl);
  subscribe('parley:session', take);
  await respond(server.wsUrl);
  unsubscribe('parley:session', take);
  const done = messages.filter(({ observation }) => observation.type === 'response_done');
  assert.equal(done.length, 1);
  assert.equal(done[0]?.session.model, 'gpt-realtime');
});

test('nothing is published to the diagnostics channel without subscribers', async (t) => {
  const server = await newServer(t);
  const publish = t.mock.method(channel('parley:session'), 'publish');
  await respond(server.wsUrl);
  assert.equal(publish.mock.callCount(), 0);
});

test('a relayed session publishes the events of its upstream', async (t) => {
  const seen: Observation[] = [];
  const { side, client } = await liveSession(t, { observers: [{ observe: (each) => seen.push(each) }] });
  side.send({ type: 'input_audio_buffer.speech_started', audio_start_ms: 100, item_id: 'item_1' });
  side.send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: 900, item_id: 'item_1' });
  side.send({ type: 'input_audio_buffer.committed', previous_item_id: null, item_id: 'item_1' });
  side.send({ type: 'response.created', response: responseOf('in_progress') });
  side.send({ type: 'response.done', response: responseOf('completed') });
  await client.next('response.done');
  assert.deepEqual(
    seen.map(({ type, relayed }) => [type, relayed]),
    [
      ['speech_started', true],
      ['turn_decided', true],
      ['response_created', true],
      ['response_done', true],
    ],
  );
});
