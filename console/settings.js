/** The user's settings: stored in the browser (the key only for this tab), and converted to updates of the session. */

import { parseStored, readStored, writeStored } from './stored.js';

/** @typedef {import('../src/protocol/wire/session-config.ts').RealtimeUpdate} SessionUpdate */
/** @typedef {import('../src/protocol/wire/session-config.ts').TurnDetection} TurnDetection */
/** @typedef {import('../src/protocol/wire/tools.ts').McpTool} McpTool */
/** @typedef {NonNullable<SessionUpdate['tools']>[number]} Tool */
/** @typedef {'server_vad' | 'semantic_vad' | 'push_to_talk'} TurnMode */
/** @typedef {'websocket' | 'webrtc'} Transport */
/** @typedef {'auto' | 'low' | 'medium' | 'high'} Eagerness */
/** @typedef {'always' | 'never'} Approval */
/**
 * @typedef {object} Settings
 * @property {string} voice
 * @property {string} instructions empty: those of the server
 * @property {string} mcpServers a label and an address, or a label, per line
 * @property {Approval} mcpApproval
 * @property {string} tools functions that the model can call: a JSON list, as in `session.tools`
 * @property {string} functions JavaScript that declares functions with these names; calls of others are answered by hand
 * @property {TurnMode} turnMode
 * @property {number} threshold
 * @property {number} silenceMs
 * @property {number} prefixMs
 * @property {Eagerness} eagerness
 * @property {Transport} transport
 * @property {string} model
 * @property {string} apiKey
 */

export const voices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar'];

const storageKey = 'parley.settings';
const secretKey = 'parley.api-key';

/** @type {Settings} */
const defaults = {
  voice: 'alloy',
  instructions: '',
  mcpServers: '',
  mcpApproval: 'always',
  tools: '',
  functions: '',
  turnMode: 'server_vad',
  threshold: 0.5,
  silenceMs: 500,
  prefixMs: 300,
  eagerness: 'auto',
  transport: 'webrtc',
  model: 'gpt-realtime',
  apiKey: '',
};

/**
 * The stored settings; missing or invalid values are replaced by defaults.
 * @returns {Settings}
 */
export function loadSettings() {
  const stored = parseStored(readStored('localStorage', storageKey));
  const settings = { ...defaults, apiKey: readStored('sessionStorage', secretKey) ?? '' };
  if (voices.includes(String(stored.voice))) settings.voice = String(stored.voice);
  for (const key of /** @type {const} */ (['instructions', 'mcpServers', 'tools', 'functions'])) {
    const value = stored[key];
    if (typeof value === 'string') settings[key] = value;
  }
  settings.mcpApproval = asApproval(stored.mcpApproval);
  if (typeof stored.model === 'string' && stored.model !== '') settings.model = stored.model;
  settings.turnMode = asTurnMode(stored.turnMode);
  settings.eagerness = asEagerness(stored.eagerness);
  settings.transport = asTransport(stored.transport);
  for (const key of /** @type {const} */ (['threshold', 'silenceMs', 'prefixMs'])) {
    const value = stored[key];
    if (typeof value === 'number' && Number.isFinite(value)) settings[key] = value;
  }
  return settings;
}

/** @param {Settings} settings */
export function saveSettings({ apiKey, ...settings }) {
  writeStored('localStorage', storageKey, JSON.stringify(settings));
  writeStored('sessionStorage', secretKey, apiKey);
}

/** @param {unknown} value @returns {TurnMode} */
export function asTurnMode(value) {
  return value === 'semantic_vad' || value === 'push_to_talk' ? value : 'server_vad';
}

/** @param {unknown} value @returns {Approval} */
export function asApproval(value) {
  return value === 'never' ? 'never' : 'always';
}

/** @param {unknown} value @returns {Eagerness} */
export function asEagerness(value) {
  return value === 'low' || value === 'medium' || value === 'high' ? value : 'auto';
}

/** @param {unknown} value @returns {Transport} */
export function asTransport(value) {
  return value === 'websocket' ? 'websocket' : 'webrtc';
}

/**
 * The first `session.update` of a connection.
 * @param {Settings} settings
 * @returns {SessionUpdate}
 */
