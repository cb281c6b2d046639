import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configWith } from '../../src/config/config.ts';
import { newMetering, ownerOf, samples, usage } from './support.ts';

const prices = {
  currency: 'EUR',
  models: {
    'gpt-realtime': {
      'text-input': 4,
      'text-cached-input': 0.4,
      'text-output': 16,
      'audio-input': 32,
      'audio-output': 64,
      'image-input': 5,
      'transcription-minute': 0.006,
    },
    'gpt-*': { 'text-input': 1 },
    'gpt-realtime-m*': { 'text-input': 2 },
    transcription: { 'transcription-audio-input': 6, 'transcription-text-input': 2.5, 'transcription-output': 10 },
  },
};

const owner = ownerOf('phone');

function newAccount({
  model = 'gpt-realtime',
  type = 'realtime',
  ...options
}: {
  model?: string;
  type?: 'realtime' | 'transcription';
  prices?: typeof prices;
} = {}) {
  const { metering, ...rest } = newMetering({ prices, ...options });
  return { ...rest, metering, account: metering.openAccount({ sessionId: 'sess_1', type, model, owner }) };
}

const labels = 'key="phone",project="default",model="gpt-realtime"';

describe('the usage of a session', () => {
  it('is never negative or excessive, whatever an upstream reports', async () => {
    const { account, metering } = newAccount();
    account.responseUsed(usage({ text: 1, cachedText: 500, outText: -7, outAudio: 2.4 }));
    account.responseUsed(usage({ text: 1e300, audio: Number.NaN, cachedAudio: Number.POSITIVE_INFINITY }));
    account.transcriptionUsed({ type: 'duration', seconds: 1e300 });
    account.transcriptionUsed({ type: 'duration', seconds: -1 });
    const { used, cost } = account.totals();
    assert.deepEqual(used, {
      'text-input': 1e9,
      'text-cached-input': 500,
      'audio-output': 2,
      'audio-cached-input': 1e9,
      'transcription-ms': 1e9,
    });
    assert.ok(Number.isFinite(cost));
    assert.match((await metering.metricsText()).body, /parley_tokens_total\{kind="text-input",[^}]*\} 1000000000\n/);
  });

  it('is added up by kind, each token once', async () => {
    const { account, metering } = newAccount();
    account.responseUsed(
      usage({
        text: 100,
        cachedText: 40,
        audio: 50,
        cachedAudio: 20,
        image: 85,
        cachedImage: 5,
        outText: 7,
        outAudio: 9,
      }),
    );
    account.responseUsed(usage({ text: 10, outText: 1 }));
    account.responseEnded('completed', {});
    account.responseEnded('cancelled', {});
    account.responseEnded('completed', {});
    account.transcriptionUsed({ type: 'duration', seconds: 2.5 });
    account.transcriptionUsed({ type: 'duration', seconds: 1.25 });
    const { cost: _cost, currency: _currency, ...totals } = account.close();
    const tokens = {
      'text-input': 70,
      'text-cached-input': 40,
      'audio-input': 30,
      'audio-cached-input': 20,
      'image-input': 80,
      'image-cached-input': 5,
      'text-output': 8,
      'audio-output': 9,
    };
    assert.deepEqual(totals, {
      responses: { completed: 2, cancelled: 1 },
      transcriptions: 2,
      used: { ...tokens, 'transcription-ms': 3750 },
    });
    const counted = await samples(metering, 'parley_tokens_total');
    const expected = Object.entries(tokens).map(([kind, count]) => [`{kind="${kind}",${labels}}`, count]);
    assert.deepEqual(counted, Object.fromEntries(expected));
    assert.deepEqual(await samples(metering, 'parley_transcription_seconds_total'), { [`{${labels}}`]: 3.75 });
    assert.deepEqual(await samples(metering, 'parley_transcriptions_total'), { [`{${labels}}`]: 2 });
    assert.deepEqual(await samples(metering, 'parley_responses_total'), {
      [`{status="completed",${labels}}`]: 2,
      [`{status="cancelled",${labels}}`]: 1,
    });
  });

  it('costs the sum of the prices, exactly', async () => {
    const { account, metering } = newAccount();
    account.responseUsed(usage({ text: 1_000_000, cachedText: 500_000, outText: 1_000_000 }));
    assert.deepEqual([account.totals().cost, account.totals().currency], [2 + 0.2 + 16, 'EUR']);
    // Cached audio has no separate price, and counts as other audio.
    account.responseUsed(usage({ audio: 1000, cachedAudio: 500 }));
    assert.equal(account.totals().cost, 18.232);
    account.transcriptionUsed({ type: 'duration', seconds: 90 });
    assert.equal(account.totals().cost, 18.241);
    const cost = await samples(metering, 'parley_cost_total');
    assert.deepEqual(Object.keys(cost), [`{currency="EUR",${labels}}`]);
    assert.ok(Math.abs((cost[`{currency="EUR",${labels}}`] ?? 0) - 18.241) < 1e-9);
  });

  it('is not lost in rounding, however small the responses are', () => {
    const { account } = newAccount();
    const one = usage({ text: 1, cachedText: 1 });
    for (let count = 0; count < 20_000; count += 1) account.responseUsed(one);
    assert.equal(account.totals().cost, 0.008);
  });

  it('has no cost without a price', () => {
    for (const account of [
      newAccount({ model: 'llama' }).account,
      newMetering().metering.openAccount({ sessionId: 's', type: 'realtime', model: 'gpt-realtime', owner }),
    ]) {
      account.responseUsed(usage({ text: 1000 }));
      assert.deepEqual(Object.keys(account.totals()), ['responses', 'transcriptions', 'used']);
    }
  });

  it('is priced by the longest matching name', () => {
    const cost = (model: string) => {
      const { account } = newAccount({ model });
      account.responseUsed(usage({ text: 1_000_000 }));
      return account.totals().cost;
    };
    assert.deepEqual(['gpt-realtime', 'gpt-realtime-mini', 'gpt-realtime-2', 'gpt-'].map(cost), [4, 2, 1, 1]);
  });

  it('of a transcription session has the model name transcription', async () => {
    const { account, metering } = newAccount({ type: 'transcription', model: '' });
    const details = { text_tokens: 1_000_000, audio_tokens: 1_000_000 };
    account.transcriptionUsed({
      type: 'tokens',
      total_tokens: 3e6,
      input_tokens: 2e6,
      output_tokens: 1e6,
      input_token_details: details,
    });
    assert.equal(account.totals().cost, 18.5);
    const [series] = Object.keys(await samples(metering, 'parley_sessions_open'));
    assert.equal(series, '{type="transcription",key="phone",project="default",model="transcription"}');
  });
});

describe('prices in the configuration', () => {
  it('are refused with the position of the error', () => {
    const wrong: [object, RegExp][] = [
      [{ models: { a: { 'text-inptu': 4 } } }, /In models, a: "text-inptu" is not known; there are text-input, /],
      [{ models: { a: { 'text-input': -1 } } }, /In models, a, text-input: expected a price from 0 to 1000000/],
      [{ models: { a: { 'text-input': 0.1234567 } } }, /at most 6 decimals/],
      [{ models: { 'a*b': {} } }, /In models, a\*b: expected the name of a model/],
      [{ currency: 'U$', models: {} }, /In currency: expected a currency/],
      [{ model: {} }, /expected \{ currency, models \}/],
    ];
    for (const [given, message] of wrong) {
      // Invalid configuration files bypass the types.
      const config: { prices?: object } = { prices: given };
      assert.throws(() => configWith(config as Parameters<typeof configWith>[0]), { name: 'ConfigError', message });
    }
    assert.deepEqual(configWith({ prices }).prices, prices);
    assert.equal(configWith({}).prices, undefined);
  });
});
