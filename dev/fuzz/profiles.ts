/**
 * The two servers under test: one with generous limits, to reach everything, and one with tight limits, to reach those.
 */

import { apiKey, type ConfigOverrides } from '../../src/server/server.ts';

export const profiles = ['roomy', 'tight'] as const;
export type Profile = (typeof profiles)[number];

export const key = 'sk-fuzz-0123456789abcdef';

const kibibyte = 1024;

export const configs: Record<Profile, ConfigOverrides> = {
  roomy: {
    port: 0,
    apiKeys: [apiKey('fuzz', key)],
    limits: { headersTimeoutMs: 1000, requestTimeoutMs: 1000, secretsPerMinute: 1_000_000 },
  },
  tight: {
    port: 0,
    apiKeys: [apiKey('fuzz', key)],
    hosts: ['127.0.0.1', 'localhost'],
    origins: ['https://app.example'],
    models: ['gpt-realtime'],
    strictTruncation: true,
    contextTokens: [{ tokens: 300 }],
    limits: {
      frameBytes: 64 * kibibyte,
      frameFragments: 8,
      eventsPerSecond: 2000,
      eventBurst: 40,
      messageTimeoutMs: 5000,
      responsesPerMinute: 12,
      appendBytes: 8 * kibibyte,
      tools: 1,
      toolBytes: kibibyte,
      instructionsBytes: kibibyte,
      inputBufferMs: 1000,
      silenceMs: 6000,
      undetectedAudioMs: 100,
      keptAudioMs: 500,
      items: 6,
      itemCharacters: 2000,
      outOfBandResponses: 1,
      headerBytes: 2 * kibibyte,
      bodyBytes: 4 * kibibyte,
      headersTimeoutMs: 500,
      requestTimeoutMs: 500,
    },
  },
};
