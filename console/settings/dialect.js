/** The beta dialect (docs/protocol.md §6): a flat session, and other names of events. The page works with those of GA. */

import { isObject, valueAt, withValue } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {'ga' | 'beta'} Dialect */

/** @type {readonly (readonly [ga: string, beta: string])[]} */
const renamed = [
  ['output_modalities', 'modalities'],
  ['max_output_tokens', 'max_response_output_tokens'],
  ['audio.input.format', 'input_audio_format'],
  ['audio.input.transcription', 'input_audio_transcription'],
  ['audio.input.noise_reduction', 'input_audio_noise_reduction'],
  ['audio.input.turn_detection', 'turn_detection'],
  ['audio.output.format', 'output_audio_format'],
  ['audio.output.voice', 'voice'],
  ['audio.output.speed', 'speed'],
];

/** @type {readonly (readonly [ga: string, beta: string])[]} */
const formats = [
  ['audio/pcm', 'pcm16'],
  ['audio/pcmu', 'g711_ulaw'],
  ['audio/pcma', 'g711_alaw'],
];

/**
 * @param {JsonObject} session in GA form
 * @param {Dialect} dialect
 * @returns {JsonObject} as it is sent
 */
export function toDialect(session, dialect) {
  if (dialect === 'ga') return session;
  let { type: _type, ...beta } = session;
  for (const [gaPath, betaPath] of renamed) {
    const value = valueAt(session, gaPath);
    if (value === undefined) continue;
    beta = withValue(withValue(beta, gaPath, undefined), betaPath, toBetaValue(betaPath, value));
  }
  return beta;
}

/**
 * @param {JsonObject} session as it is sent, or received
 * @param {Dialect} dialect
 * @returns {JsonObject} in GA form
 */
export function fromDialect(session, dialect) {
  if (dialect === 'ga') return session;
  /** @type {JsonObject} */
  let ga = { type: 'realtime', ...session };
  for (const [gaPath, betaPath] of renamed) {
    if (!Object.hasOwn(session, betaPath)) continue;
    ga = withValue(withValue(ga, betaPath, undefined), gaPath, fromBetaValue(betaPath, session[betaPath]));
  }
  return ga;
}

/**
 * @param {string} param of an error, such as `session.turn_detection.threshold`
 * @returns {string} the path in a session of GA form, such as `audio.input.turn_detection.threshold`
 */
export function gaPathOf(param) {
  const path = param.replace(/^session\./, '').replaceAll(/\[(\d+)\]/g, '.$1');
  const [first = '', ...rest] = path.split('.');
  const ga = renamed.find(([, beta]) => beta === first)?.[0] ?? first;
  return [ga, ...rest].join('.');
}

/** @param {string} path @param {unknown} value */
function toBetaValue(path, value) {
  if (path === 'modalities') return Array.isArray(value) && value.includes('audio') ? ['text', 'audio'] : value;
  if (!path.endsWith('_format') || !isObject(value)) return value;
  return formats.find(([ga]) => ga === value.type)?.[1] ?? value;
}

/** @param {string} path @param {unknown} value */
function fromBetaValue(path, value) {
  if (path === 'modalities') return Array.isArray(value) && value.includes('audio') ? ['audio'] : value;
  if (!path.endsWith('_format')) return value;
  const type = formats.find(([, beta]) => beta === value)?.[0];
  if (type === undefined) return value;
  return type === 'audio/pcm' ? { type, rate: 24_000 } : { type };
}

/** @type {readonly (readonly [beta: RegExp, ga: string])[]} */
const renamedEvents = [
  [/^conversation\.item\.created$/, 'conversation.item.added'],
  [/^response\.(text|audio|audio_transcript)\.(delta|done)$/, 'response.output_$1.$2'],
];

/**
 * @template {{ type: string }} Event
 * @param {Event} event of the server, in either dialect
 * @returns {Event} with the names of GA; the same object if it has them
 */
export function toGaEvent(event) {
  if (event.type === 'session.created' || event.type === 'session.updated') {
    const session = /** @type {{ session?: unknown }} */ (event).session;
    return isObject(session) && !Object.hasOwn(session, 'audio')
      ? { ...event, session: fromDialect(session, 'beta') }
      : event;
  }
  if (event.type === 'response.function_call_arguments.done' && !Object.hasOwn(event, 'name'))
    return { ...event, name: '' };
  for (const [beta, ga] of renamedEvents)
    if (beta.test(event.type)) return { ...event, type: event.type.replace(beta, ga) };
  return event;
}
