/**
 * Language models with audio output: it bypasses the voice, and is sent, truncated and counted like that of a voice.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { ModelEvent, ModelUsage, TokenCounter } from '../../src/session/ports/language-model.ts';
import {
  audioOf,
  type Client,
  newConversation,
  transcriptOf,
  update,
  updateTools,
  userText,
} from '../support/conversation.ts';
import { call, hang, say, sayAloud, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

/** One token per word. */
const words: TokenCounter = { count: (text) => text.match(/\S+/g)?.length ?? 0 };
const respond = (response: object = {}) => ({ type: 'response.create', response });

/** A session whose model yields audio. */
function speaking(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation(settings, { tokens: words });
  conversation.engines.languageModel.speaks = true;
  conversation.engines.languageModel.script = () => sayAloud('One two three four.');
  return conversation;
}

function sentMs(client: Client, bytesPerMs = 48): number {
  const bytes = client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64').length);
  return bytes.reduce((sum, each) => sum + each, 0) / bytesPerMs;
}

function spokenText(client: Client): string {
  return client
    .all('response.output_audio_transcript.delta')
    .map(({ delta }) => delta)
    .join('');
}

test('the model gets the voice settings, and its audio is forwarded without the voice', async () => {
  verifies('R3.4', 'R3.8', 'R3.31', 'R3.44');
  const { client, engines } = speaking();
  await client.say(respond({ audio: { output: { voice: 'marin' } } }));
  const [request] = engines.languageModel.requests;
  assert.deepEqual([request?.speech, request?.spoken], [{ voice: 'marin', speed: 1 }, true]);
  assert.deepEqual(engines.voice.spoken, []);
  const word = ['response.output_audio_transcript.delta', 'response.output_audio.delta'];
  assert.deepEqual(client.types().slice(1), [
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    ...[...word, ...word, ...word, ...word],
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  assert.equal(client.last('response.output_audio_transcript.done').transcript, 'One two three four.');
  const item = await client.retrieve(client.last('response.output_audio.done').item_id);
  assert.deepEqual(
    audioOf(item),
    Buffer.concat(client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64'))),
  );
  assert.deepEqual([transcriptOf(item), sentMs(client)], ['One two three four.', 1000]);
});

test('audio is resampled to the rate of the session, even if the rate of the model changes', async () => {
  verifies('R2.18');
  for (const [type, bytesPerMs] of [
    ['audio/pcm', 48],
    ['audio/pcmu', 8],
  ] as const) {
    const { client, engines } = speaking();
    const sound = (ms: number, sampleRateHz: number): ModelEvent => ({
      type: 'audio',
      samples: tone(ms, sampleRateHz),
      sampleRateHz,
      transcript: ' ta',
    });
    engines.languageModel.script = () => [
      ...[sound(300, 16_000), sound(700, 16_000), sound(500, 22_050), sound(500, 48_000)],
      { type: 'finish', reason: 'stop' },
    ];
    const format = type === 'audio/pcm' ? { type, rate: 24_000 } : { type };
    await client.say(respond({ audio: { output: { format } } }));
    assert.equal(client.last('response.done').response.status, 'completed');
    assert.equal(Math.round(sentMs(client, bytesPerMs)), 2000);
  }
});

test('the audio is paced, and its transcript is part of the next context', async () => {
  verifies('R3.32');
  const { client, clock, engines } = speaking({ outputLeadMs: 1000 });
  engines.languageModel.script = () => sayAloud('One two three four five six seven eight.');
  await client.say(respond());
  assert.equal(sentMs(client), 1000);
  assert.equal(client.all('response.done').length, 0);
  await clock.advance(1000);
  assert.equal(sentMs(client), 2000);
  assert.equal(client.last('response.done').response.status, 'completed');
  await client.say(respond());
  assert.deepEqual(engines.languageModel.requests[1]?.items, [
    {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'One two three four five six seven eight.' }],
    },
  ]);
});

test('barge-in stops the model, and the played part stays in the context', async () => {
  verifies('R3.19', 'R3.20', 'R3.21');
  const { client, clock, engines } = speaking({ outputLeadMs: 2000 });
  engines.languageModel.hearsAudio = true;
  let stopped = false;
  engines.languageModel.script = async function* ({ signal }) {
    try {
      // All words arrive before the audio, so they are placed by the default of 65 ms per character.
      yield {
        type: 'audio',
        samples: new Int16Array(0),
        sampleRateHz: 24_000,
        transcript: 'one two three four five six',
      };
      yield { type: 'audio', samples: tone(1000, 24_000), sampleRateHz: 24_000, transcript: '' };
      yield* hang<ModelEvent>(signal);
    } finally {
      stopped = signal.aborted;
    }
  };
  await client.say(respond());
  await clock.advance(1000);
  await client.speak(concatSamples([silence(96, 24_000), tone(640, 24_000)]));
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, { type: 'cancelled', reason: 'turn_detected' });
  assert.ok(stopped);
  const { item_id } = client.last('response.output_audio.delta');
  await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 600 });
  const item = await client.retrieve(item_id);
  assert.deepEqual([transcriptOf(item), audioOf(item).length], ['one two three', 600 * 48]);
  engines.languageModel.script = () => sayAloud('Yes?');
  await client.speak(silence(700, 24_000));
  const [said, heard] = engines.languageModel.requests[1]?.items ?? [];
  assert.deepEqual(said, { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'one two three' }] });
  assert.deepEqual(heard?.type === 'message' ? heard.content.map(({ type }) => type) : [], ['audio']);
});

