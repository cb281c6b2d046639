/** The usage of a response: tokens by kind, cached tokens, `max_output_tokens`. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ModelEvent, TokenCounter } from '../../../src/session/ports/language-model.ts';
import { BetaClient, newConversation, update, userText } from '../../support/conversation.ts';
import { call, countTo, gate, hang, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { inText, manual, sayAloud, usageOf, words } from './support.ts';

test('text is counted over instructions, tools, messages, calls and outputs', async () => {
  verifies('R3.33', 'R3.47');
  const { client, engines } = newConversation({}, { tokens: words });
  const tool = { type: 'function', name: 'look_up', description: 'Look it up.', parameters: { type: 'object' } };
  await client.say(update({ instructions: 'Be very brief.', tools: [tool] }));
  await client.say(userText('one two'));
  engines.languageModel.script = () => call('look_up', { a: 1, b: 'c d' });
  await client.say(inText());
  const { type: _function, ...asked } = tool;
  const head = 3 + words.count(JSON.stringify([asked]));
  const first = usageOf(client);
  assert.equal(first.input_token_details.text_tokens, head + 2);
  // The name, and `{"a":1,"b":"c` and `d"}`.
  assert.equal(first.output_token_details.text_tokens, 1 + 2);

  const made = client.last('response.function_call_arguments.done');
  const output = { type: 'function_call_output', call_id: made.call_id, output: 'nothing was found' };
  await client.say({ type: 'conversation.item.create', item: output });
  engines.languageModel.script = () => say('Sorry, nothing.');
  await client.say(inText());
  const second = usageOf(client);
  assert.equal(second.input_token_details.text_tokens, head + 2 + 3 + 3);
  assert.equal(second.output_tokens, 2);
});

test('audio is counted by duration, rounded down once per response, and its words are not counted as text', async () => {
  verifies('R3.33', 'R3.48');
  const { client, clock, engines } = newConversation({}, { tokens: words });
  engines.languageModel.script = () => say('One two three.');
  await manual(client);
  await sayAloud(client, 150);
  await sayAloud(client, 140);
  await client.say({ type: 'response.create' });
  await clock.advance(5000);
  const first = usageOf(client);
  assert.deepEqual(first.input_token_details, {
    ...{ text_tokens: 0, audio_tokens: 2, image_tokens: 0, cached_tokens: 0 },
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  });
  assert.deepEqual(first.output_token_details, { text_tokens: 3, audio_tokens: 750 / 50 }, 'words, and their sound');

  await client.say(inText());
  assert.equal(usageOf(client).input_token_details.audio_tokens, Math.floor(2.9 + 15));
  assert.equal(usageOf(client).input_token_details.text_tokens, 0);
});

test('in usage reported by the model, the words of audio and the images are not counted twice', async () => {
  verifies('R3.33', 'R3.48', 'R3.51');
  const { client, engines } = newConversation({}, { tokens: words });
  engines.transcriber.hear = () => 'five words that were said';
  engines.languageModel.script = () => [
    { type: 'text', text: 'Yes.' },
    { type: 'finish', reason: 'stop', usage: { inputTokens: 1005, outputTokens: 70, cachedInputTokens: 40 } },
  ];
  await manual(client);
  await client.say({
    type: 'conversation.item.create',
    item: {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' }],
    },
  });
  await sayAloud(client, 1000);
  await client.say(inText());
  const { input_token_details: input, ...totals } = usageOf(client);
  assert.deepEqual(
    [input.text_tokens, input.audio_tokens, input.image_tokens, input.cached_tokens],
    [1005 - 5 - 85, 10, 85, 40],
  );
  assert.deepEqual([totals.input_tokens, totals.output_tokens], [1005 - 5 + 10, 70]);
});

test('counting an item of a thousand parts yields to other sessions, and ends with its response', async (t) => {
  let counted = 0;
  let sinceTurn = 0;
  let most = 0;
  const tokens: TokenCounter = {
    count(text) {
      counted += text.length;
      sinceTurn += text.length;
      most = Math.max(most, sinceTurn);
      return text.length;
    },
  };
  const { client } = newConversation({}, { tokens });
  const part = { type: 'input_text', text: 'a'.repeat(4000) };
  const input = [{ type: 'message', role: 'user', content: Array.from({ length: 1000 }, () => part) }];
  let watching = true;
  const watch = () => {
    sinceTurn = 0;
    // Without a reference, `settle` does not wait for it.
    if (watching) setImmediate(watch).unref();
  };
  watch();
  t.after(() => {
    watching = false;
  });
  await client.say(inText({ conversation: 'none', input }));
  assert.equal(client.last('response.done').response.status, 'failed');
  assert.ok(counted >= 4_000_000);
  assert.ok(most <= 32_000, `${most} characters in one turn`);

  counted = 0;
  client.post(inText({ input }));
  for (let turn = 0; turn < 12; turn += 1) await nextTurn();
  await client.say({ type: 'response.cancel' });
  assert.equal(client.last('response.done').response.status, 'cancelled');
  assert.ok(counted < 1_000_000, `${counted} characters of a cancelled response`);
});

test('invalid usage from a model is dropped, and the totals of the session stay numbers', async () => {
  const { client, engines } = newConversation({}, { tokens: words });
  const figures = [
    { inputTokens: -5, outputTokens: -2 },
    { inputTokens: 1.5, outputTokens: 2 },
    { inputTokens: Number.POSITIVE_INFINITY, outputTokens: Number.NaN },
    {
      inputTokens: 9,
      outputTokens: 2,
      cachedInputTokens: -50,
      audioInputTokens: -7,
      audioOutputTokens: 0.5,
      reasoningTokens: -1,
    },
  ];
  await manual(client);
  for (const usage of figures) {
    engines.languageModel.script = () => [
      { type: 'text', text: 'Yes.' },
      { type: 'finish', reason: 'stop', usage },
    ];
    await client.say(inText());
    const { input_token_details: input, output_token_details: output, ...totals } = usageOf(client);
    const { cached_tokens_details: cached, ...kinds } = input;
    const all = [kinds, cached, output, totals].flatMap((each) => Object.values(each));
    assert.ok(
      all.every((count) => Number.isSafeInteger(count) && count >= 0),
      JSON.stringify(usageOf(client)),
    );
  }
});

test('reasoning tokens that a model reports are shown in GA where there are any, as a part of its text', async () => {
  verifies('R3.72');
  const parts = newConversation({}, { tokens: words });
  const { client, engines, session } = parts;
  const beta = new BetaClient(session);
  await manual(client);
  for (const [reasoningTokens, shown] of [
    [7, 7],
    [90, 12],
    [0, undefined],
    [undefined, undefined],
  ]) {
    const usage = { inputTokens: 5, outputTokens: 12, ...(reasoningTokens !== undefined && { reasoningTokens }) };
    engines.languageModel.script = () => [
      { type: 'text', text: 'Yes.' },
      { type: 'finish', reason: 'stop', usage },
    ];
    await client.say(inText());
    const { output_token_details: details, output_tokens } = usageOf(client);
    assert.deepEqual(details, {
      text_tokens: 12,
      audio_tokens: 0,
      ...(shown !== undefined && { reasoning_tokens: shown }),
    });
    assert.equal(output_tokens, 12);
    assert.equal('reasoning_tokens' in (beta.last('response.done').response.usage?.output_token_details ?? {}), false);
  }
});

test('cached tokens are those of the unchanged beginning of the previous context, by modality', async () => {
  verifies('R3.51');
  const { client, engines } = newConversation({}, { tokens: words });
  engines.languageModel.script = () => say('Certainly.');
  await manual(client);
  await client.say(update({ instructions: 'Be brief.' }));
  await client.say(userText('one two three'));
  await sayAloud(client, 500);
  await client.say(inText());
  assert.equal(usageOf(client).input_token_details.cached_tokens, 0, 'nothing came before');

  await client.say(inText());
  const again = { text_tokens: 2 + 3, audio_tokens: 5, image_tokens: 0 };
  assert.deepEqual(usageOf(client).input_token_details.cached_tokens_details, again);

  await client.say(inText({ conversation: 'none', input: [] }));
  assert.equal(usageOf(client).input_token_details.cached_tokens, 2, 'its instructions are the same');
  await client.say(inText());
  assert.deepEqual(
    usageOf(client).input_token_details.cached_tokens_details,
    { ...again, text_tokens: again.text_tokens + 1 },
    'a response beside the conversation changes nothing of it',
  );

  const first = client.all('conversation.item.added')[0]?.item.id;
  await client.say({ type: 'conversation.item.delete', item_id: first });
  await client.say(inText());
  assert.equal(usageOf(client).input_token_details.cached_tokens, 2, 'up to what was deleted');

  await client.say(update({ instructions: 'Be long.' }));
  await client.say(inText());
  assert.equal(usageOf(client).input_token_details.cached_tokens, 0);
});

test('a truncation changes an item, so what follows it is not cached', async () => {
  verifies('R3.51');
  const { client, clock, engines } = newConversation({}, { tokens: words });
  engines.languageModel.script = () => say('One two. Three four.');
  await client.say(userText('Count.'));
  await client.say({ type: 'response.create' });
  await clock.advance(5000);
  const { item } = client.last('response.output_item.done');
  await client.say(inText());
  await client.say({ type: 'conversation.item.truncate', item_id: item.id, content_index: 0, audio_end_ms: 400 });
  await client.say(inText());
  const { cached_tokens_details: cached, audio_tokens } = usageOf(client).input_token_details;
  assert.deepEqual([cached.text_tokens, cached.audio_tokens, audio_tokens], [1, 0, 400 / 50]);
});

test('a cancelled response has used its input and the output so far; if the model was not called, nothing', async () => {
  verifies('R3.52', 'R4.12');
  const { client, engines } = newConversation({}, { tokens: words });
  await client.say(userText('one two three'));
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well, I' });
  await client.say(inText());
  await client.say({ type: 'response.cancel' });
  assert.deepEqual([usageOf(client).input_tokens, usageOf(client).output_tokens], [3, 2]);

  const { opened, open } = gate();
  engines.transcriber.hear = () => opened.then(() => 'never mind');
  await manual(client);
  await sayAloud(client, 500);
  await client.say(inText());
  await client.say({ type: 'response.cancel' });
  assert.deepEqual([usageOf(client).input_tokens, usageOf(client).output_tokens], [0, 0]);
  open();
});

for (const limit of [1, 5, 12]) {
  test(`max_output_tokens of ${limit}: text and audio end there`, async () => {
    verifies('R3.41', 'R3.53');
    const { client, clock, engines } = newConversation({}, { tokens: words });
    engines.languageModel.script = () => say(countTo(8));
    await client.say({ type: 'response.create', response: { max_output_tokens: limit } });
    await clock.advance(10_000);
    const { response } = client.last('response.done');
    assert.deepEqual(response.status_details, { type: 'incomplete', reason: 'max_output_tokens' });
    assert.equal(response.usage?.output_tokens, limit);
    const bytes = client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64').length);
    const audioMs = bytes.reduce((sum, each) => sum + each, 0) / 48;
    assert.equal(Math.ceil(audioMs / 50), response.usage?.output_token_details.audio_tokens);
  });
}

test('text is cut between words at max_output_tokens, and a truncated call has no arguments.done', async () => {
  verifies('R3.53', 'R3.13');
  const { client, engines } = newConversation({}, { tokens: words });
  engines.languageModel.script = () => [
    { type: 'text', text: 'one two three four' },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(inText({ max_output_tokens: 3 }));
  assert.equal(client.last('response.output_text.done').text, 'one two three');
  assert.equal(client.last('response.done').response.status, 'incomplete');

  engines.languageModel.script = () => call('look_up', { text: 'a b c d e f' });
  const choice = { tools: [{ type: 'function', name: 'look_up' }], max_output_tokens: 3 };
  await client.say(inText(choice));
  assert.deepEqual(client.all('response.function_call_arguments.done'), []);
  assert.equal(client.last('response.done').response.output[0]?.status, 'incomplete');
  assert.ok(usageOf(client).output_tokens <= 3);

  await client.say(inText({ ...choice, max_output_tokens: 4096 }));
  assert.equal(client.last('response.done').response.status, 'completed');
});
