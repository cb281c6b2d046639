/** Answers without text or audio, or with only a part of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { newConversation, updateTools } from '../../support/conversation.ts';
import { call, say, sayAloud, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { create, respond } from './support.ts';

const usage = { inputTokens: 10, outputTokens: 5 };

/** The events of an answer, ended by the model, with usage. */
function answer(...texts: string[]): ModelEvent[] {
  return [...texts.map((text): ModelEvent => ({ type: 'text', text })), { type: 'finish', reason: 'stop', usage }];
}

type Conversation = ReturnType<typeof newConversation>;

async function doneWith(
  { client, clock, engines }: Conversation,
  events: readonly ModelEvent[],
  response: object = {},
) {
  engines.languageModel.script = () => [...events];
  await client.say(respond(response));
  await clock.advance(20_000);
  return client.last('response.done').response;
}

function reasonOf({ status_details }: Awaited<ReturnType<typeof doneWith>>): string {
  assert.ok(status_details?.type === 'failed');
  assert.equal(status_details.error?.type, 'server_error');
  return `${status_details.error?.code}: ${status_details.error?.message}`;
}

/** A voice that makes no audio for text without Latin letters. */
function speakLatinOnly({ engines: { voice } }: Conversation): void {
  const { speak } = voice;
  voice.speak = async function* (text, options) {
    if (/[a-z]/i.test(text)) yield* speak.call(voice, text, options);
  };
}

const withoutWords: [name: string, events: ModelEvent[], reason: RegExp][] = [
  ['nothing at all', answer(), /^language_model_failed: .*without a word/],
  ['blank text', answer(' ', '\n\n', '\t'), /without a word/],
  ['reasoning alone', answer('<think>They greet', ' me.</think>', '\n'), /it reasoned and gave no answer/],
  ['reasoning in a channel', answer('<|channel|>analysis<|message|>Hm.<|end|>'), /it reasoned and gave no answer/],
  ['reasoning without an end', answer('<think>They greet me. ', 'Hello.'), /its reasoning did not end/],
  ['a channel without an end', answer('<|channel|>analysis<|message|>Hm. Hello.'), /its reasoning did not end/],
  ['reasoning without an end behind words', answer('Sure. [THINK]They ', 'greet me.'), /its reasoning did not end/],
  ['a call as text', answer('<tool_call>{"name":"f"}</tool_call>'), /it wrote a tool call as text/],
  ['words and a call as text', answer('One moment. [TOOL_CALLS][{"name":"f"}]'), /it wrote a tool call as text/],
  ['what its engine took out', [{ type: 'finish', reason: 'stop', usage, leftOut: 'reasoning' }], /it reasoned/],
];
for (const [name, events, reason] of withoutWords) {
  test(`an answer fails with the reason, in text and in speech: ${name}`, async () => {
    verifies('R3.69', 'R3.71');
    for (const modality of ['text', 'audio']) {
      const parts = newConversation();
      await parts.client.say(create('Hello.', 'item_1'));
      const done = await doneWith(parts, events, { output_modalities: [modality] });
      assert.equal(done.status, 'failed', modality);
      assert.match(reasonOf(done), reason);
      // R3.52: zeros if the response ended before any output.
      assert.equal(done.usage?.input_tokens, done.output.length > 0 ? 10 : 0);
      assert.deepEqual(parts.client.all('error'), []);
      assert.equal((await doneWith(parts, say('Hello.'))).status, 'completed', 'the session goes on');
    }
  });
}

test('a clear call that the model wrote as text is a call, which is neither said nor spoken', async () => {
  verifies('R3.71');
  for (const modality of ['text', 'audio']) {
    for (const pieces of [
      ['One moment. ', '<tool_call>{"name":"f","argum', 'ents":{"a":1}}</tool_call>'],
      ['One moment. [TOOL_CALLS]f[ARGS]{"a":1}'],
    ]) {
      const parts = newConversation();
      await parts.client.say(updateTools('f'));
      const { status, output } = await doneWith(parts, answer(...pieces), { output_modalities: [modality] });
      assert.equal(status, 'completed');
      const [words, made] = output;
      assert.ok(words?.type === 'message' && made?.type === 'function_call');
      assert.match(JSON.stringify(words.content), /"One moment\. ?"/);
      assert.deepEqual([made.name, JSON.parse(made.arguments), made.status], ['f', { a: 1 }, 'completed']);
      assert.equal(parts.client.last('response.function_call_arguments.done').arguments, made.arguments);
    }
  }
});

test('a call as text of an unknown tool fails and names it, and one beside a real call is not made', async () => {
  verifies('R3.71');
  const parts = newConversation();
  await parts.client.say(updateTools('f'));
  assert.match(
    reasonOf(await doneWith(parts, answer('<tool_call>{"name":"g"}</tool_call>'))),
    /it called the tool 'g'/,
  );
  const both = [{ type: 'text' as const, text: '<tool_call>{"name":"f"}</tool_call>' }, ...call('f', { a: 1 })];
  const { output } = await doneWith(parts, both);
  assert.deepEqual(
    output.map(({ type }) => type),
    ['function_call'],
  );
});

test('an answer with calls completes, even without words', async () => {
  verifies('R3.71');
  for (const before of [
    '',
    ' \n',
    '<think>I need a tool.</think>',
    '<think>I need a tool.',
    '```\ncode\n```\n',
    '👍',
  ]) {
    for (const modality of ['text', 'audio']) {
      const parts = newConversation();
      await parts.client.say(updateTools('f'));
      const done = await doneWith(parts, [{ type: 'text', text: before }, ...call('f', { a: 1 })], {
        output_modalities: [modality],
      });
      assert.equal(done.status, 'completed', `${JSON.stringify(before)} in ${modality}`);
      assert.equal(done.output.at(-1)?.type, 'function_call');
    }
  }
});

