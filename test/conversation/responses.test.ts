/** Responses: what may be set for one, what runs beside the conversation, how they end, and how they are paced. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerEvent } from '../../src/protocol/index.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { audioOf, type Client, newConversation, transcriptOf, update, userText } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { call, countTo, gate, hang, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const respond = (response: object = {}) => ({ type: 'response.create', response });
const inText = (response: object = {}) => respond({ output_modalities: ['text'], ...response });
const message = (text: string, id?: string) => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
  ...(id && { id }),
});
const create = (text: string, id: string) => ({ type: 'conversation.item.create', item: message(text, id) });

/** The ids of the conversation's items, as a client that follows the events has them. */
function chain(client: Client): string[] {
  const ids: string[] = [];
  for (const event of client.events) {
    if (event.type === 'conversation.item.added') {
      const { previous_item_id: previous } = event;
      assert.ok(previous === null || ids.includes(previous), `unknown previous item ${previous}`);
      ids.splice(previous === null ? 0 : ids.indexOf(previous) + 1, 0, event.item.id);
    }
    if (event.type === 'conversation.item.deleted') ids.splice(ids.indexOf(event.item_id), 1);
  }
  return ids;
}

// ---- What is set for one response ----

test('overrides hold for one response, reach the engines, and leave the session as it is', async () => {
  verifies(
    'R3.30',
    'R3.43',
    'R4.4',
    'ga.client.response.create',
    'ga.server.response.created',
    'ga.server.response.done',
  );
  const { client, clock, engines } = newConversation();
  const tools = [{ type: 'function', name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }];
  await client.say(update({ instructions: 'Be long.' }));
  await client.say(
    respond({
      instructions: 'Be brief.',
      tools,
      tool_choice: { type: 'function', name: 'look_up' },
      parallel_tool_calls: false,
      max_output_tokens: 99,
      output_modalities: ['audio'],
      audio: { output: { format: { type: 'audio/pcmu' }, voice: 'marin' } },
      metadata: { purpose: 'test' },
      reasoning: { effort: 'low' },
    }),
  );
  await clock.advance(10_000);
  const [request] = engines.languageModel.requests;
  assert.ok(request);
  assert.deepEqual(
    [request.instructions, request.toolChoice, request.parallelToolCalls, request.maxOutputTokens],
    ['Be brief.', { name: 'look_up' }, false, 99],
  );
  assert.deepEqual(request.tools, [{ name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }]);
  assert.deepEqual([request.reasoningEffort, request.spoken], ['low', true]);
  assert.equal(engines.voice.spoken[0]?.voice, 'marin');
  for (const type of ['response.created', 'response.done'] as const) {
    const { response } = client.last(type);
    assert.deepEqual(response.metadata, { purpose: 'test' });
    assert.deepEqual(response.audio.output, { format: { type: 'audio/pcmu' }, voice: 'marin' });
    assert.deepEqual([response.max_output_tokens, response.output_modalities], [99, ['audio']]);
    assert.ok(response.conversation_id);
  }
  const answer = client.last('response.done').response.output[0];
  const sent = Buffer.concat(
    client.all('response.output_audio.delta').map((event) => Buffer.from(event.delta, 'base64')),
  );
  assert.equal(sent.length, 5 * 250 * 8);
  assert.deepEqual(audioOf(await client.retrieve(answer?.id ?? '')), sent, 'retrieved in the format it was sent in');

  await client.say(inText());
  const second = engines.languageModel.requests[1];
  assert.deepEqual(
    [second?.instructions, second?.tools, second?.toolChoice, second?.spoken],
    ['Be long.', [], 'auto', false],
  );
  assert.equal(client.last('response.created').response.metadata, null);
});

for (const [finish, reason] of [
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
] as const) {
  test(`a model that stops for ${reason}: the response is incomplete`, async () => {
    verifies('R3.33', 'R3.41');
    const { client, engines } = newConversation();
    engines.languageModel.script = () => [
      { type: 'text', text: 'Once upon' },
      { type: 'finish', reason: finish, usage: { inputTokens: 7, outputTokens: 3, cachedInputTokens: 2 } },
    ];
    await client.say(inText({ max_output_tokens: 3 }));
    const { response } = client.last('response.done');
    assert.equal(response.status, 'incomplete');
    assert.deepEqual(response.status_details, { type: 'incomplete', reason });
    assert.equal(response.output[0]?.status, 'incomplete');
    const { usage } = response;
    assert.ok(usage);
    assert.deepEqual(
      [usage.input_tokens, usage.output_tokens, usage.total_tokens],
      [7, 3, 10],
      "the model's own figures",
    );
    assert.equal(usage.input_token_details.cached_tokens, 2);
  });
}

