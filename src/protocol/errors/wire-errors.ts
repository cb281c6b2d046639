/**
 * The catalogue of wire errors. Each is defined here once: its
 * type, code, param, text and (if it ends the connection) close code.
 */

import { describeValue, pythonList, quotedList, shorten, spokenDuration } from './texts.ts';
import { WireError } from './wire-error.ts';

export { maxMessageCharacters, WireError, type WireErrorType } from './wire-error.ts';

/** An `error` event before the dialect of a peer renders it. */
export interface UnsentError {
  type: 'error';
  readonly raised: WireError;
  /** The `event_id` of the client's invalid event. */
  readonly clientEventId: string | null;
}

/** The `error` event for `error`; `clientEventId` is the `event_id` of the client's invalid event. */
export function errorEvent(error: WireError, clientEventId: string | null): UnsentError {
  return { type: 'error', raised: error, clientEventId: error.attributed ? clientEventId : null };
}

/** The rendered `error` event. */
export function renderErrorEvent({ raised, clientEventId, ...event }: UnsentError & { event_id: string }) {
  const { type, code, message, param } = raised;
  return { type: event.type, error: { type, code, message, param, event_id: clientEventId }, event_id: event.event_id };
}

const missingItem = (operation: 'truncating' | 'deleting' | 'retrieving', code: string) => (itemId: string) =>
  new WireError(`Error ${operation} item: the item with id '${itemId}' does not exist.`, { code });

const closing = { request: 4000, expired: 1001, policy: 1008, internal: 1011, gateway: 1014 } as const;

