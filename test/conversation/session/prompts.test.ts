/** `prompt`: configured instructions, referenced by id and version, with variables. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation, update } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';

const prompts = [
  { id: 'pmpt_help', version: '1', instructions: 'Help {{ customer }}.' },
  { id: 'pmpt_help', version: '2', instructions: 'Help {{customer}} with {{topic}}, {{customer}}.' },
];
const variables = { customer: 'Ada', topic: { type: 'input_text', text: 'engines' } };

test('the prompt of a session instructs the model with its variables filled in; the last version is the default', async () => {
  verifies('R2.21');
  const { client, engines } = newConversation({ prompts });
  const prompt = { id: 'pmpt_help', variables };
  await client.say(update({ prompt }));
  assert.deepEqual(Reflect.get(client.last('session.updated').session, 'prompt'), prompt);
  await client.say({ type: 'response.create' });
  assert.equal(engines.languageModel.requests.at(-1)?.instructions, 'Help Ada with engines, Ada.');
});

test('a response may use another version, and its instructions take precedence', async () => {
  verifies('R2.21');
  const { client, clock, engines } = newConversation({ prompts });
  const prompt = { id: 'pmpt_help', version: '1', variables: { customer: 'Bob' } };
  await client.say({ type: 'response.create', response: { prompt } });
  assert.equal(engines.languageModel.requests.at(-1)?.instructions, 'Help Bob.');
  await clock.advance(60_000);
  await client.say({ type: 'response.create', response: { prompt, instructions: 'Be brief.' } });
  assert.equal(engines.languageModel.requests.at(-1)?.instructions, 'Be brief.');
});

for (const [name, prompt, code, param] of [
  ['an unknown id', { id: 'pmpt_nope' }, 'invalid_value', 'session.prompt.id'],
  ['an unknown version', { id: 'pmpt_help', version: '9' }, 'invalid_value', 'session.prompt.version'],
  [
    'a missing variable',
    { id: 'pmpt_help', variables: { topic: 'x' } },
    'missing_required_parameter',
    'session.prompt.variables.customer',
  ],
  [
    'a variable too many',
    { id: 'pmpt_help', variables: { ...variables, mood: 'x' } },
    'unknown_parameter',
    'session.prompt.variables.mood',
  ],
] as const) {
  test(`${name} is refused`, async () => {
    verifies('R5.52');
    const { client } = newConversation({ prompts });
    await client.say(update({ prompt, instructions: 'kept out too' }));
    assert.deepEqual([client.lastError().code, client.lastError().param], [code, param]);
    assert.deepEqual(client.all('session.updated'), []);
  });
}
