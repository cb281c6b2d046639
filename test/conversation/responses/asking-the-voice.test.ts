/** When the voice is asked, which decides when the first audio can be sent. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation } from '../../support/conversation.ts';

test('the voice connects at the first word, and is asked before the words of a clause are sent', async () => {
  const { client, engines } = newConversation();
  const order: string[] = [];
  const { speak } = engines.voice;
  Object.assign(engines.voice, { warm: () => order.push('voice connects') });
  engines.voice.speak = (...request) => {
    order.push(`voice asked, ${client.all('response.output_audio_transcript.delta').length} deltas sent`);
    return speak.apply(engines.voice, request);
  };
  engines.languageModel.generate = async function* () {
    order.push('model asked');
    yield { type: 'thinking' };
    order.push('first word');
    yield { type: 'text', text: 'Well, ' };
    order.push('more words');
    yield { type: 'text', text: 'this is a clause. And another one. ' };
    yield { type: 'finish', reason: 'stop' };
  };
  await client.say({ type: 'response.create' });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(order, [
    'model asked',
    'first word',
    'voice connects',
    'more words',
    'voice asked, 0 deltas sent',
    'voice asked, 1 deltas sent',
  ]);
});

test('the voice does not connect for an answer in text', async () => {
  const { client, engines } = newConversation();
  let connections = 0;
  Object.assign(engines.voice, { warm: () => (connections += 1) });
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(connections, 0);
});

test('a voice that is asked for the words beyond the token limit is stopped', async () => {
  const { client, engines } = newConversation();
  const aborted: boolean[] = [];
  const { speak } = engines.voice;
  engines.voice.speak = (text, options) => {
    options.signal.addEventListener('abort', () => aborted.push(true));
    return speak.call(engines.voice, text, options);
  };
  engines.languageModel.generate = async function* () {
    yield { type: 'text', text: 'This is a clause of several words. ' };
    yield { type: 'finish', reason: 'stop' };
  };
  await client.say({ type: 'response.create', response: { max_output_tokens: 3 } });
  assert.equal(client.last('response.done').response.status, 'incomplete');
  assert.equal(client.all('response.output_audio.delta').length, 0);
  assert.deepEqual(aborted, [true]);
});
