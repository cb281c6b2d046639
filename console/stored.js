/** Values that the browser stores; a browser that denies access to its storage stores nothing. */

/** @typedef {'localStorage' | 'sessionStorage'} Area */

/** @param {Area} area @param {string} key */
export function readStored(area, key) {
  try {
    return window[area].getItem(key);
  } catch {
    return null;
  }
}

/** @param {Area} area @param {string} key @param {string} value empty: nothing is stored */
export function writeStored(area, key, value) {
  try {
    if (value === '') window[area].removeItem(key);
    else window[area].setItem(key, value);
  } catch {
    // Nothing to do.
  }
}

/**
 * @param {string | null} json
 * @returns {Record<string, unknown>} empty if it is no object
 */
export function parseStored(json) {
  try {
    const value = JSON.parse(json ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
