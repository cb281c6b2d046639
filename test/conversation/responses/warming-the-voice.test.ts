/** When the voice connects, which affects when the first audio can be sent. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation } from '../../support/conversation.ts';

test('the voice connects at the first word, before there is a clause to speak', async () => {
  const { client, engines } = newConversation();
  const order: string[] = [];
  const { speak } = engines.voice;
  Object.assign(engines.voice, { warm: () => order.push('voice connects') });
  engines.voice.speak = (...request) => {
    order.push('voice asked');
    return speak.apply(engines.voice, request);
  };
  engines.languageModel.generate = async function* () {
    yield { type: 'thinking' };
    order.push('first word');
    yield { type: 'text', text: 'Well, ' };
    order.push('more words');
    yield { type: 'text', text: 'this is a clause.' };
    yield { type: 'finish', reason: 'stop' };
  };
  await client.say({ type: 'response.create' });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(order, ['first word', 'voice connects', 'more words', 'voice asked']);
});

test('the voice does not connect for an answer in text', async () => {
  const { client, engines } = newConversation();
  let connections = 0;
  Object.assign(engines.voice, { warm: () => (connections += 1) });
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(connections, 0);
});