test('usage of a voice turn: a token is 100 ms of user audio or 50 ms of assistant audio', async () => {
  verifies('R3.33');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say('One two three four.');
  await client.say(update({ audio: { input: { turn_detection: null } } }));
  await client.speak(tone(2000, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say(respond());
  await clock.advance(5000);
  const first = client.last('response.done').response.usage;
  assert.deepEqual(
    [first?.input_token_details.audio_tokens, first?.output_token_details.audio_tokens],
    [2000 / 100, 1000 / 50],
  );
  await client.say(inText());
  assert.equal(client.last('response.done').response.usage?.input_token_details.audio_tokens, 2000 / 100 + 1000 / 50);
});

// ---- Out of band ----

test('out of band: no conversation events, no conversation id, and the context that was given', async () => {
  verifies('R3.14', 'R3.16', 'R4.4');
  const { client, engines } = newConversation();
  await client.say(create('First.', 'a'));
  await client.say(create('Second.', 'b'));
  client.forget();
  const input = [message('Raw.'), { type: 'item_reference', id: 'a' }];
  await client.say(inText({ conversation: 'none', input, metadata: { topic: 'x' } }));
  await client.say(inText({ conversation: 'none', input: [] }));
  await client.say(inText({ conversation: 'none' }));
  assert.deepEqual(
    client.types().filter((type) => type.startsWith('conversation.')),
    [],
  );
  for (const { response } of client.all('response.created')) assert.equal(response.conversation_id, null);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.metadata),
    [{ topic: 'x' }, null, null],
  );
  const texts = engines.languageModel.requests.map(({ items }) =>
    items.map((item) => item.type === 'message' && item.content[0]?.type === 'text' && item.content[0].text),
  );
  assert.deepEqual(texts, [['Raw.', 'First.'], [], ['First.', 'Second.']]);
  const made = client.last('response.output_item.done').item;
  await client.say({ type: 'conversation.item.retrieve', item_id: made.id });
  assert.equal(client.lastError().code, 'item_retrieve_invalid_item_id');
});

test('raw audio in the input of a response is transcribed for it, without events', async () => {
  verifies('R3.16');
  const { client, engines } = newConversation();
  await client.say(update({ audio: { input: { transcription: {} } } }));
  client.forget();
  const audio = Buffer.from(tone(500, 24000).buffer).toString('base64');
  await client.say(
    inText({
      conversation: 'none',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] }],
    }),
  );
  assert.deepEqual(engines.languageModel.requests[0]?.items, [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'hello there' }] },
  ]);
  assert.ok(client.events.every((event) => event.type.startsWith('response.') || event.type === 'rate_limits.updated'));
});

test('several run at once beside the active one, each cancelled by its id; their number is bounded', async () => {
  verifies('R3.15', 'R3.18', 'R5.56');
  const { client, engines } = newConversation({ limits: { outOfBandResponses: 2 } });
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well ' });
  await client.say(inText());
  await client.say(inText({ conversation: 'none' }));
  await client.say(inText({ conversation: 'none' }));
  const [inside, first, second] = client.all('response.created').map(({ response }) => response.id);
  assert.equal(client.all('response.output_text.delta').length, 3);
  await client.say(inText({ conversation: 'none' }));
  assert.equal(client.lastError().code, 'too_many_active_responses');
  await client.say({ type: 'response.cancel', response_id: second });
  await client.say({ type: 'response.cancel' });
  const done = client.all('response.done').map(({ response }) => [response.id, response.status]);
  assert.deepEqual(done, [
    [second, 'cancelled'],
    [inside, 'cancelled'],
  ]);
  await client.say({ type: 'response.cancel' });
  assert.equal(
    client.lastError().code,
    'response_cancel_not_active',
    'without an id: only the one in the conversation',
  );
  await client.say({ type: 'response.cancel', response_id: first });
  assert.equal(client.last('response.done').response.id, first);
});

test('speech interrupts the response in the conversation, not those beside it', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.say(respond({ conversation: 'none' }));
  await client.say(respond());
  await client.speak(tone(320, 24000));
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.id),
    [client.last('response.created').response.id],
  );
});

// ---- Items meanwhile ----