test('when everything is sent, words are placed by the speaking rate of the response, even if they arrived late', async () => {
  verifies('R3.21');
  const { client, engines } = speaking();
  const sound = (ms: number, transcript: string): ModelEvent => ({
    type: 'audio',
    samples: tone(ms, 24_000),
    sampleRateHz: 24_000,
    transcript,
  });
  engines.languageModel.script = () => [
    ...[sound(500, ''), sound(0, 'aaaa '), sound(0, 'bbbb '), sound(1500, 'cccc dddd')],
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.done');
  for (const [atMs, transcript] of [
    [1400, 'aaaa bbbb cccc'],
    [700, 'aaaa bbbb'],
    [100, 'aaaa'],
  ] as const) {
    await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: atMs });
    assert.equal(transcriptOf(await client.retrieve(item_id)), transcript);
  }
});

test('truncation during speech: later words are not added to the item', async () => {
  verifies('R3.20');
  const { client, clock } = speaking({ outputLeadMs: 500 });
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 240 });
  await clock.advance(5000);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(transcriptOf(await client.retrieve(item_id)), 'One');
});

test('a text response requests no audio', async () => {
  const { client, engines } = speaking();
  engines.languageModel.script = () => say('In writing.');
  await client.say(respond({ output_modalities: ['text'] }));
  assert.deepEqual(
    [engines.languageModel.requests[0]?.speech, engines.languageModel.requests[0]?.spoken],
    [undefined, false],
  );
  assert.equal(client.last('response.output_text.done').text, 'In writing.');
});

test("text without audio is spoken by the voice, in order with the model's audio", async () => {
  const { client, engines } = speaking({ outputLeadMs: Number.POSITIVE_INFINITY });
  const spoken = sayAloud('Uno dos.', { msPerWord: 100 }).slice(0, -1);
  engines.languageModel.script = () => [...say('One two.').slice(0, -1), ...spoken, ...say(' Three four.')];
  await client.say(respond());
  assert.equal(client.last('response.output_audio_transcript.done').transcript, 'One two.Uno dos. Three four.');
  assert.deepEqual(
    engines.voice.spoken.map(({ text }) => text),
    ['One two.', ' Three four.'],
  );
  assert.equal(sentMs(client), 500 + 200 + 500);
  const { item_id } = client.last('response.output_audio.done');
  for (const [atMs, transcript] of [
    [720, 'One two.Uno dos. Three'],
    [580, 'One two.Uno'],
    [300, 'One two.'],
  ] as const) {
    await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: atMs });
    assert.equal(transcriptOf(await client.retrieve(item_id)), transcript);
  }
});

