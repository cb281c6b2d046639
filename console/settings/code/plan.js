/** The parts of a program that the languages share. */

import { toDialect } from '../dialect.js';
import { isObject, valueAt } from '../json.js';
import { isMcp } from '../secrets.js';
import { EnvironmentVariable } from './literal.js';

/** @typedef {import('../json.js').JsonObject} JsonObject */
/** @typedef {import('../settings.js').SharedSettings} SharedSettings */
/**
 * @typedef {object} Place
 * @property {string} page address of the console, whose server has the API
 * @property {boolean} requiresKey
 * @property {boolean} [isBorrowed] the settings came with a link or a saved session
 */
/**
 * @typedef {object} Plan
 * @property {URL} base the address of the API
 * @property {boolean} isPlain without TLS
 * @property {boolean} acceptsCertificate TLS on this machine, usually with a self-signed certificate
 * @property {boolean} requiresKey
 * @property {boolean} isBeta
 * @property {string} model
 * @property {'server' | 'response' | 'client'} endsTurns the server ends turns and answers; the client requests answers; it also ends turns
 * @property {JsonObject} session as it is sent; its secrets are environment variables
 * @property {string[]} variables the names of those
 * @property {number} servers MCP servers
 * @property {string[]} functions names of functions that the code declares
 * @property {string} code JavaScript that declares functions
 * @property {boolean} isBorrowed
 * @property {{ text: string, transcript: string }} deltas types of events
 */

/**
 * @param {SharedSettings} settings
 * @param {Place} place
 * @returns {Plan}
 */
export function planOf({ session, functions: code, dialect, model }, { page, requiresKey, isBorrowed = false }) {
  const base = new URL('v1', page);
  const isBeta = dialect === 'beta';
  /** @type {string[]} */
  const variables = [];
  const tools = Array.isArray(session.tools) ? session.tools : [];
  const readable = {
    ...session,
    ...(Array.isArray(session.tools) && { tools: tools.map((tool) => withVariables(tool, variables)) }),
  };
  return {
    base,
    isPlain: base.protocol === 'http:',
    acceptsCertificate: base.protocol === 'https:' && /^(localhost|127\..*|\[::1\])$/.test(base.hostname),
    requiresKey,
    isBeta,
    model,
    endsTurns: endsTurnsOf(session),
    session: toDialect(readable, dialect),
    variables,
    servers: tools.filter(isMcp).length,
    functions: declared(code, tools),
    code: code.trim(),
    isBorrowed,
    deltas: isBeta
      ? { text: 'response.text.delta', transcript: 'response.audio_transcript.delta' }
      : { text: 'response.output_text.delta', transcript: 'response.output_audio_transcript.delta' },
  };
}

/** @param {JsonObject} session @returns {Plan['endsTurns']} */
function endsTurnsOf(session) {
  const detection = valueAt(session, 'audio.input.turn_detection');
  if (detection === null) return 'client';
  return valueAt(detection, 'create_response') === false ? 'response' : 'server';
}

/**
 * @param {unknown} tool
 * @param {string[]} variables that are added
 */
function withVariables(tool, variables) {
  if (!isMcp(tool)) return tool;
  const { authorization, headers, ...server } = tool;
  const variable = (/** @type {string} */ name) => {
    const clean = `${server.server_label}_${name}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    const first = /^[A-Z]/.test(clean) ? clean : `MCP_${clean}`;
    let full = first;
    for (let i = 2; variables.includes(full); i++) full = `${first}_${i}`;
    variables.push(full);
    return new EnvironmentVariable(full);
  };
  return {
    ...server,
    ...(authorization !== undefined && { authorization: variable('authorization') }),
    ...(isObject(headers) && {
      headers: Object.fromEntries(Object.keys(headers).map((name) => [name, variable(name)])),
    }),
  };
}

/**
 * Functions of tools that the code declares.
 * @param {string} code
 * @param {unknown[]} tools
 * @returns {string[]}
 */
function declared(code, tools) {
  const names = tools.flatMap((tool) => (isObject(tool) && !isMcp(tool) ? [String(tool.name)] : []));
  // The name is looked at only, because "function" in a comment may precede a declaration.
  const declarations = code.matchAll(/\b(?:function\b[\s*]*|(?:const|let|var|class)\s+)(?=([A-Za-z_]\w*))/g);
  const all = new Set(Array.from(declarations, ([, name]) => name));
  return names.filter((name) => all.has(name));
}
