/** The beta dialect (docs/protocol.md §6): what beta clients send, and the events that they know, by the names they know. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { BetaClient, newConversation } from '../support/conversation.ts';
import { call, hang, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const question = concatSamples([silence(400, 24000), tone(1200, 24000), silence(700, 24000)]);
const tools = [{ type: 'function', name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }];

function newBetaConversation(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation(settings);
  return { ...conversation, beta: new BetaClient(conversation.session) };
}

const update = (session: object) => ({ type: 'session.update', session });
const respond = (response: object = {}) => ({ type: 'response.create', response });
const inText = respond({ modalities: ['text'] });
const create = (item: object) => ({ type: 'conversation.item.create', item });
const userText = (text: string) =>
  create({ id: 'mine', type: 'message', role: 'user', content: [{ type: 'input_text', text }] });

// ---- The session ----

test('the session is flat, with the defaults of beta', () => {
  verifies('R6.3', 'R6.4', 'R6.5', 'R6.6', 'R6.7', 'R6.8', 'R6.9', 'beta.server.session.created');
  const { beta, session, clock } = newBetaConversation();
  assert.deepEqual(beta.types(), ['session.created']);
  const { turn_detection, ...rest } = beta.last('session.created').session;
  assert.deepEqual(rest, {
    id: session.id,
    object: 'realtime.session',
    model: 'gpt-realtime',
    expires_at: Math.floor(clock.epochMs() / 1000) + 3600,
    modalities: ['text', 'audio'],
    instructions: '',
    voice: 'alloy',
    speed: 1,
    input_audio_format: 'pcm16',
    output_audio_format: 'pcm16',
    input_audio_transcription: null,
    input_audio_noise_reduction: null,
    tools: [],
    tool_choice: 'auto',
    temperature: 0.8,
    max_response_output_tokens: 'inf',
    tracing: null,
  });
  const { type, threshold, prefix_padding_ms, silence_duration_ms, create_response, interrupt_response } =
    turn_detection ?? {};
  assert.deepEqual(
    { type, threshold, prefix_padding_ms, silence_duration_ms, create_response, interrupt_response },
    {
      type: 'server_vad',
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 500,
      create_response: true,
      interrupt_response: true,
    },
  );
});

test('an update of the flat session: no type is needed, and each field comes back', async () => {
  verifies('R6.1', 'R6.3', 'R6.4', 'R6.5', 'R6.6', 'R6.7', 'R6.8');
  verifies('beta.client.session.update', 'beta.server.session.updated');
  const { beta, client, engines } = newBetaConversation();
  const flat = {
    modalities: ['text', 'audio'],
    instructions: 'Be brief.',
    voice: 'verse',
    speed: 1.2,
    input_audio_format: 'g711_ulaw',
    output_audio_format: 'g711_alaw',
    input_audio_transcription: { model: 'whisper-1' },
    input_audio_noise_reduction: { type: 'near_field' },
    turn_detection: { type: 'semantic_vad', eagerness: 'high', create_response: true, interrupt_response: false },
    tools,
    tool_choice: 'required',
    temperature: 0.7,
    max_response_output_tokens: 99,
  };
  await beta.say(update(flat));
  const { session } = beta.last('session.updated');
  for (const [name, value] of Object.entries(flat)) assert.deepEqual(Reflect.get(session, name), value, name);
  const core = client.last('session.updated').session;
  assert.deepEqual(core.audio, {
    input: {
      format: { type: 'audio/pcmu' },
      transcription: { model: 'whisper-1' },
      noise_reduction: { type: 'near_field' },
      turn_detection: flat.turn_detection,
    },
    output: { format: { type: 'audio/pcma' }, voice: 'verse', speed: 1.2 },
  });
  await beta.say(update({ modalities: ['text'] }));
  assert.deepEqual(beta.last('session.updated').session.modalities, ['text']);
  await beta.say(userText('Hello.'));
  await beta.say({ type: 'response.create' });
  const [request] = engines.languageModel.requests;
  assert.deepEqual(
    [request?.instructions, request?.temperature, request?.maxOutputTokens, request?.toolChoice, request?.spoken],
    ['Be brief.', 0.7, 99, 'required', false],
  );
});

test('turn_detection none means null, a client_secret is ignored, and an empty session changes nothing', async () => {
  verifies('R6.15', 'R6.17');
  const { beta } = newBetaConversation();
  for (const none of [{ type: 'none' }, null]) {
    await beta.say(update({ turn_detection: { type: 'server_vad' } }));
    assert.equal(beta.last('session.updated').session.turn_detection?.type, 'server_vad');
    await beta.say(update({ turn_detection: none }));
    assert.equal(beta.last('session.updated').session.turn_detection, null);
  }
  const before = beta.last('session.updated').session;
  await beta.say(update({ client_secret: { value: 'ek_1', expires_at: 1 } }));
  assert.deepEqual(beta.last('session.updated').session, before);
  await beta.say(update({}));
  assert.deepEqual(beta.last('session.updated').session, before);
  assert.equal(beta.all('session.updated').length, 6);
  assert.deepEqual(beta.all('error'), []);
});

test('the first update of the 2024 reference client is accepted, with strict tools', async () => {
  verifies('R6.17');
  const { beta } = newBetaConversation();
  const first = {
    modalities: ['text', 'audio'],
    instructions: '',
    voice: 'verse',
    input_audio_format: 'pcm16',
    output_audio_format: 'pcm16',
    input_audio_transcription: null,
    turn_detection: null,
    tools: [{ ...tools[0], strict: true }],
    tool_choice: 'auto',
    temperature: 0.8,
    max_response_output_tokens: 4096,
  };
  await beta.say(update(first));
  assert.deepEqual(beta.types().slice(1), ['session.updated']);
});

// ---- Turns ----

test('a text turn: one event for a new item, and the short names', async () => {
  verifies('R6.10', 'R6.11', 'R6.12', 'R6.13', 'R6.18', 'beta.client.conversation.item.create');
  verifies(
    'beta.client.response.create',
    'beta.server.conversation.item.created',
    'beta.server.response.created',
    'beta.server.response.output_item.added',
    'beta.server.response.content_part.added',
    'beta.server.response.text.delta',
    'beta.server.response.text.done',
    'beta.server.response.content_part.done',
    'beta.server.response.output_item.done',
    'beta.server.response.done',
    'beta.server.rate_limits.updated',
  );
  const { beta } = newBetaConversation();
  beta.forget();
  await beta.say(userText('How are you?'));
  await beta.say(inText);
  assert.deepEqual(beta.types(), [
    'conversation.item.created',
    'response.created',
    'response.output_item.added',
    'conversation.item.created',
    'response.content_part.added',
    'response.text.delta',
    'response.text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const text = 'Fine, thank you. And you?';
  const [mine, theirs] = beta.all('conversation.item.created');
  assert.equal(mine?.previous_item_id, null);
  assert.deepEqual(mine?.item, {
    id: 'mine',
    object: 'realtime.item',
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_text', text: 'How are you?' }],
  });
  assert.equal(theirs?.previous_item_id, 'mine');
  const { response: created } = beta.last('response.created');
  assert.deepEqual([created.status, created.output, created.usage], ['in_progress', [], null]);
  const at = { response_id: created.id, item_id: theirs?.item.id, output_index: 0, content_index: 0 };
  const rest = ({ event_id: _own, type: _known, ...fields }: { event_id: string; type: string }) => fields;
  assert.deepEqual(rest(beta.last('response.content_part.added')), { ...at, part: { type: 'text', text: '' } });
  assert.deepEqual(rest(beta.last('response.content_part.done')), { ...at, part: { type: 'text', text } });
  assert.deepEqual(rest(beta.last('response.text.done')), { ...at, text });
  const deltas = beta.all('response.text.delta');
  for (const delta of deltas) assert.deepEqual(rest(delta), { ...at, delta: delta.delta });
  assert.equal(deltas.map(({ delta }) => delta).join(''), text);
  const added = beta.last('response.output_item.added');
  assert.deepEqual([added.response_id, added.output_index, added.item.status], [created.id, 0, 'in_progress']);
  const done = beta.last('response.output_item.done');
  assert.deepEqual([done.response_id, done.output_index], [created.id, 0]);
  assert.deepEqual(done.item.content, [{ type: 'text', text }]);
  const { response } = beta.last('response.done');
  assert.equal(response.id, created.id);
  assert.deepEqual(response.output, [done.item]);
  assert.deepEqual(
    [response.modalities, response.voice, response.output_audio_format, response.temperature],
    [['text'], 'alloy', 'pcm16', 0.8],
  );
  assert.ok(response.usage);
  assert.doesNotMatch(JSON.stringify(response.usage), /image/);
  assert.ok(Array.isArray(beta.last('rate_limits.updated').rate_limits));
});

test('a voice turn with transcription, in the beta names', async () => {
  verifies(
    'R6.11',
    'R6.13',
    'beta.client.input_audio_buffer.append',
    'beta.server.input_audio_buffer.speech_started',
    'beta.server.input_audio_buffer.speech_stopped',
    'beta.server.input_audio_buffer.committed',
    'beta.server.conversation.item.input_audio_transcription.delta',
    'beta.server.conversation.item.input_audio_transcription.completed',
    'beta.server.response.audio.delta',
    'beta.server.response.audio.done',
    'beta.server.response.audio_transcript.delta',
    'beta.server.response.audio_transcript.done',
  );
  const { beta, clock } = newBetaConversation();
  await beta.say(update({ input_audio_transcription: { model: 'whisper-1' } }));
  beta.forget();
  await beta.speak(question);
  await clock.advance(10_000);
  const floating = 'conversation.item.input_audio_transcription.';
  assert.deepEqual(
    beta.types().filter((type) => !type.startsWith(floating)),
    [
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.created',
      'response.created',
      'response.output_item.added',
      'conversation.item.created',
      'response.content_part.added',
      'response.audio_transcript.delta',
      'response.audio.delta',
      'response.audio_transcript.delta',
      'response.audio.delta',
      'response.audio.done',
      'response.audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ],
  );
  const [user, assistant] = beta.all('conversation.item.created');
  const item_id = user?.item.id;
  const started = beta.last('input_audio_buffer.speech_started');
  assert.deepEqual([started.audio_start_ms, started.item_id], [384 - 300, item_id]);
  const stopped = beta.last('input_audio_buffer.speech_stopped');
  assert.deepEqual([stopped.audio_end_ms, stopped.item_id], [1600 + 500, item_id]);
  const committed = beta.last('input_audio_buffer.committed');
  assert.deepEqual([committed.previous_item_id, committed.item_id], [null, item_id]);
  const heard = beta.last('conversation.item.input_audio_transcription.completed');
  assert.deepEqual([heard.item_id, heard.content_index, heard.transcript], [item_id, 0, 'hello there']);
  const heardDeltas = beta.all('conversation.item.input_audio_transcription.delta');
  assert.equal(heardDeltas.map(({ delta }) => delta).join(''), heard.transcript);
  for (const delta of heardDeltas) assert.deepEqual([delta.item_id, delta.content_index], [item_id, 0]);

  const { response } = beta.last('response.done');
  assert.deepEqual([response.modalities, response.output_audio_format], [['text', 'audio'], 'pcm16']);
  const text = 'Fine, thank you. And you?';
  assert.deepEqual(response.output?.[0]?.content, [{ type: 'audio', transcript: text }]);
  const at = [response.id, assistant?.item.id, 0, 0];
  for (const type of [
    'response.audio_transcript.delta',
    'response.audio.delta',
    'response.audio.done',
    'response.audio_transcript.done',
  ] as const) {
    for (const event of beta.all(type)) {
      assert.deepEqual([event.response_id, event.item_id, event.output_index, event.content_index], at);
    }
  }
  assert.equal(beta.last('response.audio_transcript.done').transcript, text);
  const words = beta.all('response.audio_transcript.delta').map(({ delta }) => delta);
  assert.equal(words.join(''), text);
  const bytes = beta.all('response.audio.delta').map(({ delta }) => Buffer.from(delta, 'base64').length);
  assert.equal(
    bytes.reduce((sum, count) => sum + count, 0),
    5 * 250 * 48,
  );
});

test('a function call, whose end does not repeat its name', async () => {
  verifies(
    'R6.14',
    'beta.server.response.function_call_arguments.delta',
    'beta.server.response.function_call_arguments.done',
  );
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = () => call('look_up', { city: 'Paris' });
  beta.forget();
  await beta.say(inText);
  assert.deepEqual(beta.types(), [
    'response.created',
    'response.output_item.added',
    'conversation.item.created',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { item } = beta.last('response.output_item.added');
  assert.deepEqual(
    [item.type, item.status, item.name, item.arguments],
    ['function_call', 'in_progress', 'look_up', ''],
  );
  const { response_id } = beta.last('response.output_item.added');
  const at = { response_id, item_id: item.id, output_index: 0, call_id: item.call_id };
  const { event_id: _own, type: _known, ...done } = beta.last('response.function_call_arguments.done');
  assert.deepEqual(done, { ...at, arguments: '{"city":"Paris"}' });
  const deltas = beta.all('response.function_call_arguments.delta');
  for (const { event_id: _id, type: _type, delta, ...rest } of deltas) assert.deepEqual(rest, at);
  assert.equal(deltas.map(({ delta }) => delta).join(''), '{"city":"Paris"}');

  engines.languageModel.script = () => say('It is sunny.');
  await beta.say(create({ type: 'function_call_output', call_id: item.call_id, output: 'sunny' }));
  await beta.say(inText);
  assert.equal(beta.last('response.text.done').text, 'It is sunny.');
});

test('what one response asks for itself, by the beta names', async () => {
  verifies('R6.3', 'R6.4', 'R6.5', 'R6.7', 'R6.8', 'R6.13', 'beta.client.response.create');
  const { beta, clock, engines } = newBetaConversation();
  const own = { modalities: ['text', 'audio'], voice: 'marin', output_audio_format: 'g711_ulaw', temperature: 1.1 };
  for (const tokens of [{ max_output_tokens: 77 }, { max_response_output_tokens: 77 }]) {
    await beta.say(respond({ ...own, ...tokens, instructions: 'Be brief.', metadata: { a: 'b' } }));
    await clock.advance(10_000);
    const request = engines.languageModel.requests.at(-1);
    assert.deepEqual([request?.temperature, request?.maxOutputTokens, request?.spoken], [1.1, 77, true]);
    for (const type of ['response.created', 'response.done'] as const) {
      const { response } = beta.last(type);
      assert.deepEqual(
        [response.modalities, response.voice, response.output_audio_format, response.temperature, response.metadata],
        [['text', 'audio'], 'marin', 'g711_ulaw', 1.1, { a: 'b' }],
      );
    }
  }
  assert.equal(engines.voice.spoken.at(-1)?.voice, 'marin');
});

test('a cancel ends a response with what it had said', async () => {
  verifies('beta.client.response.cancel', 'beta.server.response.done');
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well,' });
  await beta.say(inText);
  beta.forget();
  await beta.say({ type: 'response.cancel' });
  assert.deepEqual(beta.types(), [
    'response.text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const { response } = beta.last('response.done');
  assert.deepEqual([response.status, response.status_details?.reason], ['cancelled', 'client_cancelled']);
  assert.ok(response.usage);
  assert.deepEqual(response.output?.[0]?.content, [{ type: 'text', text: 'Well,' }]);
});

// ---- Audio and items ----

test('audio by hand: cleared, committed, transcribed, and a transcription that fails', async () => {
  verifies(
    'beta.server.conversation.item.input_audio_transcription.delta',
    'beta.server.conversation.item.input_audio_transcription.completed',
    'beta.client.input_audio_buffer.clear',
    'beta.client.input_audio_buffer.commit',
    'beta.server.input_audio_buffer.cleared',
    'beta.server.input_audio_buffer.committed',
    'beta.server.conversation.item.input_audio_transcription.failed',
  );
  const { beta, engines } = newBetaConversation();
  await beta.say(update({ turn_detection: null, input_audio_transcription: { model: 'whisper-1' } }));
  beta.forget();
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(beta.types(), [
    'input_audio_buffer.committed',
    'conversation.item.created',
    'conversation.item.input_audio_transcription.delta',
    'conversation.item.input_audio_transcription.completed',
  ]);
  const first = beta.last('input_audio_buffer.committed');
  assert.equal(first.previous_item_id, null);
  engines.transcriber.hear = () => {
    throw new Error('out of memory');
  };
  beta.forget();
  await beta.speak(tone(200, 24000));
  await beta.say({ type: 'input_audio_buffer.clear' });
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(beta.types(), [
    'input_audio_buffer.cleared',
    'input_audio_buffer.committed',
    'conversation.item.created',
    'conversation.item.input_audio_transcription.failed',
  ]);
  const { item_id, previous_item_id } = beta.last('input_audio_buffer.committed');
  assert.equal(previous_item_id, first.item_id);
  assert.equal(beta.last('conversation.item.created').item.id, item_id);
  const failed = beta.last('conversation.item.input_audio_transcription.failed');
  assert.deepEqual([failed.item_id, failed.content_index, failed.error.code], [item_id, 0, 'audio_unintelligible']);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  const [part] = beta.last('conversation.item.retrieved').item.content ?? [];
  assert.equal(Buffer.from(part?.audio ?? '', 'base64').length, 300 * 48, 'what was cleared is not in it');
});

test('the segments of a transcriber that tells speakers apart', async () => {
  verifies('beta.server.conversation.item.input_audio_transcription.segment');
  const { beta, engines } = newBetaConversation();
  const said = { text: 'Hello.', speaker: 'A', start: 0.1, end: 0.5 };
  engines.transcriber.transcribe = async function* () {
    yield { type: 'segment', ...said };
    yield { type: 'done', text: 'Hello.' };
  };
  await beta.say(update({ turn_detection: null, input_audio_transcription: { model: 'gpt-4o-transcribe-diarize' } }));
  await beta.speak(tone(300, 24000));
  await beta.say({ type: 'input_audio_buffer.commit' });
  assert.match(beta.types().at(-1) ?? '', /\.completed$/);
  const frame: object | undefined = beta.events.find(({ type }) => (type as string).endsWith('.segment'));
  const { event_id: _own, id, ...segment } = Object(frame);
  assert.deepEqual(segment, {
    type: 'conversation.item.input_audio_transcription.segment',
    item_id: beta.last('input_audio_buffer.committed').item_id,
    content_index: 0,
    ...said,
  });
  assert.equal(typeof id, 'string');
});

test('items: assistant content by its beta names, truncated, retrieved and deleted', async () => {
  verifies(
    'R6.12',
    'beta.client.conversation.item.truncate',
    'beta.client.conversation.item.retrieve',
    'beta.client.conversation.item.delete',
    'beta.server.conversation.item.truncated',
    'beta.server.conversation.item.retrieved',
    'beta.server.conversation.item.deleted',
  );
  const { beta, clock, client, engines } = newBetaConversation();
  const text = [{ type: 'text', text: 'I wrote.' }];
  const audio = [{ type: 'audio', transcript: 'I said.' }];
  await beta.say(create({ id: 'text', type: 'message', role: 'assistant', content: text }));
  assert.deepEqual(beta.last('conversation.item.created').item.content, text);
  await beta.say(create({ id: 'audio', type: 'message', role: 'assistant', content: audio }));
  assert.deepEqual(beta.last('conversation.item.created').item.content, audio);
  const types = client
    .all('conversation.item.added')
    .map(({ item }) => item.type === 'message' && item.content[0]?.type);
  assert.deepEqual(types, ['output_text', 'output_audio'], 'a GA peer has the same items in its own words');

  await beta.say(respond());
  await clock.advance(10_000);
  assert.deepEqual(engines.languageModel.requests[0]?.items, [
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I wrote.' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I said.' }] },
  ]);
  const { item_id } = beta.last('response.audio.done');
  const fields = { item_id, content_index: 0, audio_end_ms: 500 };
  await beta.say({ type: 'conversation.item.truncate', ...fields });
  const { event_id: _own, type: _known, ...truncated } = beta.last('conversation.item.truncated');
  assert.deepEqual(truncated, fields);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  const { item } = beta.last('conversation.item.retrieved');
  const [part] = item.content ?? [];
  assert.deepEqual([item.id, part?.type, part?.transcript], [item_id, 'audio', 'Fine, thank']);
  assert.equal(Buffer.from(part?.audio ?? '', 'base64').length, 500 * 48);

  await beta.say({ type: 'conversation.item.delete', item_id });
  assert.equal(beta.last('conversation.item.deleted').item_id, item_id);
  await beta.say({ type: 'conversation.item.retrieve', item_id });
  assert.equal(beta.last('error').error.code, 'item_retrieve_invalid_item_id');
});

// ---- Errors ----

const refused: [event: object, code: string, param: string, message: RegExp][] = [
  [update({ speed: 9 }), 'decimal_above_max_value', 'session.speed', /^Invalid 'session\.speed': .* <= 1\.5/],
  [update({ temperature: 0.5 }), 'decimal_below_min_value', 'session.temperature', /^Invalid 'session\.temperature'/],
  [respond({ temperature: 1.3 }), 'decimal_above_max_value', 'response.temperature', / <= 1\.2/],
  [
    update({ modalities: ['audio'] }),
    'invalid_value',
    'session.modalities',
    /^Invalid modalities: \['audio'\]\. Supported combinations are: \['text'\] and \['audio', 'text'\]\.$/,
  ],
  [respond({ modalities: [] }), 'invalid_value', 'response.modalities', /^Invalid modalities: \[\]/],
  [update({ input_audio_format: 'opus' }), 'invalid_value', 'session.input_audio_format', /'g711_ulaw'/],
  [update({ voice: 'nobody' }), 'invalid_value', 'session.voice', /^Invalid value: 'nobody'/],
  [respond({ voice: 'nobody' }), 'invalid_value', 'response.voice', /^Invalid value: 'nobody'/],
  ...['output_modalities', 'truncation', 'prompt', 'include', 'reasoning', 'parallel_tool_calls', 'audio'].map(
    (name): [object, string, string, RegExp] => [
      update({ [name]: 'auto' }),
      'unknown_parameter',
      `session.${name}`,
      new RegExp(`^Unknown parameter: 'session\\.${name}'`),
    ],
  ),
];
test("errors name the dialect's own fields, and GA's are unknown", async () => {
  verifies('R6.8', 'R6.9', 'R6.16', 'R5.17', 'beta.server.error');
  const { beta, client, engines } = newBetaConversation();
  engines.voice.voices = ['alloy'];
  client.forget();
  for (const [index, [event, code, param, message]] of refused.entries()) {
    beta.forget();
    await beta.say({ ...event, event_id: `e${index}` });
    assert.deepEqual(beta.types(), ['error']);
    const { error } = beta.last('error');
    assert.deepEqual(
      [error.type, error.code, error.param, error.event_id],
      ['invalid_request_error', code, param, `e${index}`],
    );
    assert.match(error.message, message);
  }
  assert.deepEqual(client.types(), [], 'another peer is told nothing of them');
});

test('output_audio_buffer.clear is refused on a WebSocket', async () => {
  verifies('R7.2', 'beta.client.output_audio_buffer.clear');
  const { beta } = newBetaConversation();
  await beta.say({ type: 'output_audio_buffer.clear', event_id: 'c' });
  const { code, param, event_id, message } = beta.last('error').error;
  assert.deepEqual([code, param, event_id], ['invalid_value', 'type', 'c']);
  assert.match(message, /WebRTC/);
});

test('what the state refuses is told in beta names too', async () => {
  verifies('R6.16', 'R5.53');
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await beta.say(respond());
  await beta.say(update({ speed: 1.5 }));
  const { code, param, message } = beta.last('error').error;
  assert.deepEqual([code, param], ['invalid_value', 'session.speed']);
  assert.equal(message, 'Speed can only be changed between responses, not while one is in progress.');
});