export const wireErrors = {
  // ---- The frame ----
  invalidJson: (detail: string) =>
    new WireError(`Invalid event: failed to parse JSON value. ${detail}`, { code: 'invalid_json' }),
  binaryFrame: () =>
    new WireError('Expected a text WebSocket message; binary frames are not supported.', { code: 'invalid_event' }),
  notAnObject: () => new WireError('Invalid event: expected a JSON object.', { code: 'invalid_event' }),
  tooDeep: (limit: number) =>
    new WireError(`Invalid event: nested more than ${limit} levels deep.`, { code: 'invalid_event' }),
  tooManyValues: (limit: number) =>
    new WireError(`Invalid event: more than ${limit} values.`, { code: 'invalid_event' }),
  missingType: () => new WireError("The 'type' field is missing.", { code: 'invalid_event' }),

  // ---- Its fields ----
  invalidValue: (param: string, value: unknown, supported: readonly string[]) =>
    new WireError(
      `Invalid value: ${describeValue(value)}. ${supported.length === 1 ? 'Value must be' : 'Supported values are:'} ${quotedList(supported)}.`,
      { code: 'invalid_value', param },
    ),
  /** `pattern`: a regular expression without its slashes. */
  patternMismatch: (param: string, pattern: string) =>
    new WireError(
      (field) =>
        `Invalid '${field}': string does not match pattern. Expected a string that matches the pattern '${pattern}'.`,
      { code: 'invalid_value', param },
    ),
  /** `problem` is a clause without a full stop. */
  invalid: (param: string, problem: string) =>
    new WireError((field) => `Invalid '${field}': ${problem}.`, { code: 'invalid_value', param }),
  /** `hint` follows the hosted text: a suggestion. */
  unknownParameter: (param: string, hint?: string) =>
    new WireError(`Unknown parameter: '${param}'.${hint ? ` ${hint}` : ''}`, {
      code: 'unknown_parameter',
      param,
      asSent: true,
    }),
  missingParameter: (param: string) =>
    new WireError((field) => `Missing required parameter: '${field}'.`, { code: 'missing_required_parameter', param }),
  invalidType: (param: string, expected: string, got: string) =>
    new WireError((field) => `Invalid type for '${field}': expected ${expected}, but got ${got} instead.`, {
      code: 'invalid_type',
      param,
    }),
  invalidModalities: (param: string, given: readonly unknown[], combinations: readonly (readonly string[])[]) =>
    new WireError(
      `Invalid modalities: ${pythonList(given)}. Supported combinations are: ${combinations.map(pythonList).join(' and ')}.`,
      { code: 'invalid_value', param },
    ),
  outOfRange: (
    param: string,
    bound: { kind: 'integer' | 'decimal'; side: 'min' | 'max'; limit: number; got: number },
  ) => {
    const [side, sign] = bound.side === 'min' ? ['below minimum', '>='] : ['above maximum', '<='];
    return new WireError(
      (field) =>
        `Invalid '${field}': ${bound.kind} ${side} value. Expected a value ${sign} ${bound.limit}, but got ${bound.got} instead.`,
      { code: `${bound.kind}_${bound.side === 'min' ? 'below_min' : 'above_max'}_value`, param },
    );
  },
  wrongLength: (
    param: string,
    bound: { kind: 'string' | 'array'; side: 'min' | 'max'; limit: number; got: number },
  ) => {
    const article = bound.kind === 'array' ? 'an array' : 'a string';
    const [adjective, extreme, suffix] =
      bound.side === 'min' ? ['short', 'minimum', 'below_min'] : ['long', 'maximum', 'above_max'];
    return new WireError(
      (field) =>
        `Invalid '${field}': ${bound.kind} too ${adjective}. Expected ${article} with ${extreme} length ${bound.limit}, but got ${article} with length ${bound.got} instead.`,
      { code: `${bound.kind}_${suffix}_length`, param },
    );
  },
  tooManyBytes: (param: string, limit: number, got: number) =>
    new WireError(
      (field) => `Invalid '${field}': too many bytes. Expected at most ${limit} bytes, but got ${got} bytes instead.`,
      { code: 'above_max_bytes', param },
    ),
  tooManyProperties: (param: string, limit: number, got: number) =>
    new WireError(
      (field) =>
        `Invalid '${field}': too many properties. Expected an object with at most ${limit} properties, but got an object with ${got} properties instead.`,
      { code: 'object_above_max_properties', param },
    ),

  // ---- Responses ----
  activeResponse: (responseId: string) =>
    new WireError(
      `Conversation already has an active response in progress: ${responseId}. Wait until the response is finished before creating a new one.`,
      { code: 'conversation_already_has_active_response' },
    ),
  cancelNotActive: () =>
    new WireError('Cancellation failed: no active response found', { code: 'response_cancel_not_active' }),

  tooManyResponses: (limit: number) =>
    new WireError(`At most ${limit} responses outside the conversation can run at once. Wait until one is done.`, {
      code: 'too_many_active_responses',
    }),
  tooManyResponsesPerMinute: (limit: number, waitMs: number) =>
    new WireError(
      `Rate limit reached: a session may create ${limit} responses per minute. Try again in ${Math.ceil(waitMs / 100) / 10} s.`,
      { code: 'rate_limit_exceeded' },
    ),
  shuttingDown: () =>
    new WireError('The server is shutting down and does not start new responses.', {
      type: 'server_error',
      code: 'server_shutting_down',
    }),

  // ---- Audio ----
  commitEmpty: (bufferedMs: number) =>
    new WireError(
      `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`,
      { code: 'input_audio_buffer_commit_empty' },
    ),
  badAudio: (format: string, problem: string) =>
    new WireError(
      (field) => `Invalid '${field}'. Expected base64-encoded audio bytes (${format}) but got ${problem}.`,
      {
        code: 'invalid_value',
        param: 'audio',
      },
    ),
  noOutputBuffer: () =>
    new WireError(
      "'output_audio_buffer.clear' is for WebRTC and telephone connections. Over a WebSocket the client holds the audio: stop its playback, and send 'response.cancel' and 'conversation.item.truncate'.",
      { code: 'invalid_value', param: 'type' },
    ),
  inputBufferFull: (limitMs: number) =>
    new WireError(
      `The input audio buffer is full: it holds at most ${limitMs / 1000} s of audio. Commit or clear it before appending more.`,
      { code: 'input_audio_buffer_full', param: 'audio' },
    ),

  serverAudioFull: () =>
    new WireError(
      'The server cannot store more audio. This append was refused: commit or clear the input audio buffer, or try again later.',
      { type: 'server_error', code: 'server_audio_full', param: 'audio' },
    ),

  // ---- Items ----
  truncateUnknownItem: missingItem('truncating', 'item_truncate_invalid_item_id'),
  deleteUnknownItem: missingItem('deleting', 'item_delete_invalid_item_id'),
  retrieveUnknownItem: missingItem('retrieving', 'item_retrieve_invalid_item_id'),
  previousItemUnknown: (itemId: string) =>
    new WireError(`Error adding item: the previous item with id '${itemId}' does not exist.`, {
      code: 'item_create_invalid_previous_item_id',
    }),
  duplicateItem: (itemId: string) =>
    new WireError(`Error adding item: an item with id '${itemId}' already exists.`, {
      code: 'invalid_value',
      param: 'item.id',
    }),
  itemNamedRoot: (param: string) => wireErrors.invalid(param, "'root' is not a name for an item"),
  unknownReference: (param: string, itemId: string) =>
    new WireError(`Item with id '${itemId}' not found in the conversation.`, { code: 'invalid_value', param }),
  unknownCall: (callId: string) =>
    new WireError(`Tool call ID '${callId}' not found in conversation.`, { code: 'invalid_tool_call_id' }),
  callNotInInput: (param: string, callId: string) =>
    new WireError(
      `Tool call ID '${callId}' not found in 'response.input', which is the whole context of the response. Put the function call there too, or an item_reference to it; or add its output to the conversation with 'conversation.item.create'.`,
      { code: 'invalid_tool_call_id', param },
    ),
  tooManyItems: (limit: number) =>
    new WireError(`The conversation is full: it holds at most ${limit} items. Delete some before adding more.`, {
      code: 'conversation_full',
    }),
  tooManyCharacters: (limit: number) =>
    new WireError(
      `The conversation is full: its items hold at most ${limit} characters of text, images and arguments. Delete some before adding more.`,
      { code: 'conversation_full' },
    ),
  inputTooLarge: (limit: number) =>
    new WireError(
      (field) =>
        `Invalid '${field}': its items have more than ${limit} characters of text, images and arguments, with repeated items counted each time. Leave some out.`,
      { code: 'context_too_large', param: 'response.input' },
    ),
  truncateWrongContent: () =>
    new WireError('Only model output audio messages can be truncated', { code: 'unsupported_content_type' }),
  truncateBeyondAudio: (audioMs: number, requestedMs: number) =>
    new WireError(`Audio content of ${audioMs}ms is already shorter than ${requestedMs}ms`, {
      code: 'invalid_value',
      unattributed: true,
    }),

  // ---- The session ----
  notInSession: (event: string, sessionType: string) =>
    new WireError(`'${event}' is not supported in ${sessionType} sessions: they create no responses.`, {
      code: 'invalid_value',
      param: 'type',
    }),
  /** `parameters` is not a schema of an object. */
  badToolParameters: (param: string, { name, parameters }: { name: string; parameters: unknown }) => {
    const type: unknown = Reflect.get(Object(parameters), 'type');
    const got = typeof type === 'string' ? shorten(type, 80) : 'None';
    return new WireError(
      `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: "${got}"'.`,
      { code: 'invalid_function_parameters', param },
    );
  },
  unknownTool: (param: string, name: string) =>
    new WireError(`Tool choice '${name}' not found in 'tools' parameter.`, { code: 'invalid_value', param }),
  turnDetectionUnsupported: () =>
    new WireError('Turn detection is not supported for this transcription model.', {
      code: 'invalid_value',
      param: 'session.audio.input.turn_detection',
    }),
  unknownPrompt: (param: string, promptId: string) =>
    new WireError(
      `Prompt with id '${promptId}' not found. The configuration of this server defines the available prompts.`,
      {
        code: 'invalid_value',
        param,
      },
    ),
  unknownPromptVersion: (param: string, promptId: string, version: string) =>
    new WireError(`Version '${version}' of the prompt with id '${promptId}' not found.`, {
      code: 'invalid_value',
      param,
    }),
  cannotUpdateVoice: () =>
    new WireError("Cannot update a conversation's voice if assistant audio is present.", {
      code: 'cannot_update_voice',
    }),
  speedWhileResponding: () =>
    new WireError('Speed can only be changed between responses, not while one is in progress.', {
      code: 'invalid_value',
      param: 'session.audio.output.speed',
    }),
  tracingFixed: () =>
    new WireError('Tracing configuration cannot be changed once it is set.', {
      code: 'invalid_value',
      param: 'session.tracing',
    }),
  parameterLocked: (param: string) =>
    new WireError((field) => `Cannot change '${field}': it is locked by the client secret of this session.`, {
      code: 'parameter_locked',
      param,
    }),
  sessionTypeMismatch: (updateType: string, sessionType: string) =>
    new WireError(`Passing a ${updateType} session update event to a ${sessionType} session is not allowed.`, {
      code: 'invalid_parameter',
      param: 'session.type',
    }),
  stageFailed: (code: string, message: string) => new WireError(message, { type: 'server_error', code }),
  overloaded: () =>
    new WireError('The server is busy with other large messages. This one was dropped; send it again later.', {
      type: 'server_error',
      code: 'overloaded',
    }),
  internal: (what: string) =>
    new WireError(`The server had an error while ${what}. The session continues; the server's log has the details.`, {
      type: 'server_error',
      code: 'internal_error',
    }),

  // ---- Connecting: these end the connection ----
  missingModel: (example: string) =>
    new WireError(`You must provide a model parameter, for example ${example}`, {
      code: 'missing_model',
      closeCode: closing.request,
    }),
  modelForTranscription: () =>
    new WireError('You must not provide a model parameter for transcription sessions.', {
      code: 'invalid_parameter',
      param: 'model',
      closeCode: closing.request,
    }),
  unknownIntent: (intent: string) =>
    new WireError(`Invalid intent: ${describeValue(intent)}. Value must be 'transcription'.`, {
      code: 'invalid_intent',
      closeCode: closing.request,
    }),
  unknownModel: (model: string) =>
    new WireError(`Model "${model}" is not supported in realtime mode.`, {
      code: 'invalid_model',
      closeCode: closing.request,
    }),
  sessionNotOpened: () =>
    new WireError("The server had an error while opening the session. The server's log has the details. Try again.", {
      type: 'server_error',
      code: 'internal_error',
      closeCode: closing.internal,
    }),
  sessionExpired: (maxSeconds: number) => {
    const text = `Your session hit the maximum duration of ${spokenDuration(maxSeconds)}.`;
    return new WireError(text, { code: 'session_expired', closeCode: closing.expired, closeReason: text });
  },
  sessionIdle: (idleSeconds: number) =>
    new WireError(
      `Your session was idle for ${spokenDuration(idleSeconds)}: no client sent an event and no response was running.`,
      { code: 'session_idle', closeCode: closing.expired },
    ),
  messageTimeout: (limitMs: number) =>
    new WireError(`A message must be complete within ${spokenDuration(limitMs / 1000)} of its first byte.`, {
      code: 'message_timeout',
      closeCode: closing.policy,
    }),

  // ---- A session that is relayed to another endpoint ----
  /** `problem` follows "it" and contains neither keys nor URLs. */
  upstreamUnavailable: (name: string, problem: string) =>
    new WireError(`The upstream '${name}' is unavailable: it ${problem}.`, {
      type: 'server_error',
      code: 'upstream_unavailable',
      closeCode: closing.gateway,
    }),
  spendingRefused: (message: string) => new WireError(message, { code: 'rate_limit_exceeded' }),

  // ---- The connection ----
  tooManyEvents: (perSecond: number) =>
    new WireError(
      `Rate limit reached: a connection may send ${perSecond} events per second. Further events are read more slowly; none is lost.`,
      { code: 'rate_limit_exceeded' },
    ),
};
