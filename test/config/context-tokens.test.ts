import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, configWith, loadConfig } from '../../src/config/config.ts';

const flags = (value: string) => loadConfig({ flags: ['--context-tokens', value], environment: {} }).config;

test('one context size for all models, or one per model', () => {
  assert.deepEqual(configWith({}).contextTokens, [{ tokens: 28_224 }]);
  assert.deepEqual(flags('8192').contextTokens, [{ tokens: 8192 }]);
  assert.deepEqual(flags('llama3.2:3b=4096, 8192').contextTokens, [
    { model: 'llama3.2:3b', tokens: 4096 },
    { tokens: 8192 },
  ]);
  assert.deepEqual(
    configWith({ contextTokens: [{ model: 'a', tokens: 500 }] }).contextTokens,
    [{ model: 'a', tokens: 500 }, { tokens: 28_224 }],
    'all others keep the usual one',
  );
});

test('an invalid context size or a repeated model is refused', () => {
  for (const value of ['', '10', 'lots', 'a=', 'a=500,a=600', '500,600', '-5']) {
    assert.throws(
      () => flags(value),
      (error) =>
        error instanceof ConfigError && error.message.includes('--context-tokens') && /256/.test(error.message),
      value,
    );
  }
});
