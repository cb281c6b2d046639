/** The JSON Schema of a function's parameters as rows of a form. */

import { isObject } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} type
 * @property {string} description
 * @property {boolean} required
 * @property {JsonObject} more keywords without a column
 */

export const types = ['string', 'number', 'integer', 'boolean', 'array', 'object'];

/**
 * @param {unknown} schema
 * @returns {Row[] | null} null if the schema is not an object with typed properties
 */
export function rowsOf(schema) {
  if (schema === undefined) return [];
  if (!isObject(schema) || schema.type !== 'object') return null;
  const { properties = {}, required = [] } = schema;
  if (!isObject(properties) || !Array.isArray(required)) return null;
  const rows = [];
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) return null;
    const { type, description = '', ...more } = property;
    if (typeof type !== 'string' || !types.includes(type) || typeof description !== 'string') return null;
    rows.push({ name, type, description, required: required.includes(name), more });
  }
  return rows;
}

/**
 * @param {Row[]} rows those without a name are left out
 * @param {unknown} before the schema that the rows came from, whose other keywords remain
 * @returns {JsonObject}
 */
export function schemaOf(rows, before) {
  const { properties: _properties, required: _required, ...rest } = isObject(before) ? before : {};
  const named = rows.filter(({ name }) => name !== '');
  const required = named.filter((row) => row.required).map(({ name }) => name);
  const properties = Object.fromEntries(
    named.map(({ name, type, description, more }) => [
      name,
      { type, ...(description !== '' && { description }), ...more },
    ]),
  );
  return { ...rest, type: 'object', properties, ...(required.length > 0 && { required }) };
}
