import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type IdSource, randomId } from '../../src/protocol/index.ts';
import { type ApiKey, apiKey } from '../../src/server/server.ts';
import { FakeModel, fakeEngines } from '../support/fake-engines.ts';
import { ask, bearer } from '../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const prices = { currency: 'USD', models: { 'gpt-*': { 'text-input': 4, 'text-output': 16 } } };

/** A server with a limited key and an operator's, whose model reports 100 input and 20 output tokens. */
async function newMeteredServer(t: TestContext, limits: ApiKey['limits'] = {}) {
  const model = new FakeModel();
  model.script = () => [
    { type: 'text', text: 'Yes.' },
    { type: 'finish', reason: 'stop', usage: { inputTokens: 100, outputTokens: 20 } },
  ];
  const log = new KeptLog();
  const apiKeys = [
    apiKey('phone', 'k-phone', { project: 'support', limits }),
    apiKey('watch', 'k-watch', { operator: true }),
  ];
  const engines = fakeEngineSet({ ...fakeEngines(), languageModel: model });
  const server = await newServer(t, { log, engines, config: { apiKeys, prices } });
  const open = (key = 'k-phone') => WireClient.open(`${server.wsUrl}?model=gpt-realtime`, bearer(key));
  const metrics = async () => String((await ask(server, 'GET /metrics', { key: 'k-watch' })).body).split('\n');
  return { server, log, open, metrics };
}

describe('the metrics of a server', () => {
  it('name a session by the id that its clients see, also when it is replayed with a recorded one', async (t) => {
    const set = fakeEngineSet();
    const recorded: IdSource = (kind) => (kind === 'sess' ? 'sess_recorded' : randomId(kind));
    const server = await newServer(t, {
      engines: { ...set, openSession: () => ({ engines: set.engines, ids: recorded }) },
      config: { sessionMetrics: true },
    });
    const client = new WireClient(`${server.wsUrl}?model=gpt-realtime`);
    assert.equal((await client.until('session.created')).session.id, 'sess_recorded');
    const { body } = await ask(server, 'GET /metrics');
    assert.deepEqual(String(body).match(/^parley_session_responses\{.*$/gm), [
      'parley_session_responses{session="sess_recorded"} 0',
    ]);
  });

  it('show the usage of keys to operators only', async (t) => {
    const { server, open, metrics } = await newMeteredServer(t);
    const client = await open();
    await client.ask('Is it?');
    for (const key of [undefined, 'k-wrong'])
      assert.equal((await ask(server, 'GET /metrics', { ...(key && { key }) })).status, 401);
    assert.equal((await ask(server, 'GET /metrics', { key: 'k-phone' })).status, 403);
    const { status, headers } = await ask(server, 'GET /metrics', { key: 'k-watch' });
    assert.equal(status, 200);
    assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const lines = await metrics();
    const owner = 'key="phone",project="support",model="gpt-realtime"';
    for (const line of [
      `parley_sessions_open{type="realtime",${owner}} 1`,
      `parley_responses_total{status="completed",${owner}} 1`,
      `parley_tokens_total{kind="text-input",${owner}} 100`,
      `parley_tokens_total{kind="text-output",${owner}} 20`,
      `parley_cost_total{currency="USD",${owner}} 0.00072`,
      'parley_stage_seconds_count{stage="language_model"} 1',
      'parley_log_entries_total{level="info",event="session_opened"} 1',
    ]) {
      assert.ok(
        lines.includes(line),
        `${line}\nis not in\n${lines.filter((each) => each.startsWith('parley')).join('\n')}`,
      );
    }
    const connections = Number(lines.find((line) => line.startsWith('parley_connections '))?.split(' ')[1]);
    assert.ok(connections >= 2, `${connections} connections`);
    client.socket.close();
    await client.closed;
  });

  it('are open to everyone on a server without keys', async (t) => {
    const server = await newServer(t);
    assert.equal((await ask(server, 'GET /metrics')).status, 200);
  });
});

it('the log has the usage of a session at its end', async (t) => {
  const { open, log } = await newMeteredServer(t);
  const client = await open();
  await client.ask('Is it?');
  await client.ask('Really?');
  client.socket.close(1000);
  const { details } = await log.entry('session_closed');
  const { responses, transcriptions, used, cost, currency } = details as Record<string, unknown>;
  assert.deepEqual(responses, { completed: 2 });
  assert.equal(transcriptions, 0);
  assert.deepEqual({ cost, currency }, { cost: 0.00144, currency: 'USD' });
  const counted = Object.values(used as Record<string, number>).reduce((sum, each) => sum + each, 0);
  assert.equal(counted, 240);
});

describe('the limits of a key', () => {
  it('refuse excess sessions, and admit another when one has ended', async (t) => {
    const { server, open, log, metrics } = await newMeteredServer(t, { sessions: 1 });
    const first = await open();
    const refused = new WireClient(`${server.wsUrl}?model=gpt-realtime`, bearer('k-phone'));
    const { error } = await refused.until('error');
    assert.match(error.message, /'phone' has as many sessions as it may have at once: 1/);
    await refused.closed;
    await open('k-watch');
    first.socket.close();
    await log.entry('session_closed');
    await open();
    assert.ok((await metrics()).includes('parley_sessions_refused_total{reason="key_sessions"} 1'));
  });

  it('fail the next response with the time to wait, and the session continues', async (t) => {
    const { open } = await newMeteredServer(t, { tokensPerMinute: 200 });
    const client = await open();
    assert.equal((await client.ask('Is it?')).response.status, 'completed');
    const tokensLeft = async () => {
      const { rate_limits: limits } = await client.until('rate_limits.updated');
      return limits.find(({ name }) => name === 'tokens');
    };
    const left = await tokensLeft();
    assert.deepEqual([left?.limit, left?.remaining], [200, 80]);
    assert.ok(left && left.reset_seconds > 0 && left.reset_seconds <= 60);
    assert.equal((await client.ask('And now?')).response.status, 'completed');
    assert.equal((await tokensLeft())?.remaining, 0);
    const { response } = await client.ask('And again?');
    assert.equal(response.status, 'failed');
    const details = JSON.stringify(response.status_details);
    assert.match(details, /rate_limit_exceeded/);
    assert.match(
      details,
      /'phone' has used its tokens of this minute: the limit is 200, used .* are 240\. Try again in [\d.]+ s\./,
    );
    client.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Still here?' } });
    await client.until('session.updated');
  });
});
