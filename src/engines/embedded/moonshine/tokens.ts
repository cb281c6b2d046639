import tokenizer from 'llama-tokenizer-js';

const TERMINAL_PIECE = /^▁?[.?!]["”’)]?$/;
const CLAUSE_PIECE = /^▁?(?:[,;:–—-]|\.\.\.|…)$/;
const terminalMarks = new Set<number>();
for (const [id, piece] of tokenizer.vocabById.entries()) if (TERMINAL_PIECE.test(piece)) terminalMarks.add(id);

/** Whether a token is a full stop, a question mark or an exclamation mark. */
export function isTerminalMark(id: number): boolean {
  return terminalMarks.has(id);
}

/** Whether a token is such a mark, or one that the model may choose instead at the end of a clip: a comma, a dash. */
export function isClosingMark(id: number): boolean {
  return terminalMarks.has(id) || CLAUSE_PIECE.test(tokenizer.vocabById[id] ?? '');
}

/** The text of tokens. Tokens without text (the end token, Moonshine's own beyond the vocabulary) are left out. */
export function textOf(ids: readonly number[]): string {
  const known = ids.filter((id) => id > 2 && id < tokenizer.vocabById.length);
  return known.length === 0 ? '' : tokenizer.decode(known, false, true);
}
