/**
 * `--lenient`: fields added by relays are dropped with a warning in the log; by default they are refused
 * (docs/protocol.md §5).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const update = {
  type: 'session.update',
  relay_hop: 2,
  session: { type: 'realtime', instructions: 'Be brief.', x_trace: 'a', audio: { input: { x_gain: 1 } } },
};

test('unknown fields are dropped at any depth and logged; the rest of the event is applied', async (t) => {
  verifies('R2.23');
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { log, config: { lenient: true } });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.send(update);
  const { session } = await client.until('session.updated');
  assert.equal('instructions' in session && session.instructions, 'Be brief.');
  const { level, details } = await log.entry('unknown_fields_dropped');
  assert.equal(level, 'warn');
  assert.deepEqual(
    new Set(Reflect.get(details, 'fields')),
    new Set(['relay_hop', 'session.x_trace', 'session.audio.input.x_gain']),
  );
});

test('invalid values are refused with --lenient too', async (t) => {
  const { wsUrl } = await newServer(t, { config: { lenient: true } });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.send({ type: 'session.update', session: { type: 'realtime', instructions: 5, x_trace: 'a' } });
  assert.equal((await client.until('error')).error.code, 'invalid_type');
});

test('without --lenient the first unknown field is refused', async (t) => {
  verifies('R2.22');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.send(update);
  assert.equal((await client.until('error')).error.code, 'unknown_parameter');
});

test('output_audio_buffer.clear is refused on a WebSocket, and the error names the alternative', async (t) => {
  verifies('R7.2', 'ga.client.output_audio_buffer.clear');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.send({ type: 'output_audio_buffer.clear', event_id: 'clear-1' });
  const { error } = await client.until('error');
  assert.deepEqual([error.code, error.param, error.event_id], ['invalid_value', 'type', 'clear-1']);
  assert.match(error.message, /WebRTC and telephone.*response\.cancel/);
});
