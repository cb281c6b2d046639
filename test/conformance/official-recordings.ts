/** Events of the hosted service, after recordings and examples published by OpenAI; ids are invented. */

import type { WireDialect } from '../../dev/harness/official-events.ts';

type Recorded = Readonly<Record<string, object>>;

const inItem = { response_id: 'resp_C9G8pqH', item_id: 'item_C9G8qGV', output_index: 0 };
const inPart = { ...inItem, content_index: 0 };
const message = { id: 'item_C9G8qGV', object: 'realtime.item', type: 'message', role: 'assistant' };
const call = {
  id: 'item_C9G8vYd',
  object: 'realtime.item',
  type: 'function_call',
  name: 'get_weather',
  call_id: 'call_A1',
};
const userText = {
  id: 'msg_Xm8nP2qR4sT6',
  object: 'realtime.item',
  type: 'message',
  status: 'completed',
  role: 'user',
  content: [{ type: 'input_text', text: 'hello' }],
};
const userAudio = { ...userText, content: [{ type: 'input_audio', transcript: null }] };
const tool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: ['string', 'null'] } }, required: ['city'] },
};
const detection = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 200,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};
const pcm = { type: 'audio/pcm', rate: 24000 };
const error = {
  type: 'invalid_request_error',
  code: 'invalid_event',
  message: "The 'type' field is missing.",
  param: null,
  event_id: 'event_567',
};
const twoSamples = 'AQIDBA==';

const gaResponse = {
  object: 'realtime.response',
  id: 'resp_C9G8pqH',
  status: 'in_progress',
  status_details: null,
  output: [],
  conversation_id: 'conv_C9CKXi8',
  output_modalities: ['audio'],
  max_output_tokens: 'inf',
  audio: { output: { format: pcm, voice: 'marin' } },
  usage: null,
  metadata: null,
};
const gaUsage = {
  total_tokens: 253,
  input_tokens: 132,
  output_tokens: 121,
  input_token_details: {
    text_tokens: 119,
    audio_tokens: 13,
    image_tokens: 0,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};

const ga: Recorded = {
  'session.created': {
    session: {
      type: 'realtime',
      object: 'realtime.session',
      id: 'sess_C9G5QPteg4UIbotdKLoYQ',
      model: 'gpt-realtime-2025-08-28',
      output_modalities: ['audio'],
      instructions: 'Be kind.',
      tools: [tool],
      tool_choice: 'auto',
      max_output_tokens: 'inf',
      tracing: null,
      truncation: 'auto',
      prompt: null,
      expires_at: 1756324625,
      include: null,
      audio: {
        input: { format: pcm, transcription: null, noise_reduction: null, turn_detection: detection },
        output: { format: pcm, voice: 'marin', speed: 1 },
      },
    },
  },
  'conversation.item.added': { previous_item_id: null, item: userText },
  'conversation.item.done': { previous_item_id: 'item_C9G8qGT', item: userAudio },
  'conversation.item.retrieved': {
    item: { ...userText, content: [{ type: 'input_audio', transcript: 'hi', audio: twoSamples }] },
  },
  'conversation.item.input_audio_transcription.completed': {
    item_id: 'item_C9G8qGV',
    content_index: 0,
    transcript: 'Hey, can you hear me?',
    usage: { type: 'tokens', total_tokens: 22, input_tokens: 13, output_tokens: 9 },
  },
  'input_audio_buffer.committed': { previous_item_id: null, item_id: 'item_C9G8qGV' },
  'response.created': { response: gaResponse },
  'response.output_item.added': {
    response_id: 'resp_C9G8pqH',
    output_index: 0,
    item: { ...call, status: 'in_progress', arguments: '' },
  },
  'response.content_part.added': { ...inPart, part: { type: 'audio', transcript: '' } },
  'response.output_audio.delta': { ...inPart, delta: twoSamples },
  'response.output_audio_transcript.delta': { ...inPart, delta: 'Hel' },
  'response.done': {
    response: {
      ...gaResponse,
      status: 'completed',
      status_details: null,
      output: [{ ...message, status: 'completed', content: [{ type: 'output_audio', transcript: 'Hello.' }] }],
      usage: gaUsage,
    },
  },
  'rate_limits.updated': { rate_limits: [{ name: 'tokens', limit: 40_000, remaining: 39_747, reset_seconds: 0.38 }] },
  error: { error },
};

const betaResponse = {
  object: 'realtime.response',
  id: 'resp_C9G8pqH',
  status: 'in_progress',
  status_details: null,
  output: [],
  conversation_id: 'conv_C9CKXi8',
  modalities: ['text', 'audio'],
  voice: 'sage',
  output_audio_format: 'pcm16',
  temperature: 0.8,
  max_output_tokens: 'inf',
  usage: null,
  metadata: null,
};

const beta: Recorded = {
  'session.created': {
    session: {
      object: 'realtime.session',
      id: 'sess_C9G5QPteg4UIbotdKLoYQ',
      model: 'gpt-4o-realtime-preview-2024-12-17',
      modalities: ['text', 'audio'],
      instructions: 'Be kind.',
      voice: 'sage',
      tools: [],
      tool_choice: 'auto',
      temperature: 0.8,
      max_response_output_tokens: 'inf',
      expires_at: 1756324625,
      input_audio_format: 'pcm16',
      output_audio_format: 'pcm16',
      input_audio_transcription: null,
      turn_detection: detection,
      include: null,
    },
  },
  'transcription_session.created': {
    session: {
      id: 'sess_001',
      object: 'realtime.transcription_session',
      input_audio_format: 'pcm16',
      input_audio_transcription: { model: 'gpt-4o-transcribe', prompt: '', language: '' },
      turn_detection: { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 },
      input_audio_noise_reduction: { type: 'near_field' },
      include: null,
    },
  },
  'conversation.item.created': { previous_item_id: null, item: userAudio },
  'response.created': { response: betaResponse },
  'response.audio.delta': { ...inPart, delta: twoSamples },
  'response.function_call_arguments.done': { ...inItem, call_id: 'call_A1', arguments: '{"city":"Paris"}' },
  'response.done': {
    response: {
      ...betaResponse,
      status: 'cancelled',
      status_details: { type: 'cancelled', reason: 'turn_detected' },
      output: [{ ...message, status: 'incomplete', content: [{ type: 'audio', transcript: 'Hello.' }] }],
      usage: {
        ...gaUsage,
        input_token_details: {
          text_tokens: 119,
          audio_tokens: 13,
          cached_tokens: 64,
          cached_tokens_details: { text_tokens: 64, audio_tokens: 0 },
        },
      },
    },
  },
  error: { error },
};

const recordings: Record<WireDialect, Recorded> = { ga, beta };

/** The recorded types. */
export function recordedTypes(dialect: WireDialect): string[] {
  return Object.keys(recordings[dialect]);
}

/** A recorded frame of this type. */
export function recorded(dialect: WireDialect, type: string): string {
  return JSON.stringify({ event_id: `event_${type}`, type, ...recordings[dialect][type] });
}
