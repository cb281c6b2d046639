/** `GET /v1/parley/sessions`: pages, and the figures of a row. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RealtimeClient } from '../../../src/cli/realtime-client.ts';
import { openCall } from '../../calls/calls-server.ts';
import { FakeConnections } from '../../support/fake-connections.ts';
import { silence, tone } from '../../support/fake-engines.ts';
import { ask, errorIn } from '../../support/rest.ts';
import { newServer } from '../../support/server.ts';
import { verifies } from '../../support/verifies.ts';
import { WireClient } from '../../support/wire-client.ts';
import { FakeUpstream } from '../../upstream/support/fake-upstream.ts';
import { relayTo } from '../../upstream/support/relay.ts';

const list = 'GET /v1/parley/sessions';
const turn = Buffer.from(Int16Array.of(...tone(400, 24_000), ...silence(700, 24_000)).buffer).toString('base64');

interface Row {
  id: string;
  turns: number;
  latency: { responses: number; median_ms: number } | null;
  [field: string]: unknown;
}

async function page(server: { url: string }, query = ''): Promise<{ data: Row[]; next: number | null }> {
  const { status, body } = await ask(server, list + query);
  assert.equal(status, 200);
  return body as { data: Row[]; next: number | null };
}

async function fiveSessions(t: TestContext, rows: number) {
  const server = await newServer(t, { config: { limits: { sessionRows: rows } } });
  const clients: WireClient[] = [];
  for (let at = 0; at < 5; at++) clients.push(await WireClient.open(`${server.wsUrl}?model=m${at}`));
  return { server, clients };
}

test('pages list each session once, oldest first, even if sessions end in between', async (t) => {
  verifies('R1.33');
  const { server, clients } = await fiveSessions(t, 2);
  const first = await page(server);
  assert.deepEqual(
    first.data.map(({ model }) => model),
    ['m0', 'm1'],
  );
  // The last row of the first page ends, and one behind it.
  for (const id of [first.data[1]?.id, (await page(server, `?after=${first.next}`)).data[0]?.id]) {
    assert.equal((await ask(server, `DELETE /v1/parley/sessions/${id}`)).status, 200);
  }
  await Promise.all([clients[1]?.closed, clients[2]?.closed]);
  const second = await page(server, `?after=${first.next}`);
  assert.deepEqual(
    second.data.map(({ model }) => model),
    ['m3', 'm4'],
  );
  assert.equal(second.next, null);
});

test('a page is never longer than limits.session-rows', async (t) => {
  verifies('R1.33');
  const { server } = await fiveSessions(t, 4);
  assert.equal((await page(server)).data.length, 4);
  assert.equal((await page(server, '?limit=3')).data.length, 3);
  for (const [query, param] of [
    ['?limit=5', 'limit'],
    ['?limit=0', 'limit'],
    ['?limit=many', 'limit'],
    ['?after=-1', 'after'],
    ['?after=sess_1', 'after'],
  ] as const) {
    const refused = await ask(server, list + query);
    assert.equal(refused.status, 400, query);
    assert.equal(errorIn(refused).param, param, query);
  }
});

test('a row has the turns of a session, and the median latency that its ledger says', async (t) => {
  verifies('R1.33');
  const server = await newServer(t);
  const client = new RealtimeClient(`${server.wsUrl}?model=m&parley=ledger`);
  await client.until('session.created');
  const audibleMs: number[] = [];
  const ledgers = new Promise<void>((resolve) => {
    client.socket.on('message', (data) => {
      const event = JSON.parse(String(data));
      if (event.type !== 'parley.ledger') return;
      audibleMs.push(event.at_ms.audible);
      if (audibleMs.length === 2) resolve();
    });
  });
  for (let turns = 0; turns < 2; turns++) {
    client.send({ type: 'input_audio_buffer.append', audio: turn });
    await client.until('response.done');
  }
  await ledgers;
  const { data } = await page(server);
  const [one = 0, other = 0] = audibleMs;
  assert.equal(data[0]?.turns, 2);
  assert.deepEqual(data[0]?.latency, { responses: 2, median_ms: Math.round((one + other) * 5) / 10 });
});

test('a row names the transport, and the call of a session over WebRTC', async (t) => {
  const server = await newServer(t, { peerConnections: new FakeConnections() });
  const callId = await openCall(server);
  await WireClient.open(`${server.wsUrl}?model=m`);
  const { data } = await page(server);
  assert.deepEqual(
    data.map(({ transport, call_id }) => [transport, call_id]),
    [
      ['webrtc', callId],
      ['websocket', null],
    ],
  );
});

test('a row names the engines of its model without addresses, or the upstream', async (t) => {
  const url = 'http://127.0.0.1:9/v1?key=hidden';
  const config = {
    languageModel: { url, model: 'large' },
    aliases: { fast: { model: 'small' } },
  };
  const server = await newServer(t, { engines: undefined, config });
  for (const model of ['any', 'fast']) await WireClient.open(`${server.wsUrl}?model=${model}`);
  const { data } = await page(server);
  assert.deepEqual(
    data.map(({ engines }) => engines),
    ['large', 'small'].map((languageModel) => ({
      voiceActivity: 'silero',
      transcriber: 'moonshine',
      languageModel,
      voice: 'flite',
    })),
  );

  const upstream = await FakeUpstream.start(t);
  const relay = await relayTo(t, upstream.url);
  const opened = WireClient.open(`${relay.wsUrl}?model=m`);
  (await upstream.connection()).create();
  await opened;
  assert.deepEqual((await page(relay)).data[0]?.engines, { upstream: 'the-upstream' });
});