test('where nothing was asked, an answer without words completes', async () => {
  verifies('R3.69');
  const nothing: object[] = [
    { input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: ' ' }] }] },
    { input: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Bye.' }] }] },
  ];
  for (const response of nothing) {
    const done = await doneWith(newConversation(), answer(''), response);
    assert.deepEqual([done.status, done.output], ['completed', []]);
    const asked = await doneWith(newConversation(), answer(''), { ...response, instructions: 'Greet the caller.' });
    assert.match(reasonOf(asked), /without a word/);
  }
});

test('while one of two calls waits for its output, an answer without words completes', async () => {
  verifies('R3.69');
  const parts = newConversation();
  const { client } = parts;
  await client.say(updateTools('f'));
  await client.say(create('Do both.', 'item_1'));
  const made = await doneWith(parts, [...call('f', { a: 1 }).slice(0, -1), ...call('f', { a: 2 })]);
  for (const [index, status] of ['completed', 'failed'].entries()) {
    const item = made.output[index];
    assert.ok(item?.type === 'function_call');
    await client.say({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: item.call_id, output: 'done' },
    });
    assert.equal((await doneWith(parts, answer())).status, status, `with ${index + 1} of the outputs`);
  }
});

test('an answer without words that a limit or a filter cut is incomplete', async () => {
  verifies('R3.41');
  for (const [reason, why] of [
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ] as const) {
    const done = await doneWith(newConversation(), [
      { type: 'text', text: '<think>They greet' },
      { type: 'finish', reason },
    ]);
    assert.deepEqual([done.status, done.status_details], ['incomplete', { type: 'incomplete', reason: why }]);
  }
});

const unsayable = ['Доброе утро.', '早上好。', 'Καλημέρα.', 'सुप्रभात।', 'صباح الخير', '42', 'שלום'];
for (const text of unsayable) {
  test(`an answer that the voice cannot say fails, with its words and its usage: ${text}`, async () => {
    verifies('R3.70');
    const parts = newConversation();
    speakLatinOnly(parts);
    const done = await doneWith(parts, answer(text));
    assert.equal(done.status, 'failed');
    assert.match(reasonOf(done), /^voice_failed: The voice failed: it produced no audio for \d+ characters/);
    assert.equal(done.usage?.input_tokens, 10);
    assert.equal(parts.client.last('response.output_audio_transcript.done').transcript, text);
    const inText = await doneWith(parts, answer(text), { output_modalities: ['text'] });
    assert.equal(inText.status, 'completed');
  });
}

test('a voice that has no sound for some words: the rest is spoken, the response fails, and the log says it once', async () => {
  verifies('R3.70');
  const parts = newConversation();
  speakLatinOnly(parts);
  const done = await doneWith(parts, say('你好。 你好。 One two.'));
  assert.match(reasonOf(done), /no audio for 6 characters/);
  assert.equal(parts.client.last('response.output_audio_transcript.done').transcript, '你好。 你好。 One two.');
  assert.ok(parts.client.all('response.output_audio.delta').length > 0);
  assert.deepEqual(parts.log.warnings, [{ event: 'voice_silent', voice: 'alloy', characters: 3 }]);
});

test('a voice that yields chunks without samples has made no audio', async () => {
  verifies('R3.70');
  const parts = newConversation();
  parts.engines.voice.speak = async function* () {
    yield { samples: new Int16Array(0), sampleRateHz: 16_000 };
  };
  assert.match(reasonOf(await doneWith(parts, answer('Hello.'))), /^voice_failed/);
});

test('an answer of which nothing can be spoken fails in speech; emoji and punctuation alone complete', async () => {
  verifies('R3.70');
  for (const text of ['```js\nrun();\n```', '[](https://example.com/a/b)', '```\nopen']) {
    assert.match(reasonOf(await doneWith(newConversation(), answer(text))), /nothing that can be spoken/, text);
    const inText = await doneWith(newConversation(), answer(text), { output_modalities: ['text'] });
    assert.equal(inText.status, 'completed', text);
  }
  for (const text of ['👍', '…', '🎉🎉!', '—']) {
    assert.equal((await doneWith(newConversation(), answer(text))).status, 'completed', text);
  }
  const mixed = await doneWith(newConversation(), answer('Here it is:\n```js\nrun();\n```\n'));
  assert.equal(mixed.status, 'completed');
});

test('a model that speaks itself completes with audio, and fails with words alone', async () => {
  verifies('R3.70');
  const speaking = async () => {
    const parts = newConversation();
    parts.engines.languageModel.speaks = true;
    await parts.client.say(create('Hello.', 'item_1'));
    return parts;
  };
  const words: ModelEvent = { type: 'audio', samples: new Int16Array(0), sampleRateHz: 24_000, transcript: 'Hello.' };
  const sound: ModelEvent = { type: 'audio', samples: tone(200, 24_000), sampleRateHz: 24_000, transcript: '' };
  assert.match(reasonOf(await doneWith(await speaking(), [words, ...answer()])), /gave words without their audio/);
  assert.match(reasonOf(await doneWith(await speaking(), answer())), /without a word/);
  assert.equal((await doneWith(await speaking(), [sound, ...answer()])).status, 'completed');
  assert.equal((await doneWith(await speaking(), sayAloud('Hello.'))).status, 'completed');
  assert.equal((await doneWith(await speaking(), answer('Hello.'))).status, 'completed', 'the voice says it');
});
