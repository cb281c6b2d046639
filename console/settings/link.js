/**
 * Settings as the fragment of a link: JSON, compressed (deflate), in base64url. A link has no secrets, and what it has
 * is checked before anything is done with it.
 */

import { problemOf } from './check.js';
import { isObject, valueAt } from './json.js';
import { bareAddress, isMcp, splitSecrets } from './secrets.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./settings.js').SharedSettings} SharedSettings */

/** The link cannot be made or opened; the message says why, and what to do. */
export class LinkError extends Error {}

const prefix = '#settings=';
const version = 1;
/** Characters of the fragment. */
const maxEncoded = 65_536;
/** Bytes of its JSON. */
const maxBytes = 262_144;
const maxDepth = 32;
const maxValues = 10_000;

const damaged = 'The link is damaged or incomplete. Copy it again, to its end.';

/**
 * @param {SharedSettings} settings
 * @param {string} page address of the page
 * @returns {Promise<{ url: string, omitted: string[] }>} `omitted` names the secrets that are not in the link
 * @throws {LinkError} if it could not be opened
 */
export async function formatLink({ session, functions, transport, dialect, model }, page) {
  const { shared, omitted } = withoutSecrets(session);
  const content = { version, model, transport, dialect, functions, session: shared };
  asShared(content);
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  if (bytes.length > maxBytes) throw new LinkError('The settings are too long for a link. Copy the JSON instead.');
  const packed = await collect(stream(bytes, new CompressionStream('deflate')), maxBytes);
  const url = new URL(page);
  url.search = '';
  url.hash = prefix + toBase64(packed);
  if (url.hash.length > maxEncoded) throw new LinkError('The settings are too long for a link. Copy the JSON instead.');
  return { url: url.href, omitted };
}

/**
 * @param {string} hash of an address
 * @returns {Promise<SharedSettings | null>} null if it has no settings
 * @throws {LinkError}
 */
export async function parseLink(hash) {
  if (!hash.startsWith(prefix)) return null;
  if (hash.length > maxEncoded) throw new LinkError('The link is too long to be one of this page.');
  const content = await unpack(hash.slice(prefix.length));
  if (!isObject(content)) throw new LinkError(damaged);
  if (content.version !== version)
    throw new LinkError('The link was made by another version of this page. Ask for a new one.');
  return asShared(content);
}

/** @param {string} text @returns {Promise<unknown>} */
async function unpack(text) {
  try {
    const bytes = await collect(stream(fromBase64(text), new DecompressionStream('deflate')), maxBytes);
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw error instanceof LinkError ? error : new LinkError(damaged);
  }
}

/**
 * Checks settings from elsewhere.
 * @param {JsonObject} value
 * @returns {SharedSettings}
 * @throws {LinkError}
 */
export function asShared(value) {
  measure(value);
  const { session, functions, transport, dialect, model } = value;
  const isValid =
    isObject(session) &&
    typeof functions === 'string' &&
    (transport === 'websocket' || transport === 'webrtc') &&
    (dialect === 'ga' || dialect === 'beta') &&
    typeof model === 'string' &&
    model.length > 0;
  if (!isValid) throw new LinkError('The settings are incomplete, or have a field of another type.');
  if (model.length > 256) throw new LinkError('The name of the model is too long: at most 256 characters.');
  const problem = problemOf(session);
  if (problem !== '') throw new LinkError(`The settings are not valid: ${problem}`);
  if (splitSecrets(session).secrets.length > 0)
    throw new LinkError('The settings contain the secrets of an MCP server, which they must not. They are not used.');
  return { session, functions, transport, dialect, model };
}

/** @param {unknown} root @throws {LinkError} if it is too large, or has a key that no settings have */
function measure(root) {
  let level = [root];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length;
    if (depth > maxDepth || values > maxValues)
      throw new LinkError('The settings are too complex: at most 10,000 values on 32 levels.');
    level = level.flatMap((value) => {
      if (typeof value !== 'object' || value === null) return [];
      if (Object.hasOwn(value, '__proto__'))
        throw new LinkError('The settings have a field __proto__, which they must not.');
      return Object.values(value);
    });
  }
}

/**
 * The session without the secrets of its MCP servers, which may also be in the query of an address.
 * @param {JsonObject} session
 */
function withoutSecrets(session) {
  const { session: shared, secrets } = splitSecrets(session);
  const omitted = secrets.map(({ label }) => `the authorization of ${String(label)}`);
  const { tools } = shared;
  if (!Array.isArray(tools)) return { shared, omitted };
  const cleaned = tools.map((tool) => {
    const address = isMcp(tool) ? valueAt(tool, 'server_url') : undefined;
    if (typeof address !== 'string') return tool;
    const bare = bareAddress(address);
    if (bare !== address) omitted.push(`the user name, password and query in the address of ${tool.server_label}`);
    return { ...tool, server_url: bare };
  });
  return { shared: { ...shared, tools: cleaned }, omitted };
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {CompressionStream | DecompressionStream} transform
 */
function stream(bytes, transform) {
  return new Blob([bytes]).stream().pipeThrough(transform);
}

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} source
 * @param {number} maxLength a few compressed bytes can become gigabytes
 * @throws {LinkError}
 */
async function collect(source, maxLength) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  let length = 0;
  const reader = source.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    length += value.length;
    if (length > maxLength) {
      await reader.cancel();
      throw new LinkError('The settings of the link are too long.');
    }
    chunks.push(value);
  }
}
