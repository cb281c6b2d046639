/** `conversation.item.truncate`: the transcript and the audio end where playback stopped. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioOf, newConversation, transcriptOf } from '../../support/conversation.ts';
import { countTo, hang, say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { inText, respond, truncate } from './support.ts';

async function spoken(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY, ...settings });
  conversation.engines.languageModel.script = () => say('One two three. Four five six.');
  await conversation.client.say(respond());
  const { item_id } = conversation.client.last('response.output_audio.done');
  return { ...conversation, item_id };
}

test('truncation cuts audio and transcript where playback stopped, also repeatedly', async () => {
  verifies('R3.21', 'R4.18', 'ga.server.conversation.item.truncated');
  const { client, item_id } = await spoken();
  for (const [atMs, transcript] of [
    [1500, 'One two three. Four five six.'],
    [1100, 'One two three. Four five'],
    [700, 'One two three.'],
    [250, 'One'],
    [0, ''],
  ] as const) {
    await client.say(truncate(item_id, atMs));
    const { type: _type, event_id: _id, ...event } = client.last('conversation.item.truncated');
    assert.deepEqual(event, { item_id, content_index: 0, audio_end_ms: atMs });
    const item = await client.retrieve(item_id);
    assert.deepEqual([transcriptOf(item), audioOf(item).length], [transcript, atMs * 48]);
  }
});

test('a position beyond the audio is clamped; in strict mode it is refused', async () => {
  verifies('R4.18', 'R5.26', 'R9.3');
  const lenient = await spoken();
  await lenient.client.say(truncate(lenient.item_id, 1560));
  await lenient.client.say(truncate(lenient.item_id, 1560));
  assert.deepEqual(lenient.log.warnings, [{ event: 'leniency_used', leniency: 'truncation_clamped' }], 'once');
  assert.equal(lenient.client.last('conversation.item.truncated').audio_end_ms, 1500);
  const strict = await spoken({ strictTruncation: true });
  await strict.client.say({ ...truncate(strict.item_id, 1560), event_id: 't' });
  const { code, param, message: text, event_id } = strict.client.lastError();
  assert.deepEqual(
    { code, param, text, event_id },
    {
      code: 'invalid_value',
      param: null,
      text: 'Audio content of 1500ms is already shorter than 1560ms',
      event_id: null,
    },
  );
  await strict.client.say(truncate(strict.item_id, 1500));
  assert.equal(strict.client.all('conversation.item.truncated').length, 1);
});

test('a part without audio cannot be truncated', async () => {
  verifies('R5.27');
  const { client, item_id } = await spoken();
  await client.say(truncate(item_id, 0, 1));
  assert.equal(client.lastError().code, 'unsupported_content_type');
  await client.say(inText());
  await client.say(truncate(client.last('response.output_item.done').item.id, 0));
  assert.equal(client.lastError().code, 'unsupported_content_type');
});

test('truncation during speech: later output is not added to the item; the response continues', async () => {
  verifies('R3.20', 'R4.18');
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = () => say(countTo(6));
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  await client.say(truncate(item_id, 600));
  await clock.advance(5000);
  assert.equal(client.last('response.done').response.status, 'completed');
  const item = await client.retrieve(item_id);
  assert.deepEqual([transcriptOf(item), audioOf(item).length], ['Number 1. Number', 600 * 48]);
});

test('inside a clause that is half sent, words without timings are placed by the average speaking rate', async () => {
  const { client, engines } = newConversation();
  const [half, rest] = [tone(500, 16000), tone(500, 16000)];
  const words = 'one two three four five six seven eight nine ten.';
  engines.languageModel.script = () => say(`${words} ${words}`);
  let clauses = 0;
  engines.voice.speak = async function* (_text, { signal }) {
    clauses += 1;
    yield { samples: half, sampleRateHz: 16000 };
    if (clauses > 1) yield* hang(signal);
    yield { samples: rest, sampleRateHz: 16000 };
  };
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  // The first clause lasts one second: half a second later, half of the second one has been played.
  await client.say(truncate(item_id, 1500));
  assert.equal(transcriptOf(await client.retrieve(item_id)), `${words} one two three four five`);
  await client.say({ type: 'response.cancel' });

  await client.say(respond());
  const item = client.last('response.output_audio.delta').item_id;
  await client.say(truncate(item, 500));
  assert.equal(
    transcriptOf(await client.retrieve(item)),
    'one two',
    'without a rate of its own: some 15 characters per second',
  );
});

test('words with timings in several pieces are all known', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = () => say('one two three');
  engines.voice.speak = async function* () {
    const word = (startChar: number, endChar: number, startMs: number) => ({
      startChar,
      endChar,
      startMs,
      endMs: startMs + 500,
    });
    yield { samples: tone(500, 16000), sampleRateHz: 16000, words: [word(0, 3, 0)] };
    yield { samples: tone(1000, 16000), sampleRateHz: 16000, words: [word(4, 7, 500), word(8, 13, 1000)] };
  };
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  await client.say(truncate(item_id, 400));
  assert.equal(transcriptOf(await client.retrieve(item_id)), 'one');
});

test('dropped audio can still be truncated', async () => {
  const { client, item_id } = await spoken({ limits: { keptAudioMs: 100 } });
  assert.equal(audioOf(await client.retrieve(item_id)).length, 0);
  for (const atMs of [900, 600]) {
    await client.say(truncate(item_id, atMs));
    assert.equal(client.last('conversation.item.truncated').audio_end_ms, atMs);
  }
  assert.equal(transcriptOf(await client.retrieve(item_id)), 'One two three.');
});

test('a response above the audio limit loses its oldest audio, but no text', async () => {
  const { client, item_id } = await spoken({ limits: { keptAudioMs: 1000 } });
  const item = await client.retrieve(item_id);
  assert.deepEqual([transcriptOf(item), audioOf(item).length], ['One two three. Four five six.', 0]);
});
