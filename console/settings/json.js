/** Reads and replaces values of JSON objects by path, without changing the objects. */

/** @typedef {{ [key: string]: unknown }} JsonObject */

/**
 * @param {unknown} value
 * @returns {value is JsonObject}
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys separated by dots, or a list of keys. @typedef {string | readonly string[]} Path */

/**
 * @param {unknown} object
 * @param {Path} path
 * @returns {unknown} undefined if there is none
 */
export function valueAt(object, path) {
  let value = object;
  for (const key of keysOf(path)) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/**
 * @param {JsonObject} object
 * @param {Path} path
 * @param {unknown} value undefined removes the key, and objects that are then empty
 * @returns {JsonObject}
 */
export function withValue(object, path, value) {
  const [key = '', ...rest] = keysOf(path);
  const { [key]: before, ...others } = object;
  if (rest.length > 0) {
    const inner = withValue(isObject(before) ? before : {}, rest, value);
    return value === undefined && Object.keys(inner).length === 0 ? others : { ...object, [key]: inner };
  }
  return value === undefined ? others : { ...object, [key]: value };
}

/** @param {Path} path */
function keysOf(path) {
  return typeof path === 'string' ? path.split('.') : path;
}

/** @param {unknown} a @param {unknown} b */
export function sameJson(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * @typedef {object} Parsed
 * @property {unknown} [value]
 * @property {string} [problem] its place, and what is wrong
 */

/**
 * @param {string} text
 * @returns {Parsed}
 */
export function parseJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: describeProblem(text) };
  }
}

/** Browsers do not always say where the problem is. @param {string} text */
function describeProblem(text) {
  const { offset, expected } = firstProblem(text);
  const before = text.slice(0, offset).split('\n');
  const place = `Line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  if (offset >= text.length) return `${place}: the JSON ends here, but ${expected} is missing.`;
  return `${place}: ${expected} expected, not ${JSON.stringify([...text.slice(offset)][0])}.`;
}

const scalar =
  /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/**
 * The first place at which a text is not JSON (RFC 8259).
 * @param {string} text
 * @returns {{ offset: number, expected: string }}
 */
function firstProblem(text) {
  /** The brackets that close the open objects and arrays. @type {string[]} */
  const open = [];
  /** @type {'value' | 'first' | 'key' | 'colon' | 'next'} */
  let state = 'value';
  let offset = 0;
  for (;;) {
    while (/[ \t\r\n]/.test(text.charAt(offset))) offset++;
    const char = text.charAt(offset);
    const closing = open.at(-1);
    if (state === 'next' && closing === undefined) return { offset, expected: 'the end' };
    if ((state === 'next' || state === 'first') && char === closing) {
      open.pop();
      state = 'next';
      offset++;
      continue;
    }
    if (state === 'next' || state === 'colon') {
      const wanted = state === 'next' ? ',' : ':';
      if (char !== wanted) return { offset, expected: state === 'next' ? `"," or "${closing}"` : '":"' };
      state = state === 'next' && closing === '}' ? 'key' : 'value';
      offset++;
      continue;
    }
    /** @type {boolean} */
    const isKey = state === 'key' || (state === 'first' && closing === '}');
    if (!isKey && (char === '{' || char === '[')) {
      open.push(char === '{' ? '}' : ']');
      state = 'first';
      offset++;
      continue;
    }
    scalar.lastIndex = offset;
    const found = scalar.exec(text)?.[0];
    if (found === undefined || (isKey && char !== '"')) {
      return { offset, expected: isKey ? 'a name in double quotes' : 'a value' };
    }
    offset += found.length;
    state = isKey ? 'colon' : 'next';
  }
}
