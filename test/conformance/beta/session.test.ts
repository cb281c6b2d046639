/** The flat session of the beta dialect, and its errors (docs/protocol.md §6). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hang } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { newBetaConversation, respond, update, userText } from './support.ts';

const tools = [{ type: 'function', name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }];

// ---- The session ----

test('the session is flat, with the beta defaults', () => {
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

test('an update of the flat session needs no type, and returns each field', async () => {
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
    input_audio_transcription: { model: 'whisper-1', language: null, prompt: null },
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
      transcription: flat.input_audio_transcription,
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

test('turn_detection none means null, client_secret is ignored, and an empty session changes nothing', async () => {
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

test('errors name the fields of the dialect, and those of GA are unknown', async () => {
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
  assert.deepEqual(client.types(), [], 'another peer gets none of them');
});

test('output_audio_buffer.clear is refused on a WebSocket', async () => {
  verifies('R7.2', 'beta.client.output_audio_buffer.clear');
  const { beta } = newBetaConversation();
  await beta.say({ type: 'output_audio_buffer.clear', event_id: 'c' });
  const { code, param, event_id, message } = beta.last('error').error;
  assert.deepEqual([code, param, event_id], ['invalid_value', 'type', 'c']);
  assert.match(message, /WebRTC/);
});

test('errors that depend on the state use beta names too', async () => {
  verifies('R6.16', 'R5.53');
  const { beta, engines } = newBetaConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await beta.say(respond());
  await beta.say(update({ speed: 1.5 }));
  const { code, param, message } = beta.last('error').error;
  assert.deepEqual([code, param], ['invalid_value', 'session.speed']);
  assert.equal(message, 'Speed can only be changed between responses, not while one is in progress.');
});
