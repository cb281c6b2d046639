/** The waterfall of an answer: what its first audible sample waited for, one mark after the other. */

/** @typedef {import('../../src/protocol/wire/ledger.ts').LedgerEvent} LedgerEvent */
/** @typedef {import('./mark-list.js').Mark} Mark */

const names = /** @type {const} */ ({
  policy: 'Silence that the turn policy waits for',
  transcriber: 'Transcriber',
  language_model: 'Language model',
  voice: 'Voice',
  parley: 'Parley',
});

/**
 * @param {number} entry
 * @param {LedgerEvent} event
 * @param {number | undefined} originMs the end of speech; unknown if its events are missing
 * @returns {Mark[]} none for an answer without audio
 */
export function ledgerMarks(entry, { parts_ms: parts, at_ms: at, response_id: responseId }, originMs) {
  if (parts === null || originMs === undefined) return [];
  const audible = at.audible ?? Object.values(parts).reduce((sum, part) => sum + part, 0);
  let startMs = originMs;
  return /** @type {(keyof typeof names)[]} */ (Object.keys(names)).flatMap((part) => {
    const endMs = startMs + parts[part];
    /** @type {Mark} */
    const mark = {
      row: 'ledger',
      tone: part,
      name: names[part],
      text: '',
      startMs,
      endMs,
      facts: [
        ['part', `${parts[part]} ms of ${audible} ms from the end of speech to the first sound`],
        ['response', responseId],
      ],
      entry,
    };
    startMs = endMs;
    return parts[part] > 0 ? [mark] : [];
  });
}
