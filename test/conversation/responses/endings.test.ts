/** Ends of responses: failing engines, empty output, cancels. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { newConversation, updateTools } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { call, countTo, hang, say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { respond } from './support.ts';

type Engines = ReturnType<typeof newConversation>['engines'];

const faults: [name: string, code: string, inject: (engines: Engines) => void][] = [
  [
    'a model that throws immediately',
    'language_model_failed',
    (engines) => {
      engines.languageModel.generate = () => {
        throw new Error('no route to host');
      };
    },
  ],
  [
    'a model that fails midway',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = async function* () {
        yield { type: 'text', text: 'Well, this is a beginning, ' };
        throw new Error('connection reset');
      };
    },
  ],
  [
    'a model that yields nothing',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = () => [];
    },
  ],
  [
    'a model that ends without finishing',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = () => [{ type: 'text', text: 'Well,' }];
    },
  ],
  [
    'a model that never begins',
    'language_model_stalled',
    (engines) => {
      engines.languageModel.script = ({ signal }) => hang(signal);
    },
  ],
  [
    'a model that ignores its signal and stalls midway',
    'language_model_stalled',
    (engines) => {
      engines.languageModel.script = async function* () {
        yield { type: 'text', text: 'Well, this is a beginning, ' };
        await new Promise(() => {});
      };
    },
  ],
  [
    'a voice that throws immediately',
    'voice_failed',
    (engines) => {
      engines.voice.speak = () => {
        throw new Error('no such voice');
      };
    },
  ],
  [
    'a voice that fails midway',
    'voice_failed',
    (engines) => {
      engines.voice.speak = async function* () {
        yield { samples: tone(250, 16000), sampleRateHz: 16000 };
        throw new Error('worker died');
      };
    },
  ],
  [
    'a voice that stalls midway',
    'voice_stalled',
    (engines) => {
      engines.voice.speak = (_text, { signal }) => hang(signal, { samples: tone(250, 16000), sampleRateHz: 16000 });
    },
  ],
];

for (const [name, code, inject] of faults) {
  test(`${name}: response.done failed names the stage, and the session continues`, async () => {
    verifies('R3.42', 'R4.12', 'R4.16', 'R5.40');
    const { client, clock, engines } = newConversation();
    const { generate } = engines.languageModel;
    const { speak } = engines.voice;
    const { script } = engines.languageModel;
    inject(engines);
    await client.say(respond());
    await clock.advance(40_000);
    const { response } = client.last('response.done');
    assert.equal(response.status, 'failed');
    assert.ok(response.status_details?.type === 'failed');
    const { error } = response.status_details;
    assert.deepEqual([error.type, error.code], ['server_error', code]);
    assert.match(
      error.message,
      code.startsWith('voice')
        ? /^The voice (failed: .|produced no output)/
        : /^The language model (failed: .|produced no output)/,
    );
    assert.ok(response.usage, 'clients count on it');
    for (const item of response.output) assert.equal(item.status, 'incomplete');
    const opened = client.all('response.content_part.added').length;
    assert.equal(client.all('response.content_part.done').length, opened, 'what was opened is done');
    assert.equal(client.all('response.output_item.done').length, client.all('response.output_item.added').length);
    assert.deepEqual(client.all('error'), [], 'response.done says it');

    Object.assign(engines.languageModel, { generate, script });
    Object.assign(engines.voice, { speak });
    await client.say(respond());
    await clock.advance(20_000);
    assert.equal(client.last('response.done').response.status, 'completed');
  });
}

test('a cancel stops model and voice immediately', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) =>
    hang<ModelEvent>(signal, { type: 'text', text: 'One sentence is here. ' });
  let voiceSignal: AbortSignal | undefined;
  engines.voice.speak = (_text, { signal }) => {
    voiceSignal = signal;
    return hang(signal, { samples: tone(250, 16000), sampleRateHz: 16000 });
  };
  await client.say(respond());
  assert.equal(voiceSignal?.aborted, false);
  await client.say({ type: 'response.cancel' });
  assert.deepEqual([voiceSignal?.aborted, engines.languageModel.requests[0]?.signal.aborted], [true, true]);
});

test('a cancel at any moment ends the response', async () => {
  verifies('R3.3', 'R3.17', 'R3.52');
  for (let ticks = 0; ticks < 60; ticks += 1) {
    const { client, engines } = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY });
    engines.languageModel.script = () => [...say(countTo(3)).slice(0, -1), ...call('f', { a: 1 })];
    client.post(respond());
    for (let tick = 0; tick < ticks; tick += 1) await null;
    client.post({ type: 'response.cancel' });
    await settle();
    const types = client.types().filter((type) => type !== 'error');
    const { output, usage } = client.last('response.done').response;
    const end = output.length === 0 ? ['response.done'] : ['response.done', 'rate_limits.updated'];
    assert.deepEqual(types.slice(-end.length), end, `after ${ticks} microtasks`);
    if (output.length === 0) assert.equal(usage?.total_tokens, 0);
  }
});

test('a call without arguments has those of an empty object', async () => {
  verifies('R3.11');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'call', name: 'stop', callId: 'call_1' },
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(updateTools('stop'));
  await client.say(respond());
  assert.equal(client.last('response.function_call_arguments.done').arguments, '{}');
  const { item } = client.last('response.output_item.done');
  assert.ok(item.type === 'function_call' && item.arguments === '{}');
});
