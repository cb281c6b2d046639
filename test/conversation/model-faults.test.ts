/** A model that violates its contract fails the response with a description of the violation. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation } from '../support/conversation.ts';
import { say } from '../support/fake-engines.ts';

const faults: readonly (readonly [yielded: unknown, expected: string])[] = [
  [{ type: 'function_call', name: 'look_up' }, "an unknown event 'function_call'"],
  [{ text: 'Hello' }, 'an unknown event undefined'],
  ['Hello', "'Hello' where an event was due"],
  [null, 'null where an event was due'],
  [{ type: 'text', delta: 'Hello' }, "a 'text' event whose 'text' is no string"],
  [{ type: 'call', function: 'look_up' }, "a 'call' event whose 'name' is no string"],
  [
    { type: 'audio', samples: new Int16Array(8), sampleRateHz: 24_000, transcript: 'Hello' },
    "an 'audio' event, and was not asked to speak",
  ],
  [{ type: 'finish' }, "a 'finish' event whose 'reason' is no string"],
  [{ type: 'finish', reason: 'end_turn' }, "a 'finish' event with the unknown reason 'end_turn'"],
];

const spokenFaults: typeof faults = [
  [
    { type: 'audio', samples: new Int16Array(8), sampleRateHz: 24_000 },
    "an 'audio' event whose 'transcript' is no string",
  ],
  [
    { type: 'audio', samples: [1, 2], sampleRateHz: 24_000, transcript: '' },
    "an 'audio' event whose 'samples' are no Int16Array",
  ],
  [
    { type: 'audio', samples: new Int16Array(8), sampleRateHz: 0, transcript: '' },
    "an 'audio' event with the sampleRateHz 0",
  ],
  [{ type: 'audio', samples: new Int16Array(8), transcript: '' }, "an 'audio' event with the sampleRateHz undefined"],
];

for (const [kind, modality, cases] of [
  ['model', 'text', faults],
  ['model', 'audio', faults],
  ['model that speaks', 'audio', spokenFaults],
] as const) {
  for (const [yielded, expected] of cases) {
    test(`a response in ${modality} fails when the ${kind} yields ${JSON.stringify(yielded)}`, async () => {
      const { client, clock, engines } = newConversation();
      engines.languageModel.speaks = kind === 'model that speaks';
      Object.assign(engines.languageModel, { script: () => [yielded, { type: 'finish', reason: 'stop' }] });
      const create = { type: 'response.create', response: { output_modalities: [modality] } };
      await client.say(create);
      await clock.advance(1000);
      const { status, status_details: details } = client.last('response.done').response;
      assert.equal(status, 'failed');
      assert.ok(details?.type === 'failed');
      assert.deepEqual(details.error, {
        type: 'server_error',
        code: 'language_model_failed',
        message: `The language model failed: it yielded ${expected}. See ModelEvent in session/ports/language-model.ts for the events of a model.`,
      });
      engines.languageModel.script = () => say('Better.');
      await client.say(create);
      await clock.advance(10_000);
      assert.equal(client.last('response.done').response.status, 'completed', 'the session lives');
    });
  }
}
