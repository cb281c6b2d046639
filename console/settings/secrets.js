/**
 * The secrets of MCP servers in a session: `authorization` and the values of `headers`. They are stored for this tab
 * only, and are neither shown nor recorded nor in links.
 */

import { isObject } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/**
 * The secrets of a server, which are only for its label and address, or connector, or tunnel.
 * @typedef {object} ServerSecrets
 * @property {unknown} label
 * @property {unknown} address
 * @property {unknown} [connector]
 * @property {unknown} [tunnel]
 * @property {unknown} [authorization]
 * @property {unknown} [headers]
 */

/** Stands for a secret where it would be shown. */
export const mask = '••••••••';

/**
 * @param {unknown} tool
 * @returns {tool is JsonObject & { type: 'mcp' }}
 */
export function isMcp(tool) {
  return isObject(tool) && tool.type === 'mcp';
}

/**
 * The session without its secrets, and those.
 * @param {JsonObject} session
 * @returns {{ session: JsonObject, secrets: ServerSecrets[] }}
 */
export function splitSecrets(session) {
  /** @type {ServerSecrets[]} */
  const secrets = [];
  const split = mapServers(session, ({ authorization, headers, ...server }) => {
    if (authorization !== undefined || headers !== undefined) {
      secrets.push({
        label: server.server_label,
        address: server.server_url,
        connector: server.connector_id,
        tunnel: server.tunnel_id,
        ...(authorization !== undefined && { authorization }),
        ...(headers !== undefined && { headers }),
      });
    }
    return server;
  });
  return { session: split, secrets };
}

/**
 * @param {JsonObject} session without secrets
 * @param {readonly ServerSecrets[]} secrets
 * @returns {JsonObject}
 */
export function joinSecrets(session, secrets) {
  return mapServers(session, (server) => {
    const { authorization, headers } = secretsOf(server, secrets) ?? {};
    return {
      ...server,
      ...(authorization !== undefined && { authorization }),
      ...(headers !== undefined && { headers }),
    };
  });
}

/**
 * @param {JsonObject} session
 * @returns {JsonObject} with the mask in place of each secret
 */
export function maskSecrets(session) {
  return mapServers(session, ({ authorization, headers, ...server }) => ({
    ...server,
    ...(authorization !== undefined && { authorization: mask }),
    ...(headers !== undefined && { headers: mapValues(headers, () => mask) }),
  }));
}

/**
 * The session as it is recorded: also without what may be secret in an address.
 * @param {JsonObject} session
 */
export function hideSecrets(session) {
  return mapServers(maskSecrets(session), (server) => ({
    ...server,
    ...(typeof server.server_url === 'string' && { server_url: bareAddress(server.server_url) }),
  }));
}

/** @param {string} address @returns {string} without user name, password, query and fragment; masked if it is no address */
export function bareAddress(address) {
  if (!URL.canParse(address)) return mask;
  const url = new URL(address);
  if (`${url.username}${url.password}${url.search}${url.hash}` === '') return address;
  url.username = url.password = url.search = url.hash = '';
  return url.href;
}

/**
 * Puts secrets back in place of masks.
 * @param {JsonObject} session
 * @param {JsonObject} before the session whose secrets were masked
 * @returns {JsonObject} a mask whose server had no such secret remains
 */
export function unmaskSecrets(session, before) {
  const { secrets } = splitSecrets(before);
  return mapServers(session, ({ authorization, headers, ...server }) => {
    const known = secretsOf(server, secrets);
    const ownHeaders = isObject(known?.headers) ? known.headers : {};
    const secret = authorization === mask ? (known?.authorization ?? mask) : authorization;
    return {
      ...server,
      ...(secret !== undefined && { authorization: secret }),
      ...(headers !== undefined && {
        headers: mapValues(headers, (value, name) => (value === mask ? (ownHeaders[name] ?? mask) : value)),
      }),
    };
  });
}

/** @param {unknown} server whether it has a mask in place of a secret */
export function hasMask(server) {
  if (!isMcp(server)) return false;
  return server.authorization === mask || (isObject(server.headers) && Object.values(server.headers).includes(mask));
}

/**
 * @param {JsonObject} server
 * @param {readonly ServerSecrets[]} secrets
 */
function secretsOf({ server_label, server_url, connector_id, tunnel_id }, secrets) {
  return secrets.find(
    ({ label, address, connector, tunnel }) =>
      label === server_label && address === server_url && connector === connector_id && tunnel === tunnel_id,
  );
}

/**
 * @param {JsonObject} session
 * @param {(server: JsonObject) => JsonObject} change
 * @returns {JsonObject}
 */
function mapServers(session, change) {
  if (!Array.isArray(session.tools)) return session;
  return { ...session, tools: session.tools.map((tool) => (isMcp(tool) ? change(tool) : tool)) };
}

/**
 * @param {unknown} object
 * @param {(value: unknown, key: string) => unknown} change
 */
function mapValues(object, change) {
  if (!isObject(object)) return object;
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}