test('items created during a response stand after its output (docs/protocol.md §8)', async () => {
  verifies('R8.6');
  const { client, engines } = newConversation();
  const { opened, open } = gate();
  engines.languageModel.script = async function* () {
    await opened;
    yield* say('Done.').slice(0, -1);
    yield* call('f', {});
  };
  await client.say(create('One.', 'one'));
  await client.say(inText());
  await client.say(create('Two.', 'two'));
  await client.say({ ...create('Head.', 'head'), previous_item_id: 'root' });
  open();
  await settle();
  await client.say(create('Three.', 'three'));
  const [text, functionCall] = client.last('response.done').response.output.map((item) => item.id);
  assert.deepEqual(chain(client), ['head', 'one', text, functionCall, 'two', 'three']);
  assert.equal(client.all('conversation.item.added').find((event) => event.item.id === 'head')?.previous_item_id, null);
  await client.say(inText());
  const kinds = engines.languageModel.requests[1]?.items.map((item) =>
    item.type === 'message' ? item.role : item.type,
  );
  assert.deepEqual(kinds, ['user', 'user', 'assistant', 'call', 'user', 'user'], 'the model sees the same order');
});

test('the item that a response follows is deleted meanwhile', async () => {
  for (const deleted of [['two'], ['two', 'one'], ['one', 'two']]) {
    const { client, engines } = newConversation();
    const { opened, open } = gate();
    engines.languageModel.script = async function* () {
      await opened;
      yield* say('Done.');
    };
    await client.say(create('One.', 'one'));
    await client.say(create('Two.', 'two'));
    await client.say(inText());
    await client.say(create('Three.', 'three'));
    for (const item_id of deleted) await client.say({ type: 'conversation.item.delete', item_id });
    open();
    await settle();
    const { response } = client.last('response.done');
    assert.equal(response.status, 'completed');
    const kept = ['one', 'two'].filter((id) => !deleted.includes(id));
    assert.deepEqual(chain(client), [...kept, response.output[0]?.id, 'three']);
  }
});

test('an item of a running response is cancelled, and then deleted (docs/protocol.md §8)', async () => {
  verifies('R8.3', 'ga.server.conversation.item.deleted');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  client.forget();
  await client.say({ type: 'conversation.item.delete', item_id });
  const types = client.types();
  assert.equal(types.at(-1), 'conversation.item.deleted');
  assert.ok(types.indexOf('conversation.item.done') < types.indexOf('response.done'));
  assert.equal(client.last('response.done').response.status_details?.type, 'cancelled');
  await client.say({ type: 'conversation.item.delete', item_id });
  assert.equal(client.lastError().code, 'item_delete_invalid_item_id');
});

// ---- How it fails ----

type Engines = ReturnType<typeof newConversation>['engines'];
const faults: [name: string, code: string, inject: (engines: Engines) => void][] = [
  [
    'a model that throws at once',
    'language_model_failed',
    (engines) => {
      engines.languageModel.generate = () => {
        throw new Error('no route to host');
      };
    },
  ],
  [
    'a model that fails midway',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = async function* () {
        yield { type: 'text', text: 'Well, this is a beginning, ' };
        throw new Error('connection reset');
      };
    },
  ],
  [
    'a model that yields nothing',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = () => [];
    },
  ],
  [
    'a model that ends without finishing',
    'language_model_failed',
    (engines) => {
      engines.languageModel.script = () => [{ type: 'text', text: 'Well,' }];
    },
  ],
  [
    'a model that never begins',
    'language_model_stalled',
    (engines) => {
      engines.languageModel.script = ({ signal }) => hang(signal);
    },
  ],
  [
    'a model that ignores its signal and stalls midway',
    'language_model_stalled',
    (engines) => {
      engines.languageModel.script = async function* () {
        yield { type: 'text', text: 'Well, this is a beginning, ' };
        await new Promise(() => {});
      };
    },
  ],
  [
    'a voice that throws at once',
    'voice_failed',
    (engines) => {
      engines.voice.speak = () => {
        throw new Error('no such voice');
      };
    },
  ],
  [
    'a voice that fails midway',
    'voice_failed',
    (engines) => {
      engines.voice.speak = async function* () {
        yield { samples: tone(250, 16000), sampleRateHz: 16000 };
        throw new Error('worker died');
      };
    },
  ],
  [
    'a voice that stalls midway',
    'voice_stalled',
    (engines) => {
      engines.voice.speak = (_text, { signal }) => hang(signal, { samples: tone(250, 16000), sampleRateHz: 16000 });
    },
  ],
];
for (const [name, code, inject] of faults) {
  test(`${name}: response.done failed names the stage, and the session lives`, async () => {
    verifies('R3.42', 'R4.12', 'R4.16', 'R5.40');
    const { client, clock, engines } = newConversation();
    const { generate } = engines.languageModel;
    const { speak } = engines.voice;
    const { script } = engines.languageModel;
    inject(engines);
    await client.say(respond());
    await clock.advance(40_000);
    const { response } = client.last('response.done');
    assert.equal(response.status, 'failed');
    assert.ok(response.status_details?.type === 'failed');
    const { error } = response.status_details;
    assert.deepEqual([error.type, error.code], ['server_error', code]);
    assert.match(
      error.message,
      code.startsWith('voice') ? /^The voice (failed: .|gave nothing)/ : /^The language model (failed: .|gave nothing)/,
    );
    assert.ok(response.usage, 'clients count on it');
    for (const item of response.output) assert.equal(item.status, 'incomplete');
    const opened = client.all('response.content_part.added').length;
    assert.equal(client.all('response.content_part.done').length, opened, 'what was opened is done');
    assert.equal(client.all('response.output_item.done').length, client.all('response.output_item.added').length);
    assert.deepEqual(client.all('error'), [], 'response.done says it');

    Object.assign(engines.languageModel, { generate, script });
    Object.assign(engines.voice, { speak });
    await client.say(respond());
    await clock.advance(20_000);
    assert.equal(client.last('response.done').response.status, 'completed');
  });
}

