/** The settings of the page: stored in the browser, secrets only for this tab. */

import { parseStored, readStored, writeStored } from '../stored.js';
import { isObject, valueAt } from './json.js';
import { joinSecrets, splitSecrets } from './secrets.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./dialect.js').Dialect} Dialect */
/** @typedef {'websocket' | 'webrtc'} Transport */
/** @typedef {'server_vad' | 'semantic_vad' | 'push_to_talk'} TurnMode */
/**
 * The settings that a link contains.
 * @typedef {object} SharedSettings
 * @property {JsonObject} session of `session.update`, in GA form, also with fields that the page does not know
 * @property {string} functions JavaScript that declares functions; calls of others are answered by hand
 * @property {Transport} transport
 * @property {Dialect} dialect
 * @property {string} model
 */
/** @typedef {SharedSettings & { apiKey: string }} Settings */

const storageKey = 'parley.settings';
const apiKeyKey = 'parley.api-key';
/** Those of MCP servers. */
const secretsKey = 'parley.secrets';
/** Settings that came with a link, or from an opened session: for this tab only. */
const borrowedKey = 'parley.settings.borrowed';
/** Also in memory: the browser may not store them. */
let borrowsSettings = readStored('sessionStorage', borrowedKey) !== null;

/** @type {Settings} */
const defaultSettings = {
  session: {
    type: 'realtime',
    audio: {
      input: {
        // This model has words during speech (docs/protocol.md, R3.73).
        transcription: { model: 'gpt-realtime-whisper' },
        turn_detection: { type: 'server_vad', silence_duration_ms: 500 },
      },
    },
  },
  functions: '',
  transport: 'webrtc',
  dialect: 'ga',
  model: 'gpt-realtime',
  apiKey: '',
};

/**
 * The stored settings; missing or invalid values are replaced by defaults.
 * @returns {Settings}
 */
export function loadSettings() {
  const apiKey = readStored('sessionStorage', apiKeyKey) ?? '';
  const borrowed = readStored('sessionStorage', borrowedKey);
  if (borrowed !== null) return { ...asSettings(parseStored(borrowed)), apiKey };
  const settings = asSettings(parseStored(readStored('localStorage', storageKey)));
  const { servers } = parseStored(readStored('sessionStorage', secretsKey));
  return { ...settings, session: joinSecrets(settings.session, Array.isArray(servers) ? servers : []), apiKey };
}

/** Whether the settings of this tab came with a link or from an opened session. */
export function areBorrowed() {
  return borrowsSettings;
}

/**
 * @param {Settings} settings
 * @param {{ borrowed: boolean }} where borrowed settings do not replace the user's own, and get no secrets of theirs
 */
export function saveSettings({ apiKey, ...settings }, { borrowed }) {
  const { session, secrets } = splitSecrets(settings.session);
  borrowsSettings = borrowed;
  writeStored('sessionStorage', apiKeyKey, apiKey);
  if (borrowed) return writeStored('sessionStorage', borrowedKey, JSON.stringify(settings));
  writeStored('localStorage', storageKey, JSON.stringify({ ...settings, session }));
  writeStored('sessionStorage', secretsKey, JSON.stringify({ servers: secrets }));
}

/** Drops borrowed settings: the user's own are loaded again. */
export function dropBorrowed() {
  borrowsSettings = false;
  writeStored('sessionStorage', borrowedKey, '');
}

/**
 * @param {JsonObject} value
 * @returns {SharedSettings}
 */
function asSettings({ session, functions, transport, dialect, model }) {
  return {
    session: isObject(session) ? session : defaultSettings.session,
    functions: typeof functions === 'string' ? functions : '',
    transport: transport === 'websocket' ? transport : 'webrtc',
    dialect: dialect === 'beta' ? dialect : 'ga',
    model: typeof model === 'string' && model !== '' ? model : defaultSettings.model,
  };
}

/**
 * @param {JsonObject} session
 * @returns {TurnMode}
 */
export function turnModeOf(session) {
  const detection = valueAt(session, 'audio.input.turn_detection');
  if (detection === null) return 'push_to_talk';
  return valueAt(detection, 'type') === 'semantic_vad' ? 'semantic_vad' : 'server_vad';
}

/**
 * Whether the server answers a turn by itself.
 * @param {Settings} settings
 */
export function answersTurns({ session }) {
  return valueAt(session, 'audio.input.turn_detection.create_response') !== false;
}

/**
 * Whether speech interrupts an answer.
 * @param {Settings} settings
 */
export function speechInterrupts({ session }) {
  return valueAt(session, 'audio.input.turn_detection.interrupt_response') !== false;
}

/**
 * Silence that ends any turn.
 * @param {Settings} settings
 * @returns {number} milliseconds
 */
export function closingSilenceMs({ session }) {
  // The maximum wait of semantic_vad at low eagerness is 8 s.
  return turnModeOf(session) === 'semantic_vad' ? 8500 : silenceMs(session) + 500;
}

/** The silence that Parley's semantic_vad waits for after a finished sentence, by eagerness; the ledger has the actual one. */
const semanticSilenceMs = new Map([
  ['high', 250],
  ['low', 600],
]);

/**
 * Silence that the server waits for before it ends a turn.
 * @param {Settings} settings
 * @returns {number} milliseconds
 */
export function policySilenceMs({ session }) {
  const mode = turnModeOf(session);
  if (mode === 'push_to_talk') return 0;
  if (mode === 'server_vad') return silenceMs(session);
  return semanticSilenceMs.get(String(valueAt(session, 'audio.input.turn_detection.eagerness'))) ?? 400;
}

/** @param {JsonObject} session */
function silenceMs(session) {
  const value = valueAt(session, 'audio.input.turn_detection.silence_duration_ms');
  return typeof value === 'number' ? value : 500;
}
