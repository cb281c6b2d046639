/** The fields of a session that have an input in the form. Others are edited as JSON. */

import { isObject, valueAt, withValue } from './json.js';
import { turnModeOf } from './settings.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./server-lists.js').ServerLists} ServerLists */
/** @typedef {{ value: string, label: string }} Option */
/**
 * @typedef {object} Field
 * @property {string} path of the field in the session; errors of the server name it
 * @property {string} label
 * @property {'choice' | 'number' | 'text' | 'lines'} kind
 * @property {string} [unit]
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [fractional] numbers need not be whole
 * @property {string} [hint]
 * @property {string} [placeholder]
 * @property {number} [rows] of a text of several lines
 * @property {(lists: ServerLists, session: JsonObject) => Option[]} [options]
 * @property {(session: JsonObject, dialect: import('./dialect.js').Dialect) => boolean} [isShown]
 * @property {(session: JsonObject) => string} [read]
 * @property {(session: JsonObject, text: string) => JsonObject} [write]
 */
/** @typedef {{ title: string, fields: Field[], more?: { title: string, fields: Field[] } }} Section */

const detection = 'audio.input.turn_detection';
const transcription = 'audio.input.transcription';
const noise = 'audio.input.noise_reduction';

/** @param {JsonObject} session */
const hasServerVad = (session) => turnModeOf(session) === 'server_vad';
/** @param {JsonObject} session */
const hasSemanticVad = (session) => turnModeOf(session) === 'semantic_vad';
/** @param {JsonObject} session */
const detectsTurns = (session) => turnModeOf(session) !== 'push_to_talk';
/** @param {JsonObject} session */
const transcribes = (session) => isObject(valueAt(session, transcription));
/** @param {JsonObject} session */
const reducesNoise = (session) => isObject(valueAt(session, noise));

/**
 * A choice of JSON values; the empty one leaves the field to the server.
 * @param {string} path
 * @param {string} label
 * @param {Record<string, string>} values JSON and its label
 * @returns {Field}
 */
function choice(path, label, values) {
  const options = Object.entries(values).map(([value, text]) => ({ value, label: text }));
  return {
    path,
    label,
    kind: 'choice',
    options: () => [{ value: '', label: 'Default' }, ...options],
    read: (session) => jsonAt(session, path),
    write: (session, text) => withValue(session, path, text === '' ? undefined : JSON.parse(text)),
  };
}

/**
 * @param {string} path
 * @param {string} label
 * @param {string} yes
 * @param {string} no
 */
const flag = (path, label, yes, no) => choice(path, label, { true: yes, false: no });