test('a model with nothing to say: completed, without output', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'text', text: '' },
    { type: 'finish', reason: 'stop' },
  ];
  for (const output_modalities of [['audio'], ['text']]) {
    await client.say(respond({ output_modalities }));
    const { response } = client.last('response.done');
    assert.deepEqual([response.status, response.output], ['completed', []]);
  }
});

test('a voice that has no sound for some words: the answer completes, and the log says so once', async () => {
  const { client, clock, engines, log } = newConversation();
  engines.languageModel.script = () => say('你好。 你好。 One two.');
  const { voice } = engines;
  const { speak } = voice;
  voice.speak = async function* (text, options) {
    if (/[a-z]/.test(text)) yield* speak.call(voice, text, options);
  };
  await client.say(respond());
  await clock.advance(5000);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(client.last('response.output_audio_transcript.done').transcript, '你好。 你好。 One two.');
  assert.deepEqual(log.warnings, [{ event: 'voice_silent', voice: 'alloy', characters: 3 }]);
});

test('cancel stops model and voice at once', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) =>
    hang<ModelEvent>(signal, { type: 'text', text: 'One sentence is here. ' });
  let voiceSignal: AbortSignal | undefined;
  engines.voice.speak = (_text, { signal }) => {
    voiceSignal = signal;
    return hang(signal, { samples: tone(250, 16000), sampleRateHz: 16000 });
  };
  await client.say(respond());
  assert.equal(voiceSignal?.aborted, false);
  await client.say({ type: 'response.cancel' });
  assert.deepEqual([voiceSignal?.aborted, engines.languageModel.requests[0]?.signal.aborted], [true, true]);
});

test('a cancel at any moment is the end of it', async () => {
  verifies('R3.17');
  for (let ticks = 0; ticks < 60; ticks += 1) {
    const { client, engines } = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY });
    engines.languageModel.script = () => [...say(countTo(3)).slice(0, -1), ...call('f', { a: 1 })];
    client.post(respond());
    for (let tick = 0; tick < ticks; tick += 1) await null;
    client.post({ type: 'response.cancel' });
    await settle();
    const types = client.types().filter((type) => type !== 'error');
    assert.deepEqual(types.slice(-2), ['response.done', 'rate_limits.updated'], `after ${ticks} microtasks`);
  }
});

test('a call without arguments has those of an empty object', async () => {
  verifies('R3.11');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'call', name: 'stop', callId: 'call_1' },
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(respond());
  const { call_id, arguments: whole } = client.last('response.function_call_arguments.done');
  assert.deepEqual([call_id, whole], ['call_1', '{}']);
  const { item } = client.last('response.output_item.done');
  assert.ok(item.type === 'function_call' && item.arguments === '{}');
});

// ---- Pacing ----

const audioMs = (event: ServerEvent) =>
  event.type === 'response.output_audio.delta' ? Buffer.from(event.delta, 'base64').length / 48 : 0;

