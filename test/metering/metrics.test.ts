import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeptLog } from '../support/server.ts';
import { newMetering, ownerOf, samples, usage } from './support.ts';

describe('sessions', () => {
  it('are open until they are closed, and their duration is recorded', async () => {
    const { metering, clock } = newMetering();
    const open = (sessionId: string) =>
      metering.openAccount({ sessionId, type: 'realtime', model: 'm', owner: ownerOf('phone') });
    const first = open('a');
    open('b');
    const labels = '{type="realtime",key="phone",project="default",model="m"}';
    assert.deepEqual(await samples(metering, 'parley_sessions_open'), { [labels]: 2 });
    await clock.advance(45_000);
    first.close();
    first.close();
    assert.deepEqual(await samples(metering, 'parley_sessions_open'), { [labels]: 1 });
    assert.deepEqual(await samples(metering, 'parley_sessions_opened_total'), { [labels]: 2 });
    assert.deepEqual(await samples(metering, 'parley_session_duration_seconds_sum'), { '{type="realtime"}': 45 });
    const buckets = await samples(metering, 'parley_session_duration_seconds_bucket');
    assert.equal(buckets['{le="30",type="realtime"}'], 0);
    assert.equal(buckets['{le="60",type="realtime"}'], 1);
  });

  it('have separate series if configured, for as long as they live', async () => {
    const prices = { currency: 'USD', models: { m: { 'text-input': 2 } } };
    const { metering } = newMetering({ sessionMetrics: true, prices });
    const owner = ownerOf('phone');
    const account = metering.openAccount({ sessionId: 'sess_1', type: 'realtime', model: 'm', owner });
    metering.openAccount({ sessionId: 'sess_2', type: 'realtime', model: 'unpriced', owner });
    account.responseUsed(usage({ text: 500_000, outText: 3 }));
    account.responseEnded('completed', {});
    account.transcriptionUsed({ type: 'duration', seconds: 9 });
    const series = async () =>
      Promise.all(['responses', 'tokens', 'cost'].map((name) => samples(metering, `parley_session_${name}`)));
    assert.deepEqual(await series(), [
      { '{session="sess_1"}': 1, '{session="sess_2"}': 0 },
      { '{session="sess_1"}': 500_003, '{session="sess_2"}': 0 },
      { '{session="sess_1"}': 1 },
    ]);
    account.close();
    assert.deepEqual(await series(), [{ '{session="sess_2"}': 0 }, { '{session="sess_2"}': 0 }, {}]);
    assert.doesNotMatch((await newMetering().metering.metricsText()).body, /parley_session_tokens/);
  });
});

it('the stages of a turn are timed in seconds, up to its last stage', async () => {
  const { metering } = newMetering();
  const account = metering.openAccount({ sessionId: 's', type: 'realtime', model: 'm', owner: ownerOf('phone') });
  account.responseEnded('completed', {
    silenceMs: 500,
    transcriptMs: 120,
    firstTokenMs: 30,
    firstAudioMs: 60,
    answeredMs: 215,
  });
  account.responseEnded('failed', { firstTokenMs: 20 });
  assert.deepEqual(await samples(metering, 'parley_stage_seconds_count'), {
    '{stage="transcriber"}': 1,
    '{stage="language_model"}': 2,
    '{stage="voice"}': 1,
  });
  const sums = await samples(metering, 'parley_stage_seconds_sum');
  assert.equal(sums['{stage="transcriber"}'], 0.12);
  assert.equal(sums['{stage="language_model"}'], 0.05);
  assert.deepEqual(await samples(metering, 'parley_answer_seconds_sum'), { '': 0.215 });
});

describe('labels', () => {
  const modelsOf = async (models: string[], requested: string[]) => {
    const { metering } = newMetering({ models });
    for (const model of requested) {
      metering.openAccount({ sessionId: model, type: 'realtime', model, owner: ownerOf('phone') });
    }
    const series = Object.keys(await samples(metering, 'parley_sessions_open'));
    return series.map((labels) => /model="([^"]*)"/.exec(labels)?.[1]).sort();
  };

  it('name the configured models, and no others', async () => {
    assert.deepEqual(await modelsOf(['a', 'b'], ['a', 'b', 'c', 'd']), ['a', 'b', 'other']);
  });

  it('name a bounded number of models if any model is accepted', async () => {
    const requested = Array.from({ length: 500 }, (_, index) => `model-${index}`);
    const named = await modelsOf([], ['x'.repeat(5000), ...requested]);
    assert.equal(named.length, 17);
    assert.ok(named.includes('other') && named.includes('model-0'));
  });

  it('are bounded, for any number of keys, projects and models', async () => {
    const { metering } = newMetering();
    for (let count = 0; count < 3000; count += 1) {
      const owner = { keyName: `key-${count}`, project: 'p' };
      metering.openAccount({ sessionId: `${count}`, type: 'realtime', model: 'm', owner }).close();
    }
    const opened = await samples(metering, 'parley_sessions_opened_total');
    assert.equal(Object.keys(opened).length, 1001);
    assert.equal(opened['{type="realtime",key="other",project="other",model="other"}'], 2000);
  });

  it('of a server without keys have an empty key', async () => {
    const { metering } = newMetering();
    metering.openAccount({ sessionId: 's', type: 'realtime', model: 'say "hi"\n', owner: { project: 'default' } });
    const series = Object.keys(await samples(metering, 'parley_sessions_open'));
    assert.deepEqual(series, ['{type="realtime",key="",project="default",model="say \\"hi\\"\\n"}']);
  });
});

it('log entries are counted, including those below its level, and passed on', async () => {
  const { metering } = newMetering();
  const kept = new KeptLog();
  const log = metering.countEntries(kept);
  log.warn('peer_too_slow', { session: 'a' });
  log.warn('peer_too_slow', {});
  log.debug('transcribed', {});
  assert.deepEqual(await samples(metering, 'parley_log_entries_total'), {
    '{level="warn",event="peer_too_slow"}': 2,
    '{level="debug",event="transcribed"}': 1,
  });
  assert.equal(kept.entries.length, 3);
  assert.deepEqual(kept.entries[0]?.details, { session: 'a' });
});

it('values from other components are read when metrics are read', async () => {
  const { metering } = newMetering();
  let connections = 3;
  metering.watch('parley_connections', 'Connections.', () => connections);
  assert.deepEqual(await samples(metering, 'parley_connections'), { '': 3 });
  connections = 4;
  assert.deepEqual(await samples(metering, 'parley_connections'), { '': 4 });
});

it('the text has the format of Prometheus, includes the process, and is separate for each server', async () => {
  const { metering } = newMetering();
  metering.sessionRefused('draining');
  const { contentType, body } = await metering.metricsText();
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  assert.ok(body.endsWith('\n'));
  for (const line of body.split('\n')) {
    assert.match(
      line,
      /^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? (-?[\d.e+-]+|Nan|[+-]Inf)|)$/,
    );
  }
  const names = body.split('\n').flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
  assert.equal(new Set(names).size, names.length, 'a metric is there twice');
  assert.match(body, /^parley_info\{version="\d+\.\d+\.\d+[^"]*"\} 1$/m);
  assert.ok(names.includes('process_resident_memory_bytes') && names.includes('nodejs_eventloop_lag_seconds'));
  assert.deepEqual(await samples(newMetering().metering, 'parley_sessions_refused_total'), {});
});
