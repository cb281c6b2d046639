/** Views of relayed sessions and of calls, and secrets in what they show. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../../src/server/server.ts';
import { bank, callsServer, openCall, shop } from '../../calls/calls-server.ts';
import { ask } from '../../support/rest.ts';
import { newServer } from '../../support/server.ts';
import { SessionView } from '../../support/session-view.ts';
import { verifies } from '../../support/verifies.ts';
import { WireClient } from '../../support/wire-client.ts';
import { FakeUpstream } from '../../upstream/support/fake-upstream.ts';
import { relayTo, upstreamKey } from '../../upstream/support/relay.ts';

const operator = 'sk-operator-0123456789';

async function firstId(server: { url: string }, key?: string): Promise<string> {
  const { body } = await ask(server, 'GET /v1/parley/sessions', { ...(key !== undefined && { key }) });
  return (body as { data: { id: string }[] }).data[0]?.id ?? '';
}

test('a relayed session is viewed: events of the upstream without audio, and errors of this server', async (t) => {
  verifies('R1.34');
  const upstream = await FakeUpstream.start(t);
  const relay = await relayTo(t, upstream.url);
  const client = new WireClient(`${relay.wsUrl}?model=m`);
  const side = await upstream.connection();
  const view = await SessionView.open(relay, await firstId(relay));
  side.create();
  await client.until('session.created');
  side.beginResponse('Hello there');
  await client.until('response.output_audio.delta');
  client.send({ type: 'nope', event_id: 'mine' });
  await client.until('error');
  await view.until('error');
  assert.deepEqual(view.types, [
    'parley.view.opened',
    'session.created',
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    'response.output_audio_transcript.delta',
    'error',
  ]);
  assert.ok(!view.text.includes(upstreamKey));
  side.socket.terminate();
  client.socket.close();
  assert.equal((await view.until('parley.view.closed')).reason, 'session_ended');
});

test('a call over WebRTC is viewed, and ends as without a view', async (t) => {
  verifies('R1.34');
  const apiKeys = [apiKey('shop', shop), apiKey('bank', bank), apiKey('operator', operator, { operator: true })];
  const { server, connections, clock } = await callsServer(t, { config: { apiKeys } });
  const callId = await openCall(server);
  const caller = connections.last.open();
  const view = await SessionView.open(server, await firstId(server, operator), operator);
  assert.partialDeepStrictEqual(view.events[0], { session: { call_id: callId, transport: 'webrtc' } });
  caller.say({ type: 'response.create' });
  await caller.until('response.created');
  await clock.advance(5000);
  await view.until('response.done');
  const seen = view.types;
  assert.ok(seen.includes('response.output_audio_transcript.delta') && !seen.includes('response.output_audio.delta'));
  connections.last.end('closed');
  assert.equal((await view.until('parley.view.closed')).reason, 'session_ended');
});

test('secrets of MCP servers and keys are in no event of a view', async (t) => {
  const apiKeys = [apiKey('shop', shop), apiKey('operator', operator, { operator: true })];
  const server = await newServer(t, { config: { apiKeys, outgoingAllow: [] } });
  const client = await WireClient.open(`${server.wsUrl}?model=m`, { headers: { Authorization: `Bearer ${shop}` } });
  const view = await SessionView.open(server, await firstId(server, operator), operator);
  const docs = { type: 'mcp', server_label: 'docs', server_url: 'http://127.0.0.1:9/mcp?key=hidden' };
  const tools = [{ ...docs, authorization: 'hidden', headers: { 'x-key': 'hidden' } }];
  client.send({ type: 'session.update', session: { type: 'realtime', tools, instructions: 'Sell shoes.' } });
  await client.until('mcp_list_tools.failed');
  await view.until('mcp_list_tools.failed');
  assert.match(view.text, /Sell shoes\./);
  assert.match(view.text, /"server_label":"docs"/);
  for (const secret of ['hidden', shop, operator]) assert.ok(!view.text.includes(secret), secret);
});
