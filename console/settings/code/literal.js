/** JSON values as source code, with secrets read from the environment. */

/** @typedef {import('../json.js').JsonObject} JsonObject */

/** Stands for an environment variable in a value. */
export class EnvironmentVariable {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }
}

/**
 * @typedef {object} Syntax
 * @property {string} null
 * @property {string} true
 * @property {string} false
 * @property {(name: string) => string} variable reads an environment variable
 * @property {boolean} bareKeys whether keys that are identifiers need no quotes
 * @property {string} indent of a nested value
 * @property {string} space within the braces of an object
 */

/** @type {Syntax} */
export const javaScript = {
  null: 'null',
  true: 'true',
  false: 'false',
  variable: (name) => `process.env.${name}`,
  bareKeys: true,
  indent: '  ',
  space: ' ',
};

/** @type {Syntax} */
export const python = {
  null: 'None',
  true: 'True',
  false: 'False',
  variable: (name) => `os.environ["${name}"]`,
  bareKeys: false,
  indent: '    ',
  space: '',
};

const maxLine = 90;

/**
 * @param {unknown} value JSON, or environment variables in it
 * @param {Syntax} syntax
 * @param {string} [indent] of the line that it begins in
 * @returns {string}
 */
export function literal(value, syntax, indent = '') {
  if (value instanceof EnvironmentVariable) return syntax.variable(value.name);
  if (value === null) return syntax.null;
  if (typeof value === 'boolean') return value ? syntax.true : syntax.false;
  if (typeof value !== 'object') return text(value);
  const isList = Array.isArray(value);
  const inner = indent + syntax.indent;
  const parts = isList
    ? value.map((each) => literal(each, syntax, inner))
    : Object.entries(value).map(([key, each]) => `${keyOf(key, syntax)}: ${literal(each, syntax, inner)}`);
  const [open, close] = isList ? '[]' : '{}';
  const space = isList || parts.length === 0 ? '' : syntax.space;
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  if (!line.includes('\n') && indent.length + line.length <= maxLine) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

/** A JSON string or number is a literal of both languages. @param {unknown} value */
export function text(value) {
  return JSON.stringify(value).replaceAll(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);
}

/**
 * @param {string} key
 * @param {Syntax} syntax
 */
function keyOf(key, syntax) {
  // As a bare or quoted key, JavaScript would set the prototype.
  if (key === '__proto__' && syntax.bareKeys) return '["__proto__"]';
  return syntax.bareKeys && /^[a-z_$][\w$]*$/i.test(key) ? key : text(key);
}
