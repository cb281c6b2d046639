/** Errors for fields of events: code, param and message (docs/protocol.md §5). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation, update } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { type Expected, input, item, refused, userMessage } from './refused.ts';

const supportedTypes =
  "'session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', " +
  "'output_audio_buffer.clear', " +
  "'conversation.item.create', 'conversation.item.truncate', 'conversation.item.delete', " +
  "'conversation.item.retrieve', 'response.create', and 'response.cancel'";

const output = (fields: object) => update({ audio: { output: fields } });

const tool = { type: 'function', name: 'f' };

const invalidValue = (param: string, value: string, supported: string): Expected => ({
  code: 'invalid_value',
  param,
  message: `Invalid value: '${value}'. Supported values are: ${supported}.`,
});

const oneValue = (param: string, value: string, allowed: string): Expected => ({
  code: 'invalid_value',
  param,
  message: `Invalid value: '${value}'. Value must be '${allowed}'.`,
});

const badPattern = (param: string): Expected => ({
  code: 'invalid_value',
  param,
  message: `Invalid '${param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
});

const badParameters = (param: string, got: string): Expected => ({
  code: 'invalid_function_parameters',
  param,
  message: `Invalid schema for function 'f': schema must be a JSON Schema of 'type: "object"', got 'type: "${got}"'.`,
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
    invalidValue('session.audio.input.format.type', 'audio/opus', "'audio/pcm', 'audio/pcmu', and 'audio/pcma'"),
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
    invalidValue('session.audio.input.turn_detection.eagerness', 'x', "'low', 'medium', 'high', and 'auto'"),
  ],
  [output({ speed: 0.2 }), range('decimal_below_min_value', 'session.audio.output.speed', '>= 0.25', 0.2)],
  [output({ speed: 2 }), range('decimal_above_max_value', 'session.audio.output.speed', '<= 1.5', 2)],
  [output({ voice: 5 }), wrongType('session.audio.output.voice', 'one of a string, an object', 'an integer')],
  [output({ voice: {} }), missing('session.audio.output.voice.id')],
  [output({ voice: { id: 3 } }), wrongType('session.audio.output.voice.id', 'a string', 'an integer')],
  [update({ max_output_tokens: 0 }), range('integer_below_min_value', 'session.max_output_tokens', '>= 1', 0)],
  [update({ max_output_tokens: 4097 }), range('integer_above_max_value', 'session.max_output_tokens', '<= 4096', 4097)],
  [update({ max_output_tokens: 'many' }), oneValue('session.max_output_tokens', 'many', 'inf')],
  [
    update({ max_output_tokens: 1.5 }),
    wrongType('session.max_output_tokens', "one of an integer, 'inf'", 'a decimal number'),
  ],
  [update({ tool_choice: 'bogus' }), invalidValue('session.tool_choice', 'bogus', "'auto', 'none', and 'required'")],
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
  [update({ tracing: 'x' }), oneValue('session.tracing', 'x', 'auto')],
  [update({ tracing: { foo: 1 } }), unknown('session.tracing.foo')],
  [update({ tools: {} }), wrongType('session.tools', 'an array of objects', 'an object')],
  [update({ tools: [tool, 1] }), wrongType('session.tools[1]', 'an object', 'an integer')],
  [update({ tools: [{ type: 'function' }] }), missing('session.tools[0].name')],
  [update({ tools: [{ ...tool, name: 'f'.repeat(65) }] }), tooLong('string', 'session.tools[0].name', 64, 65)],
  [update({ tools: [{ ...tool, name: 'look up' }] }), badPattern('session.tools[0].name')],
  [update({ tools: [tool, { ...tool, parameters: {} }] }), badParameters('session.tools[1].parameters', 'None')],
  [update({ tools: [{ ...tool, parameters: null }] }), badParameters('session.tools[0].parameters', 'None')],
  [
    { type: 'response.create', response: { tools: [{ ...tool, parameters: { type: 'string' } }] } },
    badParameters('response.tools[0].parameters', 'string'),
  ],
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
  [item({ type: 'x' }), invalidValue('item.type', 'x', "'message', 'function_call', and 'function_call_output'")],
  [item({ type: 'message' }), missing('item.role')],
  [item({ type: 'message', role: 'x' }), invalidValue('item.role', 'x', "'system', 'user', and 'assistant'")],
  [item({ type: 'message', role: 'user' }), missing('item.content')],
  [userMessage('hi'), wrongType('item.content', 'an array of objects', 'a string')],
  [userMessage([null]), wrongType('item.content[0]', 'an object', 'null')],
  [userMessage([{}]), missing('item.content[0].type')],
  [
    userMessage([{ type: 'text', text: 'x' }]),
    invalidValue('item.content[0].type', 'text', "'input_text', 'input_audio', and 'input_image'"),
  ],
  [userMessage([{ type: 'input_text' }]), missing('item.content[0].text')],
  [userMessage([{ type: 'input_text', text: 'x', bogus: 1 }]), unknown('item.content[0].bogus')],
  [item({ type: 'message', role: 'user', id: 'i'.repeat(39), content: [] }), tooLong('string', 'item.id', 32, 39)],
  [item({ type: 'message', role: 'user', id: 'a b', content: [] }), badPattern('item.id')],
  [item({ type: 'function_call', name: 'f', call_id: 'call 1', arguments: '' }), badPattern('item.call_id')],
  [
    item({ type: 'function_call', name: 'f', call_id: 'c'.repeat(33), arguments: '' }),
    tooLong('string', 'item.call_id', 32, 33),
  ],
  [item({ type: 'function_call_output', call_id: '', output: '' }), badPattern('item.call_id')],
  [
    item({ type: 'message', role: 'system', content: [{ type: 'text', text: 'x' }] }),
    oneValue('item.content[0].type', 'text', 'input_text'),
  ],
  [
    item({ type: 'message', role: 'assistant', content: [{ type: 'text', text: 'x' }] }),
    oneValue('item.content[0].type', 'text', 'output_text'),
  ],
  [item({ type: 'function_call', name: 'f' }), missing('item.arguments')],
  [item({ type: 'function_call_output', call_id: 'c', output: {} }), wrongType('item.output', 'a string', 'an object')],
  [
    item({ type: 'function_call_output', call_id: 'call_none', output: '' }),
    {
      code: 'invalid_tool_call_id',
      param: null,
      message: "Tool call ID 'call_none' not found in conversation.",
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

test('every refused field: code, param, message, and the id of the event', async (t) => {
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
    'R5.45',
    'R5.46',
    'R5.55',
    'R3.38',
    'R3.39',
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

test('keys such as __proto__ are unknown parameters and have no effect', async () => {
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

test('an event_id that is too long or not a string is refused, and a long one is echoed', async () => {
  const { client } = newConversation();
  await client.say({ type: 'input_audio_buffer.clear', event_id: 5 });
  assert.deepEqual([client.lastError().param, client.lastError().event_id], ['event_id', null]);
  const long = 'e'.repeat(513);
  await client.say({ type: 'input_audio_buffer.clear', event_id: long });
  assert.deepEqual([client.lastError().code, client.lastError().event_id], ['string_above_max_length', long]);
});
