/** What a refused event is answered with: docs/protocol.md §5, exact codes, params and texts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, newConversation, update, userText } from '../support/conversation.ts';
import { hang, silence } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

type Expected = { code: string; param: string | null; message: string | RegExp };

const supportedTypes =
  "'session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', " +
  "'output_audio_buffer.clear', " +
  "'conversation.item.create', 'conversation.item.truncate', 'conversation.item.delete', " +
  "'conversation.item.retrieve', 'response.create' and 'response.cancel'";

/** The error comes alone, echoes the event's id, and the session goes on: a text turn still works. */
async function refused(client: Client, send: () => void | Promise<void>, eventId: string | null, expected: Expected) {
  client.forget();
  await send();
  assert.deepEqual(client.types(), ['error']);
  const { type, code, param, message, event_id } = client.lastError();
  assert.deepEqual(
    { type, code, param, event_id },
    { type: 'invalid_request_error', code: expected.code, param: expected.param, event_id: eventId },
  );
  if (typeof expected.message === 'string') assert.equal(message, expected.message);
  else assert.match(message, expected.message);
  await textTurn(client);
}

async function textTurn(client: Client): Promise<void> {
  client.forget();
  await client.say(userText('How are you?'));
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(client.all('error'), []);
}

// ---- Frames that are no events ----

