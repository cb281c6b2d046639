/** Admission of responses by the meter, and the usage of responses and transcriptions. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Usage } from '../../../src/protocol/wire/server-events.ts';
import type { Meter, Reservation } from '../../../src/session/ports/meter.ts';
import { noMeter } from '../../../src/session/settings.ts';
import { newConversation, update, userText } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { inText, manual, sayAloud, usageOf, words } from './support.ts';

class CountingMeter implements Meter {
  readonly admitResponse = noMeter.admitResponse;
  readonly rateLimits = noMeter.rateLimits;
  readonly responses: Usage[] = [];
  readonly transcriptions: object[] = [];
  responseUsed(usage: Usage): void {
    this.responses.push(usage);
  }
  transcriptionUsed(usage: object): void {
    this.transcriptions.push(usage);
  }
}

test('the meter gets the real usage of every response once, even if the client gets zeros', async () => {
  verifies('R3.52');
  const meter = new CountingMeter();
  const { client, engines } = newConversation({}, { tokens: words, meter });
  await client.say(userText('Hello.'));
  await client.say(inText());
  await client.say(inText({ conversation: 'none' }));
  engines.languageModel.script = () => {
    throw new Error('overloaded');
  };
  await client.say(inText());
  const shown = client.all('response.done').map(({ response }) => response.usage);
  assert.deepEqual(meter.responses.slice(0, 2), shown.slice(0, 2));
  const totals = [shown, meter.responses].map((usages) => Object(usages[2]));
  assert.deepEqual(
    totals.map((usage) => usage.total_tokens),
    [0, Object(shown[0]).total_tokens],
    'the failed response has used its input',
  );
  assert.equal(meter.responses.length, 3);
});

test('a response that the meter refuses fails with a reason; the model is not called, and the session continues', async () => {
  verifies('R3.61', 'R5.43', 'R3.52');
  const meter = new CountingMeter();
  const message = 'The tokens of this key are used up. Try again in 20 s.';
  const answers = [{ refusal: { message, retryAfterMs: 20_000 } }];
  const { client, engines } = newConversation(
    {},
    { meter: Object.assign(meter, { admitResponse: async () => answers.shift() ?? {} }) },
  );
  await client.say(userText('Hello.'));
  await client.say(inText());
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, {
    type: 'failed',
    error: {
      type: 'tokens',
      code: 'rate_limit_exceeded',
      message: 'The tokens of this key are used up. Try again in 20 s.',
    },
  });
  assert.equal(response.usage?.total_tokens, 0);
  assert.equal(engines.languageModel.requests.length, 0);
  await client.say(inText());
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('a response reserves the estimate of its input and its maximum output', async () => {
  const meter = new CountingMeter();
  const expected: object[] = [];
  const { client } = newConversation(
    { contextTokens: [{ tokens: 300 }] },
    {
      tokens: words,
      meter: Object.assign(meter, {
        admitResponse: async (tokens: object) => {
          expected.push(tokens);
          return {};
        },
      }),
    },
  );
  await client.say(update({ instructions: 'Be brief please.' }));
  await client.say(userText('one two'));
  await client.say(inText({ max_output_tokens: 20 }));
  await client.say(userText('word '.repeat(400)));
  await client.say(inText());
  assert.deepEqual(expected, [
    { input: 5, output: 20 },
    { input: 300, output: 'inf' },
  ]);
});

test('the reservation of a response is settled with its usage, even if it ends before admission', async () => {
  const meter = new CountingMeter();
  const settled: (number | undefined)[] = [];
  const admissions: (() => void)[] = [];
  const { client } = newConversation(
    {},
    {
      tokens: words,
      meter: Object.assign(meter, {
        admitResponse: async () => {
          await new Promise<void>((resolve) => admissions.push(resolve));
          return { reservation: { settle: (used: number) => settled.push(used) } };
        },
        responseUsed: (usage: Usage, reservation?: Reservation) => reservation?.settle(usage.total_tokens),
      }),
    },
  );
  await client.say(userText('one two'));
  await client.say(inText());
  await client.say({ type: 'response.cancel' });
  admissions.shift()?.();
  await nextTurn();
  assert.deepEqual(settled, [0]);
  await client.say(inText());
  admissions.shift()?.();
  while (client.all('response.done').length < 2) await nextTurn();
  assert.deepEqual(settled, [0, usageOf(client).total_tokens]);
  assert.ok(usageOf(client).total_tokens > 0);
});

test('rate_limits.updated has the meter’s values after the response', async () => {
  verifies('R3.3');
  const meter = new CountingMeter();
  const { client } = newConversation(
    { limits: { responsesPerMinute: Number.POSITIVE_INFINITY } },
    {
      tokens: words,
      meter: Object.assign(meter, {
        rateLimits: () => {
          const spent = meter.responses.reduce((sum, { total_tokens }) => sum + total_tokens, 0);
          return [{ name: 'tokens', limit: 100, remaining: 100 - spent, reset_seconds: 60 }];
        },
      }),
    },
  );
  await client.say(userText('one two'));
  await client.say(inText());
  assert.deepEqual(client.last('rate_limits.updated').rate_limits, [
    { name: 'tokens', limit: 100, remaining: 100 - usageOf(client).total_tokens, reset_seconds: 60 },
  ]);
});

test('a transcription costs tokens or duration, depending on its model', async () => {
  verifies('R3.35');
  const meter = new CountingMeter();
  const { client, engines } = newConversation({}, { tokens: words, meter });
  engines.transcriber.hear = () => 'three little words';
  await manual(client);
  const completed = async (transcription: object | null) => {
    await client.say(update({ audio: { input: { transcription } } }));
    await sayAloud(client, 1230);
    return client.all('conversation.item.input_audio_transcription.completed').at(-1)?.usage;
  };
  const tokensOf = (audio: number) => ({
    ...{ type: 'tokens', total_tokens: audio + 2 + 3, input_tokens: audio + 2, output_tokens: 3 },
    input_token_details: { text_tokens: 2, audio_tokens: audio },
  });
  const tokens = tokensOf(12);
  const prompt = 'Expect words.';
  const duration = { type: 'duration', seconds: 2 };
  assert.deepEqual(await completed({ model: 'gpt-4o-transcribe', prompt }), tokens);
  assert.deepEqual(await completed({ model: 'gpt-4o-mini-transcribe-2025-12-15', prompt }), tokens);
  assert.deepEqual(await completed({ model: 'whisper-1', prompt }), duration);
  assert.deepEqual(await completed({}), duration);
  await completed(null);
  const [used, spent] = [tokensOf(12.3), { type: 'duration', seconds: 1.23 }];
  assert.deepEqual(
    meter.transcriptions,
    [used, used, spent, spent, spent],
    'not rounded, and also what no client sees',
  );
});

test('usage reported by a transcriber takes precedence', async () => {
  verifies('R3.35');
  const meter = new CountingMeter();
  const { client, engines } = newConversation({}, { meter });
  const usage = { type: 'duration', seconds: 6.2 } as const;
  engines.transcriber.transcribe = async function* () {
    yield { type: 'done', text: 'Hello.', usage };
  };
  await client.say(
    update({ audio: { input: { turn_detection: null, transcription: { model: 'gpt-4o-transcribe' } } } }),
  );
  await sayAloud(client, 500);
  const shown = client.last('conversation.item.input_audio_transcription.completed').usage;
  assert.deepEqual(shown, { type: 'duration', seconds: 7 });
  assert.deepEqual(meter.transcriptions, [usage]);
});

test('a failed or empty transcription costs nothing', async () => {
  const meter = new CountingMeter();
  const { client, engines } = newConversation({}, { meter });
  engines.transcriber.hear = () => {
    throw new Error('out of order');
  };
  await manual(client);
  await sayAloud(client, 500);
  assert.deepEqual(meter.transcriptions, []);
});

test('logprobs are sent only to clients that include them', async () => {
  verifies('R3.54');
  const { client, engines } = newConversation();
  const logprobs = [{ token: 'Hello', logprob: -0.1, bytes: [72, 101, 108, 108, 111] }];
  const wanted: unknown[] = [];
  engines.transcriber.transcribe = async function* (_clip, options) {
    wanted.push(options.logprobs);
    yield { type: 'delta', text: 'Hello', logprobs };
    yield { type: 'done', text: 'Hello', logprobs };
  };
  const hear = async (include: string[] | null) => {
    await client.say(update({ include, audio: { input: { turn_detection: null, transcription: {} } } }));
    await sayAloud(client, 500);
    const delta = client.last('conversation.item.input_audio_transcription.delta');
    const completed = client.last('conversation.item.input_audio_transcription.completed');
    return [delta, completed].map((event) => ('logprobs' in event ? event.logprobs : 'none'));
  };
  assert.deepEqual(await hear(null), ['none', 'none']);
  assert.deepEqual(await hear(['item.input_audio_transcription.logprobs']), [logprobs, logprobs]);
  assert.deepEqual(wanted, [undefined, true]);
});
