/** An engine with a very long output does not delay other sessions of the process. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { defaultSessionSettings } from '../../src/session/settings.ts';
import { newConversation } from '../support/conversation.ts';

const finish: ModelEvent = { type: 'finish', reason: 'stop' };
const word: ModelEvent = { type: 'text', text: 'on and ' };

for (const [what, modality, answer] of [
  ['text that no voice can say, in one piece', 'audio', [{ type: 'text', text: '.'.repeat(500_000) }, finish]],
  ['thousands of pieces', 'text', [...Array<ModelEvent>(5000).fill(word), finish]],
] as const satisfies readonly (readonly [string, string, readonly ModelEvent[]])[]) {
  test(`other sessions have turns while a model yields ${what}`, async () => {
    const { client, engines } = newConversation();
    engines.languageModel.script = () => [...answer];
    client.post({ type: 'response.create', response: { output_modalities: [modality] } });
    let turns = 0;
    while (!client.events.some(({ type }) => type === 'response.done')) {
      turns += 1;
      await setImmediate();
    }
    assert.ok(turns > 40, `${turns} turns of the event loop`);
  });
}

test('reasoning resets the stall timeout of a model, and is not forwarded', async () => {
  const { client, engines, clock } = newConversation();
  const { stageStallMs } = defaultSessionSettings.limits;
  engines.languageModel.generate = async function* () {
    for (let step = 0; step < 4; step += 1) {
      yield { type: 'thinking' };
      await new Promise<void>((resolve) => clock.after(stageStallMs / 2, resolve));
    }
    yield { type: 'text', text: 'Yes.' };
    yield finish;
  };
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  await clock.advance(2 * stageStallMs);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(client.last('response.output_text.done').text, 'Yes.');
});
