/** Checks what the page itself requires of a session; the server checks the rest. */

import { isObject, valueAt } from './json.js';
import { hasMask, isMcp } from './secrets.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */

/**
 * @param {JsonObject} session in GA form
 * @returns {string} what is wrong and what to do; empty if nothing is
 */
export function problemOf(session) {
  if ((session.type ?? 'realtime') !== 'realtime')
    return 'session.type: this page opens realtime sessions. Enter "realtime", or leave it out.';
  for (const path of ['audio', 'audio.input', 'audio.output']) {
    const value = valueAt(session, path);
    if (value !== undefined && !isObject(value)) return `session.${path}: enter an object, such as {}.`;
  }
  for (const path of ['audio.input.format', 'audio.output.format']) {
    const format = valueAt(session, path);
    if (
      format !== undefined &&
      (valueAt(format, 'type') !== 'audio/pcm' || (valueAt(format, 'rate') ?? 24_000) !== 24_000)
    )
      return `session.${path}: this page sends and plays audio/pcm at 24000 Hz. Leave it out.`;
  }
  const { tools } = session;
  if (tools === undefined) return '';
  if (!Array.isArray(tools)) return 'session.tools: enter a list, such as [].';
  for (const [i, tool] of tools.entries()) {
    if (!isObject(tool)) return `session.tools[${i}]: enter an object with a type.`;
    if (isMcp(tool) && tool.server_url !== undefined && !isHttp(tool.server_url))
      return `session.tools[${i}].server_url: enter an address that starts with https:// or http://.`;
    if (hasMask(tool))
      return `session.tools[${i}]: enter its authorization and headers again, because they belong to another server.`;
  }
  return '';
}

/** @param {unknown} address */
function isHttp(address) {
  return typeof address === 'string' && URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
}

/** @param {string} name of a function */
export function nameProblem(name) {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(name) ? '' : 'Enter a name of letters, digits, _ and -, at most 64.';
}

/** @param {string} address of an MCP server */
export function addressProblem(address) {
  return address === '' || isHttp(address) ? '' : 'Enter an address that starts with https:// or http://, or none.';
}