test('audio leaves at most the lead ahead of its playback; .done follows the last of it', async () => {
  verifies('R3.31', 'R3.32', 'R4.15');
  const { client, clock, engines } = newConversation({ outputLeadMs: 3000 });
  engines.languageModel.script = () => say(countTo(24));
  await client.say(respond());
  for (let now = 0; now < 9000; now += 100) {
    const sent = client.events.reduce((sum, event) => sum + audioMs(event), 0);
    assert.ok(sent <= now + 3000 && sent > now + 3000 - 250, `${sent} ms were sent by ${now} ms`);
    assert.equal(client.all('response.output_audio.done').length, 0);
    await clock.advance(100);
  }
  await clock.advance(100);
  assert.equal(
    client.events.reduce((sum, event) => sum + audioMs(event), 0),
    12_000,
  );
  assert.equal(client.all('response.done').length, 1);
  for (const { delta } of client.all('response.output_audio.delta')) {
    const bytes = Buffer.from(delta, 'base64').length;
    assert.ok(bytes > 0 && bytes % 2 === 0 && bytes <= 200 * 48, `${bytes} bytes in a delta`);
  }
});

test('words go before their sound', async () => {
  verifies(
    'R3.8',
    'R3.44',
    'ga.server.response.output_audio_transcript.delta',
    'ga.server.response.output_audio_transcript.done',
  );
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(12));
  await client.say(respond());
  await clock.advance(20_000);
  let wordsMs = 0;
  let soundMs = 0;
  for (const event of client.events) {
    if (event.type === 'response.output_audio_transcript.delta')
      wordsMs += (event.delta.match(/\S+/g)?.length ?? 0) * 250;
    soundMs += audioMs(event);
    assert.ok(soundMs <= wordsMs);
  }
  assert.equal(client.last('response.output_audio_transcript.done').transcript, countTo(12));
  const joined = client.all('response.output_audio_transcript.delta').map((event) => event.delta);
  assert.equal(joined.join(''), countTo(12));
});

test('an infinite lead sends everything as it is made', async () => {
  const { client, engines } = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY });
  engines.languageModel.script = () => say(countTo(120));
  await client.say(respond());
  assert.equal(client.all('response.done').length, 1);
  assert.equal(
    client.events.reduce((sum, event) => sum + audioMs(event), 0),
    60_000,
  );
});

test('the next answer is paced from when the last one has been heard, or was interrupted', async () => {
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = () => say(countTo(4));
  await client.say(respond());
  await clock.advance(1000);
  client.forget();
  await client.say(respond());
  const sent = () => client.events.reduce((sum, event) => sum + audioMs(event), 0);
  assert.ok(sent() <= 250, 'a second of the first answer is still to be heard');
  await client.speak(tone(320, 24000));
  await client.speak(silence(600, 24000));
  client.forget();
  await settle();
  await client.say(respond({ conversation: 'none' }));
  assert.ok(sent() > 700);
});

// ---- Truncation ----

async function spoken(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY, ...settings });
  conversation.engines.languageModel.script = () => say('One two three. Four five six.');
  await conversation.client.say(respond());
  const { item_id } = conversation.client.last('response.output_audio.done');
  return { ...conversation, item_id };
}
const truncate = (item_id: string, audio_end_ms: number, content_index = 0) => ({
  type: 'conversation.item.truncate',
  item_id,
  content_index,
  audio_end_ms,
});