test('a model may speak and then call a function', async () => {
  verifies('R3.12');
  const { client, engines } = speaking();
  engines.languageModel.script = () => [...sayAloud('A moment.').slice(0, -1), ...call('look_up', { a: 1 })];
  await client.say(updateTools('look_up'));
  await client.say(respond());
  const { output } = client.last('response.done').response;
  assert.deepEqual(
    output?.map(({ type, status }) => [type, status]),
    [
      ['message', 'completed'],
      ['function_call', 'completed'],
    ],
  );
  assert.equal(spokenText(client), 'A moment.');
});

test('max_output_tokens counts text and audio, and ends the response', async () => {
  verifies('R3.41', 'R3.53');
  const { client } = speaking();
  await client.say(respond({ max_output_tokens: 10 }));
  const { status, status_details: details, usage } = client.last('response.done').response;
  assert.deepEqual([status, details?.type === 'incomplete' && details.reason], ['incomplete', 'max_output_tokens']);
  assert.ok(usage && usage.output_tokens <= 10 && usage.output_tokens > 8);
  assert.equal(usage.output_token_details.audio_tokens, Math.ceil(sentMs(client) / 50));
});

const figures: readonly (readonly [own: ModelUsage | undefined, text: number, audio: number])[] = [
  [undefined, 4, 20],
  [{ inputTokens: 9, outputTokens: 30 }, 10, 20],
  [{ inputTokens: 9, outputTokens: 12 }, 0, 20],
  [{ inputTokens: 9, outputTokens: 30, audioOutputTokens: 24 }, 6, 24],
];
for (const [own, text, audio] of figures) {
  test(`usage of a model that reports ${JSON.stringify(own)}: ${text} of text and ${audio} of audio`, async () => {
    verifies('R3.33', 'R3.50');
    const { client, engines } = speaking();
    engines.languageModel.script = () => [
      ...sayAloud('One two three four.').slice(0, -1),
      { type: 'finish', reason: 'stop', ...(own && { usage: own }) },
    ];
    await client.say(userText('Count.'));
    await client.say(respond());
    const { usage } = client.last('response.done').response;
    assert.deepEqual(usage?.output_token_details, { text_tokens: text, audio_tokens: audio });
    assert.equal(usage.output_tokens, text + audio);
    assert.equal(usage.total_tokens, usage.input_tokens + text + audio);
  });
}

test('audio of the voice is counted if the model reports no audio tokens', async () => {
  verifies('R3.33');
  const { client, engines } = speaking();
  const usage = { inputTokens: 9, outputTokens: 4, audioInputTokens: 0, audioOutputTokens: 0 };
  engines.languageModel.script = () => [...say('One two.').slice(0, -1), { type: 'finish', reason: 'stop', usage }];
  await client.say(respond());
  const { output_token_details: output } = client.last('response.done').response.usage ?? {};
  assert.deepEqual(output, { text_tokens: 4, audio_tokens: 10 });
});

test('a conversation with a speech-to-speech model uses neither transcriber nor voice', async () => {
  const { client, clock, engines } = speaking();
  engines.languageModel.hearsAudio = true;
  await client.say(update({ audio: { output: { voice: 'cedar' } } }));
  for (const text of ['Hello to you.', 'Goodbye then.']) {
    engines.languageModel.script = () => sayAloud(text);
    await client.speak(concatSamples([silence(384, 24_000), tone(800, 24_000), silence(704, 24_000)]));
    await clock.advance(2000);
    assert.equal(client.last('response.output_audio_transcript.done').transcript, text);
  }
  assert.deepEqual([engines.transcriber.clips, engines.voice.spoken], [[], []]);
  const kinds = engines.languageModel.requests[1]?.items.map((item) =>
    item.type === 'message' ? `${item.role}: ${item.content.map(({ type }) => type)}` : item.type,
  );
  assert.deepEqual(kinds, ['user: audio', 'assistant: text', 'user: audio']);
});