/** @type {Section[]} */
export const sections = [
  {
    title: 'Agent',
    fields: [
      {
        ...choice('audio.output.voice', 'Voice', {}),
        options: ({ voices }) => [
          { value: '', label: 'Default of the server' },
          ...voices.map((voice) => ({ value: JSON.stringify(voice), label: voice })),
        ],
      },
      {
        path: 'instructions',
        label: 'Instructions',
        kind: 'text',
        rows: 4,
        placeholder: 'As the server has them',
      },
    ],
    more: {
      title: 'More about answers',
      fields: [
        choice('output_modalities', 'Output', { '["audio"]': 'Speech', '["text"]': 'Text' }),
        {
          path: 'audio.output.speed',
          label: 'Speed of speech',
          kind: 'number',
          unit: '×',
          min: 0.25,
          max: 1.5,
          fractional: true,
          hint: 'Changes between responses only.',
        },
        {
          path: 'max_output_tokens',
          label: 'Maximum length of an answer',
          kind: 'number',
          unit: 'tokens',
          min: 1,
          max: 4096,
          placeholder: 'No limit',
        },
        choice('reasoning.effort', 'Reasoning', {
          '"minimal"': 'minimal',
          '"low"': 'low',
          '"medium"': 'medium',
          '"high"': 'high',
          '"xhigh"': 'xhigh',
        }),
        {
          path: 'temperature',
          label: 'Temperature',
          kind: 'number',
          min: 0.6,
          max: 1.2,
          fractional: true,
          isShown: (_session, dialect) => dialect === 'beta',
        },
        choice('truncation', 'When the context is full', {
          '"auto"': 'Drop the oldest items',
          '"disabled"': 'Fail the response',
        }),
      ],
    },
  },
  {
    title: 'Turns',
    fields: [
      {
        path: detection,
        label: 'End of turn',
        kind: 'choice',
        options: () => [
          { value: 'server_vad', label: 'Silence (server_vad)' },
          { value: 'semantic_vad', label: 'Meaning (semantic_vad)' },
          { value: 'push_to_talk', label: 'You: push to talk (null)' },
        ],
        read: turnModeOf,
        write: withTurnMode,
      },
      {
        path: `${detection}.silence_duration_ms`,
        label: 'Silence that ends a turn',
        kind: 'number',
        unit: 'ms',
        min: 0,
        max: 10_000,
        isShown: hasServerVad,
      },
      {
        ...choice(`${detection}.eagerness`, 'Eagerness to answer', {
          '"auto"': 'auto',
          '"low"': 'low: let me think',
          '"medium"': 'medium',
          '"high"': 'high: answer at once',
        }),
        isShown: hasSemanticVad,
      },
    ],
    more: {
      title: 'More about turns',
      fields: [
        {
          path: `${detection}.threshold`,
          label: 'Threshold of speech',
          kind: 'number',
          min: 0,
          max: 1,
          fractional: true,
          hint: '0 to 1. Raise it where there is noise.',
          isShown: hasServerVad,
        },
        {
          path: `${detection}.prefix_padding_ms`,
          label: 'Audio included from before speech',
          kind: 'number',
          unit: 'ms',
          min: 0,
          max: 5000,
          isShown: hasServerVad,
        },
        {
          path: `${detection}.idle_timeout_ms`,
          label: 'Idle timeout',
          kind: 'number',
          unit: 'ms',
          min: 5000,
          max: 30_000,
          placeholder: 'Never',
          isShown: hasServerVad,
        },
        {
          ...flag(`${detection}.create_response`, 'After a turn', 'Answer', 'Wait for response.create'),
          isShown: detectsTurns,
        },
        {
          ...flag(`${detection}.interrupt_response`, 'When you speak during an answer', 'Stop it', 'Let it continue'),
          isShown: detectsTurns,
        },
        {
          ...choice(noise, 'Noise reduction', {
            null: 'Off',
            '"near_field"': 'Near: headset or phone',
            '"far_field"': 'Far: laptop or room',
          }),
          read: (session) => jsonAt(session, reducesNoise(session) ? `${noise}.type` : noise),
          write(session, text) {
            if (text === '' || text === 'null') return withValue(session, noise, text === '' ? undefined : null);
            return withValue(session, `${noise}.type`, JSON.parse(text));
          },
        },
        {
          path: `${noise}.strength`,
          label: 'Strength of noise reduction',
          kind: 'number',
          min: 0,
          max: 1,
          fractional: true,
          isShown: reducesNoise,
        },
      ],
    },
  },
  {
    title: 'Transcripts',
    fields: [
      {
        path: transcription,
        label: 'Transcripts of what you say',
        kind: 'choice',
        options: () => [
          { value: 'on', label: 'On' },
          { value: '', label: 'Default' },
          { value: 'null', label: 'Off' },
        ],
        read: (session) => (transcribes(session) ? 'on' : jsonAt(session, transcription)),
        write(session, text) {
          if (text === 'on') return withValue(session, transcription, { model: 'gpt-realtime-whisper' });
          return withValue(session, transcription, text === '' ? undefined : null);
        },
      },
    ],
    more: {
      title: 'More about transcripts',
      fields: [
        {
          path: `${transcription}.model`,
          label: 'Transcription model',
          kind: 'text',
          options: ({ transcribers }) =>
            [...transcribers, 'gpt-realtime-whisper', 'gpt-4o-mini-transcribe'].map((value) => ({
              value,
              label: value,
            })),
          hint: 'gpt-realtime-whisper and gpt-live-transcribe send words while you speak.',
          isShown: transcribes,
        },
        {
          path: `${transcription}.language`,
          label: 'Language',
          kind: 'text',
          placeholder: 'Detected, or as the transcriber has it',
          hint: 'A code such as en.',
          isShown: transcribes,
        },
        {
          path: `${transcription}.prompt`,
          label: 'Prompt for the transcriber',
          kind: 'text',
          rows: 2,
          isShown: transcribes,
        },
        {
          path: `${transcription}.keywords`,
          label: 'Keywords',
          kind: 'lines',
          rows: 2,
          hint: 'One per line: names and terms that are spoken.',
          isShown: transcribes,
        },
        {
          ...choice(`${transcription}.delay`, 'Wait with words during speech', {
            '"minimal"': 'minimal',
            '"low"': 'low',
            '"medium"': 'medium',
            '"high"': 'high',
            '"xhigh"': 'xhigh',
          }),
          isShown: transcribes,
        },
      ],
    },
  },
];

/** How the model uses tools; shown below the editor of tools. @type {Field[]} */
export const toolFields = [
  {
    ...choice('tool_choice', 'Use of tools', {}),
    options: (_lists, { tools }) => [
      { value: '', label: 'Default' },
      { value: '"auto"', label: 'When the model wants (auto)' },
      { value: '"none"', label: 'Never (none)' },
      { value: '"required"', label: 'In each answer (required)' },
      ...(Array.isArray(tools) ? tools.filter(isObject) : []).map((tool) =>
        tool.type === 'mcp'
          ? {
              value: JSON.stringify({ type: 'mcp', server_label: tool.server_label }),
              label: `Only tools of ${tool.server_label}`,
            }
          : { value: JSON.stringify({ type: 'function', name: tool.name }), label: `Only ${tool.name}` },
      ),
    ],
  },
  flag('parallel_tool_calls', 'Several calls in one answer', 'Allowed', 'One at a time'),
];

/**
 * @param {JsonObject} session
 * @param {string} path
 * @returns {string} empty if there is no value
 */
function jsonAt(session, path) {
  const value = valueAt(session, path);
  return value === undefined ? '' : JSON.stringify(value);
}

/**
 * @param {JsonObject} session
 * @param {string} mode
 */
function withTurnMode(session, mode) {
  if (mode === 'push_to_talk') return withValue(session, detection, null);
  const before = valueAt(session, detection);
  const { create_response, interrupt_response } = isObject(before) ? before : {};
  return withValue(session, detection, {
    type: mode,
    ...(mode === 'server_vad' && { silence_duration_ms: 500 }),
    ...(create_response !== undefined && { create_response }),
    ...(interrupt_response !== undefined && { interrupt_response }),
  });
}