export function fullUpdate(settings) {
  const tools = toolsOf(settings);
  const format = /** @type {const} */ ({ type: 'audio/pcm', rate: 24_000 });
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    ...(settings.instructions === '' ? {} : { instructions: settings.instructions }),
    ...(tools.length === 0 ? {} : { tools }),
    audio: {
      // This model has words during speech (docs/protocol.md, R3.73).
      input: { format, transcription: { model: 'gpt-realtime-whisper' }, turn_detection: turnDetection(settings) },
      output: { format, voice: settings.voice },
    },
  };
}

/**
 * The updates for a change, one per kind: the server refuses an update as a whole (for example a different voice after
 * audio), and the other changes must not be lost with it.
 * @param {Settings} before
 * @param {Settings} after
 * @returns {SessionUpdate[]}
 */
export function updatesFor(before, after) {
  /** @type {SessionUpdate[]} */
  const updates = [];
  if (after.instructions !== before.instructions) updates.push({ type: 'realtime', instructions: after.instructions });
  if (after.voice !== before.voice) updates.push({ type: 'realtime', audio: { output: { voice: after.voice } } });
  const tools = toolsOf(after);
  if (JSON.stringify(tools) !== JSON.stringify(toolsOf(before))) updates.push({ type: 'realtime', tools });
  const detection = turnDetection(after);
  if (JSON.stringify(detection) !== JSON.stringify(turnDetection(before))) {
    updates.push({ type: 'realtime', audio: { input: { turn_detection: detection } } });
  }
  return updates;
}

/**
 * Silence that ends any turn.
 * @param {Settings} settings
 * @returns {number} milliseconds
 */
export function closingSilenceMs({ turnMode, silenceMs }) {
  // The maximum wait of semantic_vad at low eagerness is 8 s.
  return turnMode === 'semantic_vad' ? 8500 : silenceMs + 500;
}

/** The silence that Parley's semantic_vad waits for after a finished sentence, by eagerness; the ledger has the actual one. */
const semanticSilenceMs = { high: 250, auto: 400, medium: 400, low: 600 };

/**
 * Silence that the server waits for before it ends a turn.
 * @param {Settings} settings
 * @returns {number} milliseconds
 */
export function policySilenceMs({ turnMode, silenceMs, eagerness }) {
  if (turnMode === 'push_to_talk') return 0;
  return turnMode === 'semantic_vad' ? semanticSilenceMs[eagerness] : silenceMs;
}

/**
 * @param {Settings} settings
 * @returns {Tool[]}
 */
function toolsOf(settings) {
  const { tools } = parseTools(settings.tools);
  return [...tools, ...mcpTools(settings)];
}

/**
 * @param {string} json
 * @returns {{ tools: Tool[], problem: string }} no tools if there is a problem; the server checks the fields
 */
export function parseTools(json) {
  if (json.trim() === '') return { tools: [], problem: '' };
  try {
    const value = JSON.parse(json);
    const list = Array.isArray(value) ? value : [value];
    const isTool = (/** @type {any} */ tool) => typeof tool?.name === 'string' && typeof tool !== 'string';
    if (!list.every(isTool)) return { tools: [], problem: 'Each tool is an object with a name.' };
    return { tools: list.map((tool) => ({ type: 'function', ...tool })), problem: '' };
  } catch (error) {
    return { tools: [], problem: `This is not JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/**
 * @param {Settings} settings
 * @returns {McpTool[]}
 */
function mcpTools({ mcpServers, mcpApproval }) {
  return mcpServers.split('\n').flatMap((line) => {
    const [label = '', address] = line.trim().split(/\s+/);
    if (label === '') return [];
    const place = address === undefined ? {} : { server_url: address };
    return { type: 'mcp', server_label: label, ...place, require_approval: mcpApproval };
  });
}

/**
 * @param {Settings} settings
 * @returns {TurnDetection | null}
 */
function turnDetection({ turnMode, threshold, silenceMs, prefixMs, eagerness }) {
  const answering = { create_response: true, interrupt_response: true };
  if (turnMode === 'push_to_talk') return null;
  if (turnMode === 'semantic_vad') return { type: 'semantic_vad', eagerness, ...answering };
  return {
    type: 'server_vad',
    threshold,
    prefix_padding_ms: prefixMs,
    silence_duration_ms: silenceMs,
    idle_timeout_ms: null,
    ...answering,
  };
}