const frames: [name: string, text: string, expected: Expected][] = [
  [
    'invalid JSON',
    '{"type":',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  [
    'an empty frame',
    '',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  [
    'NaN',
    '{"type":NaN}',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  ['an array', '[]', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['null', 'null', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['a number', '5', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['no type', '{}', { code: 'invalid_event', param: null, message: "The 'type' field is missing." }],
  ['40,000 open brackets', '['.repeat(40_000), { code: 'invalid_json', param: null, message: /^Invalid event/ }],
];
for (const [name, text, expected] of frames) {
  test(`a frame that is no event: ${name}`, async () => {
    verifies('R5.1', 'R5.12', 'R5.14');
    const { client } = newConversation();
    await refused(client, () => client.postText(text), null, expected);
  });
}

const deep = `${'['.repeat(40_000)}0${']'.repeat(40_000)}`;
const deepFrames = {
  type: `{"event_id":"e","type":${deep}}`,
  'an unknown field': `{"event_id":"e","type":"response.create","x":${deep}}`,
  'session.type': `{"event_id":"e","type":"session.update","session":{"type":${deep}}}`,
  "a tool's parameters": `{"event_id":"e","type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"f","parameters":${deep}}]}}`,
  audio: `{"event_id":"e","type":"input_audio_buffer.append","audio":${deep}}`,
};
for (const [where, text] of Object.entries(deepFrames)) {
  test(`nesting of 40,000 levels in ${where} is refused, not recursed into`, async () => {
    verifies('R5.2');
    const { client } = newConversation();
    await refused(client, () => client.postText(text), 'e', {
      code: 'invalid_event',
      param: null,
      message: 'Invalid event: nested more than 100 levels deep.',
    });
  });
}

test('of two keys of one name the last counts, as everywhere in JSON', async () => {
  const { client } = newConversation();
  client.postText('{"type":"nope","type":"input_audio_buffer.clear"}');
  assert.equal(client.types().at(-1), 'session.created');
  await client.say({ type: 'input_audio_buffer.clear' });
  assert.equal(client.all('input_audio_buffer.cleared').length, 2);
  assert.deepEqual(client.all('error'), []);
});

test('a huge value is not sent back whole', async () => {
  verifies('R5.2');
  const { client } = newConversation();
  await client.say({ type: 'x'.repeat(1_000_000) });
  assert.ok(client.lastError().message.length < 1000);
  await client.say(update({ tool_choice: 'x'.repeat(1_000_000) }));
  assert.ok(client.lastError().message.length < 1000);
});

// ---- Fields ----

const item = (fields: unknown) => ({ type: 'conversation.item.create', item: fields });
const userMessage = (content: unknown) => item({ type: 'message', role: 'user', content });
const input = (fields: object) => update({ audio: { input: fields } });
const output = (fields: object) => update({ audio: { output: fields } });
const tool = { type: 'function', name: 'f' };

const invalidValue = (param: string, value: string, supported: string): Expected => ({
  code: 'invalid_value',
  param,
  message: `Invalid value: '${value}'. Supported values are: ${supported}.`,
});
const unknown = (param: string, hint = ''): Expected => ({
  code: 'unknown_parameter',
  param,
  message: `Unknown parameter: '${param}'.${hint}`,
});
const missing = (param: string): Expected => ({
  code: 'missing_required_parameter',
  param,
  message: `Missing required parameter: '${param}'.`,
});
const wrongType = (param: string, expected: string, got: string): Expected => ({
  code: 'invalid_type',
  param,
  message: `Invalid type for '${param}': expected ${expected}, but got ${got} instead.`,
});
const range = (code: string, param: string, sign: string, got: number): Expected => ({
  code,
  param,
  message: `Invalid '${param}': ${code.replace('_', ' ').replace('_min_', ' minimum ').replace('_max_', ' maximum ').replaceAll('_', ' ')}. Expected a value ${sign}, but got ${got} instead.`,
});
const tooLong = (kind: 'string' | 'array', param: string, limit: number, got: number): Expected => {
  const a = kind === 'array' ? 'an array' : 'a string';
  const message = `Invalid '${param}': ${kind} too long. Expected ${a} with maximum length ${limit}, but got ${a} with length ${got} instead.`;
  return { code: `${kind}_above_max_length`, param, message };
};
const badModalities = (param: string, given: string): Expected => ({
  code: 'invalid_value',
  param,
  message: `Invalid modalities: ${given}. Supported combinations are: ['text'] and ['audio'].`,
});

const fields: [event: object, expected: Expected][] = [
  [{ type: 'nope' }, invalidValue('type', 'nope', supportedTypes)],
  [{ type: 5 }, invalidValue('type', '5', supportedTypes)],
  [{ type: null }, invalidValue('type', 'null', supportedTypes)],
  [{ type: '__proto__' }, invalidValue('type', '__proto__', supportedTypes)],
  [{ type: 'constructor' }, invalidValue('type', 'constructor', supportedTypes)],

  [{ type: 'session.update' }, missing('session')],
  [{ type: 'session.update', session: null }, wrongType('session', 'an object', 'null')],
  [{ type: 'session.update', session: [] }, wrongType('session', 'an object', 'an array')],
  [{ type: 'session.update', session: {} }, missing('session.type')],
  [
    { type: 'session.update', session: { type: 'x' } },
    invalidValue('session.type', 'x', "'realtime' and 'transcription'"),
  ],
  [
    { type: 'session.update', session: { type: 'transcription' } },
    {
      code: 'invalid_parameter',
      param: 'session.type',
      message: 'Passing a transcription session update event to a realtime session is not allowed.',
    },
  ],
  [update({ bogus_field: 1 }), unknown('session.bogus_field')],
  [update({ constructor: 1 }), unknown('session.constructor')],
  [
    update({ voice: 'alloy' }),
    unknown(
      'session.voice',
      " It belongs to the beta dialect; this connection speaks GA, where it is 'session.audio.output.voice'.",
    ),
  ],
  [input({ bogus: 1 }), unknown('session.audio.input.bogus')],
  [
    input({ turn_detection: { type: 'semantic_vad', threshold: 0.5 } }),
    unknown('session.audio.input.turn_detection.threshold'),
  ],
  [update({ output_modalities: ['audio', 'text'] }), badModalities('session.output_modalities', "['audio', 'text']")],
  [update({ output_modalities: [] }), badModalities('session.output_modalities', '[]')],
  [
    update({ output_modalities: ['video'] }),
    invalidValue('session.output_modalities[0]', 'video', "'text' and 'audio'"),
  ],
  [update({ output_modalities: 'text' }), wrongType('session.output_modalities', 'an array', 'a string')],
  [update({ instructions: 5 }), wrongType('session.instructions', 'a string', 'an integer')],
  [
    input({ format: { type: 'audio/pcm', rate: 16000 } }),
    range('integer_below_min_value', 'session.audio.input.format.rate', '>= 24000', 16000),
  ],
  [
    input({ format: { type: 'audio/pcm', rate: 48000 } }),
    range('integer_above_max_value', 'session.audio.input.format.rate', '<= 24000', 48000),
  ],
  [
    input({ format: { type: 'audio/pcm', rate: 24000.5 } }),
    wrongType('session.audio.input.format.rate', 'an integer', 'a decimal number'),
  ],
  [
    input({ format: { type: 'audio/opus' } }),
    invalidValue('session.audio.input.format.type', 'audio/opus', "'audio/pcm', 'audio/pcmu' and 'audio/pcma'"),
  ],
  [input({ format: {} }), missing('session.audio.input.format.type')],
  [input({ turn_detection: {} }), missing('session.audio.input.turn_detection.type')],
  [
    input({ turn_detection: { type: 'none' } }),
    invalidValue('session.audio.input.turn_detection.type', 'none', "'server_vad' and 'semantic_vad'"),
  ],
  [
    input({ turn_detection: { type: 'server_vad', threshold: 2 } }),
    range('decimal_above_max_value', 'session.audio.input.turn_detection.threshold', '<= 1', 2),
  ],
  [
    input({ turn_detection: { type: 'server_vad', idle_timeout_ms: 4999 } }),
    range('integer_below_min_value', 'session.audio.input.turn_detection.idle_timeout_ms', '>= 5000', 4999),
  ],
  [
    input({ turn_detection: { type: 'semantic_vad', eagerness: 'x' } }),
    invalidValue('session.audio.input.turn_detection.eagerness', 'x', "'low', 'medium', 'high' and 'auto'"),
  ],
  [output({ speed: 0.2 }), range('decimal_below_min_value', 'session.audio.output.speed', '>= 0.25', 0.2)],
  [output({ speed: 2 }), range('decimal_above_max_value', 'session.audio.output.speed', '<= 1.5', 2)],
  [output({ voice: 5 }), wrongType('session.audio.output.voice', 'one of a string, an object', 'an integer')],
  [output({ voice: {} }), missing('session.audio.output.voice.id')],
  [output({ voice: { id: 3 } }), wrongType('session.audio.output.voice.id', 'a string', 'an integer')],
  [update({ max_output_tokens: 0 }), range('integer_below_min_value', 'session.max_output_tokens', '>= 1', 0)],
  [update({ max_output_tokens: 4097 }), range('integer_above_max_value', 'session.max_output_tokens', '<= 4096', 4097)],
  [update({ max_output_tokens: 'many' }), invalidValue('session.max_output_tokens', 'many', "'inf'")],
  [
    update({ max_output_tokens: 1.5 }),
    wrongType('session.max_output_tokens', "one of an integer, 'inf'", 'a decimal number'),
  ],
  [update({ tool_choice: 'bogus' }), invalidValue('session.tool_choice', 'bogus', "'auto', 'none' and 'required'")],
  [update({ tool_choice: { type: 'function' } }), missing('session.tool_choice.name')],
  [
    update({ tool_choice: 7 }),
    wrongType('session.tool_choice', "one of 'auto', 'none', 'required', an object", 'an integer'),
  ],
  [update({ truncation: 'x' }), invalidValue('session.truncation', 'x', "'auto' and 'disabled'")],
  [
    update({ truncation: { type: 'retention_ratio', retention_ratio: 2 } }),
    range('decimal_above_max_value', 'session.truncation.retention_ratio', '<= 1', 2),
  ],
  [update({ tracing: 'x' }), invalidValue('session.tracing', 'x', "'auto'")],
  [update({ tracing: { foo: 1 } }), unknown('session.tracing.foo')],
  [update({ tools: {} }), wrongType('session.tools', 'an array', 'an object')],
  [update({ tools: [tool, 1] }), wrongType('session.tools[1]', 'an object', 'an integer')],
  [update({ tools: [{ type: 'function' }] }), missing('session.tools[0].name')],
  [update({ tools: [{ ...tool, name: 'f'.repeat(65) }] }), tooLong('string', 'session.tools[0].name', 64, 65)],
  [update({ tools: Array(129).fill(tool) }), tooLong('array', 'session.tools', 128, 129)],

  [{ type: 'input_audio_buffer.append' }, missing('audio')],
  [{ type: 'input_audio_buffer.append', audio: 5 }, wrongType('audio', 'a base64-encoded string', 'an integer')],
  [{ type: 'input_audio_buffer.append', audio: null }, wrongType('audio', 'a base64-encoded string', 'null')],
  [{ type: 'input_audio_buffer.append', audio: '', bogus: 1 }, unknown('bogus')],
  [{ type: 'input_audio_buffer.commit', bogus: 1 }, unknown('bogus')],
  [{ type: 'input_audio_buffer.clear', bogus: 1 }, unknown('bogus')],

  [item(undefined), missing('item')],
  [item(null), wrongType('item', 'an object', 'null')],
  [item({}), missing('item.type')],
  [item({ type: 'x' }), invalidValue('item.type', 'x', "'message', 'function_call' and 'function_call_output'")],
  [item({ type: 'message' }), missing('item.role')],
  [item({ type: 'message', role: 'x' }), invalidValue('item.role', 'x', "'system', 'user' and 'assistant'")],
  [item({ type: 'message', role: 'user' }), missing('item.content')],
  [
    userMessage('hi'),
    { code: 'invalid_type', param: 'item.content', message: /^Invalid type for 'item\.content': expected an array/ },
  ],
  [userMessage([null]), wrongType('item.content[0]', 'an object', 'null')],
  [userMessage([{}]), missing('item.content[0].type')],
  [
    userMessage([{ type: 'text', text: 'x' }]),
    invalidValue('item.content[0].type', 'text', "'input_text', 'input_audio' and 'input_image'"),
  ],
  [userMessage([{ type: 'input_text' }]), missing('item.content[0].text')],
  [userMessage([{ type: 'input_text', text: 'x', bogus: 1 }]), unknown('item.content[0].bogus')],
  [item({ type: 'message', role: 'user', id: 'i'.repeat(39), content: [] }), tooLong('string', 'item.id', 32, 39)],
  [item({ type: 'function_call', name: 'f' }), missing('item.arguments')],
  [item({ type: 'function_call_output', call_id: 'c', output: {} }), wrongType('item.output', 'a string', 'an object')],
  [
    item({ type: 'function_call_output', call_id: 'call_none', output: '' }),
    {
      code: 'invalid_value',
      param: 'item.call_id',
      message: "Error adding item: there is no function call with call_id 'call_none'.",
    },
  ],
  [
    { ...item({ type: 'message', role: 'user', content: [] }), previous_item_id: 'item_none' },
    {
      code: 'item_create_invalid_previous_item_id',
      param: null,
      message: "Error adding item: the previous item with id 'item_none' does not exist.",
    },
  ],
  [
    { type: 'conversation.item.truncate', item_id: 'item_none', content_index: 0, audio_end_ms: 0 },
    {
      code: 'item_truncate_invalid_item_id',
      param: null,
      message: "Error truncating item: the item with id 'item_none' does not exist.",
    },
  ],
  [{ type: 'conversation.item.truncate', item_id: 'i', content_index: 0 }, missing('audio_end_ms')],
  [
    { type: 'conversation.item.truncate', item_id: 'i', content_index: -1, audio_end_ms: 0 },
    range('integer_below_min_value', 'content_index', '>= 0', -1),
  ],
  [
    { type: 'conversation.item.truncate', item_id: 'i', content_index: 0, audio_end_ms: 1.5 },
    wrongType('audio_end_ms', 'an integer', 'a decimal number'),
  ],
  [
    { type: 'conversation.item.delete', item_id: 'item_none' },
    {
      code: 'item_delete_invalid_item_id',
      param: null,
      message: "Error deleting item: the item with id 'item_none' does not exist.",
    },
  ],
  [
    { type: 'conversation.item.retrieve', item_id: 'item_none' },
    {
      code: 'item_retrieve_invalid_item_id',
      param: null,
      message: "Error retrieving item: the item with id 'item_none' does not exist.",
    },
  ],
  [{ type: 'conversation.item.delete' }, missing('item_id')],
  [{ type: 'conversation.item.retrieve', item_id: 5 }, wrongType('item_id', 'a string', 'an integer')],

  [{ type: 'response.create', response: [] }, wrongType('response', 'an object', 'an array')],
  [{ type: 'response.create', response: { bogus: 1 } }, unknown('response.bogus')],
  [
    { type: 'response.create', response: { conversation: 'x' } },
    invalidValue('response.conversation', 'x', "'auto' and 'none'"),
  ],
  [
    { type: 'response.create', response: { output_modalities: ['text', 'audio'] } },
    badModalities('response.output_modalities', "['text', 'audio']"),
  ],
  [
    { type: 'response.create', response: { metadata: { a: 1 } } },
    wrongType('response.metadata.a', 'a string', 'an integer'),
  ],
  [
    { type: 'response.create', response: { metadata: { a: 'x'.repeat(513) } } },
    tooLong('string', 'response.metadata.a', 512, 513),
  ],
  [{ type: 'response.create', response: { input: [{ type: 'item_reference' }] } }, missing('response.input[0].id')],
  [
    { type: 'response.create', response: { input: [{ type: 'item_reference', id: 'item_none' }] } },
    {
      code: 'invalid_value',
      param: 'response.input[0].id',
      message: "Item with id 'item_none' not found in the conversation.",
    },
  ],
  [{ type: 'response.cancel', response_id: 5 }, wrongType('response_id', 'a string', 'an integer')],
  [
    { type: 'response.cancel' },
    { code: 'response_cancel_not_active', param: null, message: 'Cancellation failed: no active response found' },
  ],
  [
    { type: 'response.cancel', response_id: 'resp_none' },
    { code: 'response_cancel_not_active', param: null, message: 'Cancellation failed: no active response found' },
  ],
];
test('every refused field: code, param, text, and the id of the event at fault', async (t) => {
  verifies(
    'R2.22',
    'R4.13',
    'R5.1',
    'R5.11',
    'R5.15',
    'R5.16',
    'R5.17',
    'R5.18',
    'R5.19',
    'R5.20',
    'R5.21',
    'R5.23',
    'R5.28',
    'R5.29',
    'R5.31',
    'R5.55',
    'R8.2',
    'ga.server.error',
  );
  const { client } = newConversation();
  for (const [index, [event, expected]] of fields.entries()) {
    await t.test(`${expected.code} ${expected.param} #${index}`, () =>
      refused(client, () => client.say({ ...event, event_id: `e${index}` }), `e${index}`, expected),
    );
  }
});

test('keys named like the insides of JavaScript objects are unknown parameters, and change nothing', async () => {
  const { client } = newConversation();
  for (const [text, param] of [
    ['{"type":"session.update","__proto__":{"a":1},"session":{"type":"realtime"}}', '__proto__'],
    ['{"type":"session.update","session":{"type":"realtime","__proto__":{"a":1}}}', 'session.__proto__'],
    ['{"type":"input_audio_buffer.append","audio":"","__proto__":{}}', '__proto__'],
    ['{"type":"input_audio_buffer.clear","constructor":{}}', 'constructor'],
  ] as const) {
    await refused(client, () => client.postText(text), null, unknown(param));
  }
});

test("an event_id that is no string is refused; one that is too long too, and it's echoed", async () => {
  const { client } = newConversation();
  await client.say({ type: 'input_audio_buffer.clear', event_id: 5 });
  assert.deepEqual([client.lastError().param, client.lastError().event_id], ['event_id', null]);
  const long = 'e'.repeat(513);
  await client.say({ type: 'input_audio_buffer.clear', event_id: long });
  assert.deepEqual([client.lastError().code, client.lastError().event_id], ['string_above_max_length', long]);
});

// ---- Audio ----

const badBase64 = ['A', 'AAAAA', 'A===', '====', 'AAA=AAA=', 'AA AA', 'not base64!', 'ÄÖÜ?', 'AAAA\n'];
for (const audio of badBase64) {
  test(`bad base64 in an append: ${JSON.stringify(audio)}`, async () => {
    verifies('R5.25');
    const { client } = newConversation();
    await refused(client, () => client.say({ type: 'input_audio_buffer.append', audio, event_id: 'a' }), 'a', {
      code: 'invalid_value',
      param: 'audio',
      message:
        "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got an invalid base64 string.",
    });
  });
}

test('bad base64 names the format that was expected, and the place of an item in the event', async () => {
  verifies('R5.25');
  const { client } = newConversation();
  await client.say(input({ format: { type: 'audio/pcmu' } }));
  const text = (path: string) =>
    `Invalid '${path}'. Expected base64-encoded audio bytes (mono G.711 µ-law at 8kHz) but got an invalid base64 string.`;
  const content = [
    { type: 'input_text', text: 'Listen:' },
    { type: 'input_audio', audio: '!' },
  ];
  await refused(client, () => client.say(userMessage(content)), null, {
    code: 'invalid_value',
    param: 'item.content[1].audio',
    message: text('item.content[1].audio'),
  });
  const message = { type: 'message', role: 'user', content };
  await refused(client, () => client.say({ type: 'response.create', response: { input: [message] } }), null, {
    code: 'invalid_value',
    param: 'response.input[0].content[1].audio',
    message: text('response.input[0].content[1].audio'),
  });
});

test('empty audio is no error, in an append or in an item', async () => {
  const { client } = newConversation();
  await client.say({ type: 'input_audio_buffer.append', audio: '' });
  await client.say(userMessage([{ type: 'input_audio', audio: '' }]));
  assert.deepEqual(client.all('error'), []);
  assert.equal(client.all('conversation.item.done').length, 1);
});

const commitEmpty = (ms: string): Expected => ({
  code: 'input_audio_buffer_commit_empty',
  param: null,
  message: `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${ms}ms of audio.`,
});
test('a commit needs 100 ms of audio, with turn detection and without', async () => {
  verifies('R5.24');
  const { client } = newConversation();
  for (const turn_detection of [{ type: 'server_vad' }, null]) {
    await client.say(input({ turn_detection }));
    await refused(
      client,
      () => client.say({ type: 'input_audio_buffer.commit', event_id: 'c' }),
      'c',
      commitEmpty('0.00'),
    );
    await client.speak(silence(99.5, 24000));
    await refused(
      client,
      () => client.say({ type: 'input_audio_buffer.commit', event_id: 'c' }),
      'c',
      commitEmpty('99.50'),
    );
    client.forget();
    await client.speak(silence(0.5, 24000));
    await client.say({ type: 'input_audio_buffer.commit' });
    assert.equal(client.types()[0], 'input_audio_buffer.committed', 'what was refused is still buffered');
  }
});

test('an input buffer without turn detection refuses more than it holds, and keeps what it has', async () => {
  verifies('R5.57');
  const { client } = newConversation({ limits: { inputBufferMs: 1000 } });
  await client.say(input({ turn_detection: null }));
  await client.speak(silence(1000, 24000));
  await refused(client, () => client.speak(silence(20, 24000)), null, {
    code: 'input_audio_buffer_full',
    param: 'audio',
    message: 'The input audio buffer is full: it holds at most 1 s of audio. Commit or clear it before appending more.',
  });
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(client.all('input_audio_buffer.committed').length, 1);
});

// ---- What the state refuses ----

test('a duplicate item id is refused (docs/protocol.md §8)', async () => {
  verifies('R8.1');
  const { client } = newConversation();
  const mine = item({ id: 'msg_1', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] });
  await client.say(mine);
  await refused(client, () => client.say({ ...mine, event_id: 'd' }), 'd', {
    code: 'invalid_value',
    param: 'item.id',
    message: "Error adding item: an item with id 'msg_1' already exists.",
  });
});

test('only assistant audio can be truncated', async () => {
  verifies('R5.27');
  const { client } = newConversation();
  await client.say(item({ id: 'u', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }));
  await client.say(
    item({ id: 'a', type: 'message', role: 'assistant', content: [{ type: 'output_audio', transcript: 'Hi' }] }),
  );
  await client.say(item({ id: 'c', type: 'function_call', name: 'f', arguments: '{}' }));
  for (const item_id of ['u', 'a', 'c']) {
    const truncate = { type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 0, event_id: 't' };
    await refused(client, () => client.say(truncate), 't', {
      code: 'unsupported_content_type',
      param: null,
      message: 'Only model output audio messages can be truncated',
    });
  }
});

test('a second response in the conversation is refused while one is active', async () => {
  verifies('R5.22');
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.say({ type: 'response.create' });
  const { id } = client.last('response.created').response;
  client.forget();
  await client.say({ type: 'response.create', event_id: 'r' });
  assert.deepEqual(client.types(), ['error']);
  const { code, param, message, event_id } = client.lastError();
  assert.deepEqual([code, param, event_id], ['conversation_already_has_active_response', null, 'r']);
  assert.equal(
    message,
    `Conversation already has an active response in progress: ${id}. Wait until the response is finished before creating a new one.`,
  );
});

test('a full conversation says so, to items, to responses, and to everyone after a spoken turn', async () => {
  verifies('R5.58');
  const { client } = newConversation({ limits: { items: 2 } });
  await client.say(userText('one'));
  await client.say(userText('two'));
  const full = 'The conversation is full: it holds at most 2 items. Delete some before adding more.';
  for (const event of [userText('three'), { type: 'response.create' }]) {
    await client.say({ ...event, event_id: 'f' });
    const { code, message, event_id } = client.lastError();
    assert.deepEqual({ code, message, event_id }, { code: 'conversation_full', message: full, event_id: 'f' });
  }
  await client.say({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed', 'beside the conversation there is room');
});
