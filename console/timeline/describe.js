/** The words for a mark: all figures that it has. */

import { formatTime } from './viewport.js';

/**
 * @param {import('./mark-list.js').Mark} mark
 * @returns {string}
 */
export function describeMark({ name, text, startMs, endMs, facts }) {
  const place =
    endMs === startMs
      ? `at ${formatTime(round(startMs))}`
      : endMs === null
        ? `from ${formatTime(round(startMs))}, goes on`
        : `${formatTime(round(startMs))} to ${formatTime(round(endMs))}, ${describeDuration(endMs - startMs)}`;
  const figures = facts.map(([fact, value]) => `${fact}: ${clip(value)}`);
  return [text === '' ? name : `${name} “${clip(text)}”`, place, ...figures].join(' · ');
}

/** The event log has the whole text. @param {string} text */
function clip(text) {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** @param {number} ms */
function describeDuration(ms) {
  return ms < 1000 ? `${Math.round(ms * 10) / 10} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** @param {number} ms */
function round(ms) {
  return Math.round(ms);
}
