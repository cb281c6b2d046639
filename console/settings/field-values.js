/** The text of a field's input, from a session and back. */

import { valueAt, withValue } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./fields.js').Field} Field */

/**
 * @param {Field} field
 * @param {JsonObject} session
 * @returns {string} empty if the session has no such value
 */
export function readField({ path, kind, read }, session) {
  if (read) return read(session);
  const value = valueAt(session, path);
  if (kind === 'lines') return Array.isArray(value) ? value.join('\n') : '';
  return typeof value === (kind === 'number' ? 'number' : 'string') ? String(value) : '';
}

/**
 * @param {Field} field
 * @param {JsonObject} session
 * @param {string} text empty removes the value
 * @returns {JsonObject}
 */
export function writeField({ path, kind, write }, session, text) {
  if (write) return write(session, text);
  if (text === '') return withValue(session, path, undefined);
  if (kind === 'number') return withValue(session, path, Number(text));
  if (kind === 'text') return withValue(session, path, text);
  const lines = text.split('\n').map((line) => line.trim());
  const filled = lines.filter((line) => line !== '');
  return withValue(session, path, filled);
}

/**
 * @param {Field} field
 * @param {string} text
 * @returns {string} what is wrong with a number, and what to do; empty if nothing is
 */
export function numberProblem({ min = -Infinity, max = Infinity, fractional, unit }, text) {
  const value = Number(text);
  if (text === '' || (value >= min && value <= max && (fractional || Number.isInteger(value)))) return '';
  const range = `${fractional ? '' : 'whole '}number from ${min} to ${max}${unit ? ` ${unit}` : ''}`;
  return `Enter a ${range}, or nothing for the default.`;
}
