/** Summaries of events, without audio. */

/** @typedef {import('./session/record.js').RecordedEvent} RecordedEvent */

/** High-frequency types, which the log counts instead of listing. */
const streaming = new Set([
  'input_audio_buffer.append',
  'response.output_audio.delta',
  'response.output_audio_transcript.delta',
  'response.output_text.delta',
  'response.function_call_arguments.delta',
  'conversation.item.input_audio_transcription.delta',
  'parley.words',
]);

const encoder = new TextEncoder();

/** @param {RecordedEvent} event */
export function isStreaming(event) {
  return streaming.has(event.type);
}

/**
 * A copy with audio and images replaced by their sizes.
 * @param {RecordedEvent} event
 */
export function withoutAudio(event) {
  if (event.type === 'response.output_audio.delta') return { ...event, delta: describeAudio(event.delta) };
  return JSON.parse(
    JSON.stringify(event, (key, value) => {
      if (typeof value !== 'string') return value;
      if (key === 'audio') return describeAudio(value);
      return key === 'image_url' && value.startsWith('data:') ? `<${formatBytes(base64Bytes(value))} of image>` : value;
    }),
  );
}

/**
 * Bytes of audio in an event.
 * @param {RecordedEvent} event
 */
export function audioBytes(event) {
  if (event.type === 'input_audio_buffer.append') return base64Bytes(event.audio);
  return event.type === 'response.output_audio.delta' ? base64Bytes(event.delta) : 0;
}

/**
 * @param {RecordedEvent} event
 * @returns {string} what a reader wants to know first
 */
export function summarise(event) {
  switch (event.type) {
    case 'error':
      return `${event.error.code ?? event.error.type}: ${event.error.message}`;
    case 'session.created':
    case 'session.updated':
      return describeSession(event.session);
    case 'session.update':
      return Object.keys(event.session)
        .filter((key) => key !== 'type')
        .join(', ');
    case 'input_audio_buffer.speech_started':
      return `at ${event.audio_start_ms} ms`;
    case 'input_audio_buffer.speech_stopped':
      return `at ${event.audio_end_ms} ms`;
    case 'conversation.item.truncate':
    case 'conversation.item.truncated':
      return `after ${event.audio_end_ms} ms`;
    case 'conversation.item.create':
    case 'conversation.item.added':
    case 'conversation.item.done':
    case 'response.output_item.added':
    case 'response.output_item.done':
      return `${'role' in event.item ? event.item.role : event.item.type} ${event.item.id ?? ''}`;
    case 'conversation.item.input_audio_transcription.delta':
    case 'response.output_audio_transcript.delta':
    case 'response.output_text.delta':
    case 'response.function_call_arguments.delta':
      return event.delta;
    case 'conversation.item.input_audio_transcription.completed':
    case 'response.output_audio_transcript.done':
      return event.transcript;
    case 'conversation.item.input_audio_transcription.failed':
      return event.error.message;
    case 'response.output_text.done':
      return event.text;
    case 'response.function_call_arguments.done':
      return `${event.name}(${event.arguments})`;
    case 'response.created':
      return event.response.id;
    case 'response.done':
      return describeResponse(event.response);
    case 'parley.words':
      return event.words.map(({ start_char: char, audio_start_ms: ms }) => `${char}: ${ms} ms `).join('');
    case 'parley.ledger':
      return `first sound after ${event.at_ms.audible ?? '–'} ms`;
    case 'response.output_audio.delta':
      return '';
    case 'parley.view.opened':
      return event.session.id;
    case 'parley.view.omitted':
      return `${event.event_type}, too long to show`;
    case 'parley.view.closed':
      return event.reason;
    default:
      return 'item_id' in event ? String(event.item_id) : '';
  }
}

/** @param {import('../src/protocol/wire/server-events.ts').ResponseResource} response */
function describeResponse({ status, status_details: details, usage }) {
  const reason = details !== null && 'reason' in details ? `: ${details.reason}` : '';
  const failure = details?.type === 'failed' ? `: ${details.error.message}` : '';
  const tokens = usage === null ? '' : `, ${usage.input_tokens} + ${usage.output_tokens} tokens`;
  return `${status}${reason}${failure}${tokens}`;
}

/** @param {string} base64 */
function describeAudio(base64) {
  return `<${formatBytes(base64Bytes(base64))} of audio>`;
}

/** @param {string} base64 */
function base64Bytes(base64) {
  return Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/** @param {string} text @returns {number} bytes in UTF-8 */
export function sizeOf(text) {
  return encoder.encode(text).length;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  return bytes < 1000
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1000).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(2)} MB`;
}

/** @param {import('../src/protocol/wire/session-config.ts').SessionConfig} session */
function describeSession(session) {
  const turns = session.audio.input.turn_detection?.type ?? 'no turn detection';
  return session.type === 'realtime'
    ? `${session.model}, ${session.audio.output.voice}, ${turns}`
    : `transcription, ${turns}`;
}