test('truncation cuts audio and transcript where the listener stopped, and again', async () => {
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

test('beyond the audio it is clamped; strict, it is refused', async () => {
  verifies('R4.18', 'R5.26');
  const lenient = await spoken();
  await lenient.client.say(truncate(lenient.item_id, 1560));
  assert.equal(lenient.client.last('conversation.item.truncated').audio_end_ms, 1500);
  const strict = await spoken({ strictTruncation: true });
  await strict.client.say({ ...truncate(strict.item_id, 1560), event_id: 't' });
  const { code, param, message: text, event_id } = strict.client.lastError();
  assert.deepEqual(
    { code, param, text, event_id },
    {
      code: 'invalid_value',
      param: 'audio_end_ms',
      text: 'Audio content of 1500ms is already shorter than 1560ms',
      event_id: 't',
    },
  );
  await strict.client.say(truncate(strict.item_id, 1500));
  assert.equal(strict.client.all('conversation.item.truncated').length, 1);
});

test('a part that is no audio cannot be truncated', async () => {
  verifies('R5.27');
  const { client, item_id } = await spoken();
  await client.say(truncate(item_id, 0, 1));
  assert.equal(client.lastError().code, 'unsupported_content_type');
  await client.say(inText());
  await client.say(truncate(client.last('response.output_item.done').item.id, 0));
  assert.equal(client.lastError().code, 'unsupported_content_type');
});

test('truncated while it is spoken: what follows is not kept; the response goes on', async () => {
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

test('inside a clause that is half sent, words without timings are placed by the usual pace of speech', async () => {
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
  // A second for the first clause: half a second later, half of the second one has been said.
  await client.say(truncate(item_id, 1500));
  assert.equal(transcriptOf(await client.retrieve(item_id)), `${words} one two three four five`);
  await client.say({ type: 'response.cancel' });

  await client.say(respond());
  const item = client.last('response.output_audio.delta').item_id;
  await client.say(truncate(item, 500));
  assert.equal(
    transcriptOf(await client.retrieve(item)),
    'one two',
    'without a pace of its own: some 15 characters a second',
  );
});

test('words that a voice tells piece by piece are all known', async () => {
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

test('audio that is no longer kept can be truncated all the same', async () => {
  const { client, item_id } = await spoken({ limits: { keptAudioMs: 100 } });
  assert.equal(audioOf(await client.retrieve(item_id)).length, 0);
  for (const atMs of [900, 600]) {
    await client.say(truncate(item_id, atMs));
    assert.equal(client.last('conversation.item.truncated').audio_end_ms, atMs);
  }
  assert.equal(transcriptOf(await client.retrieve(item_id)), 'One two three.');
});

test('a pause between answers is not made up for: the lead is counted from now', async () => {
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  await clock.advance(60_000);
  client.forget();
  await client.say(respond());
  assert.ok(client.events.reduce((sum, event) => sum + audioMs(event), 0) <= 1000);
});

test('after a truncation the next answer has its whole lead again: the listener has stopped', async () => {
  const { client, engines } = newConversation({ outputLeadMs: 2000 });
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  await client.say({ type: 'response.cancel' });
  await client.say(truncate(item_id, 300));
  client.forget();
  await client.say(respond());
  assert.ok(client.events.reduce((sum, event) => sum + audioMs(event), 0) > 1750);
});

test('an answer longer than what may be kept gives up its audio, not its words', async () => {
  const { client, item_id } = await spoken({ limits: { keptAudioMs: 1000 } });
  const item = await client.retrieve(item_id);
  assert.deepEqual([transcriptOf(item), audioOf(item).length], ['One two three. Four five six.', 0]);
});

// ---- Audio in items ----

test('bytes of audio are only in conversation.item.retrieved (docs/protocol.md §3)', async () => {
  verifies('R3.29', 'R3.30', 'R4.14');
  const { client, clock } = newConversation();
  const bytes = Buffer.from(tone(500, 24000).buffer);
  const content = [{ type: 'input_audio', audio: bytes.toString('base64') }];
  await client.say({ type: 'conversation.item.create', item: { id: 'u', type: 'message', role: 'user', content } });
  await client.say(respond());
  await clock.advance(10_000);
  for (const event of client.events) {
    if (event.type !== 'response.output_audio.delta')
      assert.doesNotMatch(JSON.stringify(event), /"audio":"/, event.type);
  }
  assert.deepEqual(audioOf(await client.retrieve('u')), bytes);
  assert.equal(transcriptOf(await client.retrieve('u')), null, 'transcription was not asked for');
});

test('assistant audio that a client sends back is its transcript (docs/protocol.md §3)', async () => {
  verifies('R3.40');
  const { client, engines } = newConversation();
  const content = [{ type: 'output_audio', transcript: 'I said so.' }];
  await client.say({ type: 'conversation.item.create', item: { type: 'message', role: 'assistant', content } });
  assert.deepEqual(client.all('error'), []);
  await client.say(userText('Did you?'));
  await client.say(inText());
  assert.deepEqual(engines.languageModel.requests[0]?.items[0], {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'I said so.' }],
  });
});

test('a response that asks for a function which nobody declared is refused', async () => {
  const { client, engines } = newConversation();
  const tool_choice = { type: 'function', name: 'pay' };
  await client.say({ type: 'response.create', response: { tool_choice } });
  assert.deepEqual(
    [client.lastError().code, client.lastError().param, client.lastError().message],
    ['invalid_value', 'response.tool_choice', "Tool choice 'pay' not found in 'tools' parameter."],
  );
  assert.deepEqual(client.all('response.created'), []);
  await client.say({ type: 'response.create', response: { tool_choice, tools: [{ type: 'function', name: 'pay' }] } });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.toolChoice, { name: 'pay' });
});
