/** After an interruption the model's context ends with the word that the user heard last (docs/protocol.md §3). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AudioPeer } from '../../support/audio-peer.ts';
import { type Conversation, newConversation, transcriptOf } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { hang, say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { quiet, speech } from '../turns/support.ts';
import { inText, respond, truncate } from './support.ts';

const answer = 'One two three. Four five six. Seven eight nine.';

/** An answer that is being spoken, 250 ms per word. */
async function answering(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation(settings);
  conversation.engines.languageModel.script = () => say(answer);
  await conversation.client.say(respond());
  const { item_id } = conversation.client.last('response.output_audio.delta');
  conversation.engines.languageModel.script = () => say('Fine.');
  return { ...conversation, item_id };
}

/** The assistant's words in the context of another response. */
async function assistantWords({ client, engines }: Conversation): Promise<string[]> {
  await client.say(inText({ instructions: 'Go on.' }));
  return (engines.languageModel.requests.at(-1)?.items ?? []).flatMap((item) =>
    item.type === 'message' && item.role === 'assistant'
      ? item.content.map((part) => (part.type === 'text' ? part.text : part.type))
      : [],
  );
}

test('the context of a client that does not truncate holds the words that were played', async () => {
  verifies('R3.83');
  const conversation = await answering({ outputLeadMs: Number.POSITIVE_INFINITY });
  const { client, clock, item_id } = conversation;
  assert.equal(client.last('response.done').response.status, 'completed', 'all audio was sent');
  await clock.advance(1100);
  await client.speak(speech(400));
  assert.deepEqual(await assistantWords(conversation), ['One two three. Four five']);
  assert.equal(transcriptOf(await client.retrieve(item_id)), answer, 'the item itself is not changed');
  assert.deepEqual(client.all('conversation.item.truncated'), []);
});

test('a response that is interrupted while it is being sent ends with the words that were played', async () => {
  verifies('R3.83');
  const conversation = await answering({ outputLeadMs: 1000 });
  const { client, clock } = conversation;
  await clock.advance(600);
  await client.speak(speech(400));
  assert.equal(client.last('response.done').response.status, 'cancelled');
  assert.deepEqual(await assistantWords(conversation), ['One two three.']);
});

for (const [when, atMs, words] of [
  ['before', 300, 'One two'],
  ['beyond', 1600, 'One two three. Four five six. Seven'],
] as const) {
  test(`a truncation by the client ${when} the played position takes precedence`, async () => {
    verifies('R3.83', 'R3.21');
    const conversation = await answering({ outputLeadMs: Number.POSITIVE_INFINITY });
    const { client, clock, item_id } = conversation;
    await clock.advance(1100);
    await client.speak(speech(400));
    await client.say(truncate(item_id, atMs));
    assert.deepEqual(await assistantWords(conversation), [words]);
    assert.equal(transcriptOf(await client.retrieve(item_id)), words);
  });
}

test('a later interruption does not extend a truncation', async () => {
  const conversation = await answering({ outputLeadMs: Number.POSITIVE_INFINITY });
  const { client, clock, item_id } = conversation;
  await clock.advance(500);
  await client.say(truncate(item_id, 500));
  await client.speak(speech(400));
  assert.deepEqual(await assistantWords(conversation), ['One two']);
});

test('words whose audio was never sent are not in the context of a cancelled response', async () => {
  verifies('R3.83');
  const conversation = newConversation();
  const { client, engines, clock } = conversation;
  engines.languageModel.script = () => say(answer);
  engines.voice.speak = async function* (text, { signal }) {
    if (!text.startsWith('One')) yield* hang(signal);
    yield { samples: tone(750, 16000), sampleRateHz: 16000 };
  };
  await client.say(respond());
  await clock.advance(5000);
  await client.say({ type: 'response.cancel' });
  engines.languageModel.script = () => say('Fine.');
  assert.match(client.last('response.output_audio_transcript.done').transcript, /Four/, 'they were sent as text');
  assert.deepEqual(await assistantWords(conversation), ['One two three.']);
});

test('an answer that waits for its playback is not in the context, one that was played is', async () => {
  verifies('R3.83');
  const conversation = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY });
  const { client, engines, clock } = conversation;
  for (const text of ['First one here.', 'Second one here.', 'Third one here.']) {
    engines.languageModel.script = () => say(text);
    await client.say(respond());
  }
  await clock.advance(1000);
  await client.speak(speech(400));
  assert.deepEqual(await assistantWords(conversation), ['First one here.', 'Second']);
});

test('in a call, the audio behind the truncated item was not heard either', async () => {
  verifies('R3.83');
  const conversation = newConversation();
  const { client, engines, session } = conversation;
  const phone = new AudioPeer(session);
  for (const text of ['First one here.', 'Second one here.']) {
    engines.languageModel.script = () => say(text);
    await client.say(respond());
  }
  phone.loudspeaker.playNext(1);
  await phone.write(tone(400, 48_000), 48_000);
  await settle();
  const { audio_end_ms } = client.last('conversation.item.truncated');
  assert.equal(audio_end_ms, 200);
  assert.deepEqual(await assistantWords(conversation), ['First']);
});

test('without an interruption the context has all words, also those that are still to be played', async () => {
  const conversation = await answering({ outputLeadMs: Number.POSITIVE_INFINITY });
  const { client, clock } = conversation;
  await clock.advance(100);
  await client.speak(quiet(400));
  assert.deepEqual(await assistantWords(conversation), [answer]);
});
