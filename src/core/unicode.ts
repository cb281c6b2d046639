/** Cuts text so that it stays well-formed (Unicode 16, §3.9) and its grapheme clusters stay whole (UAX #29). */

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/**
 * Code units examined before a position: emoji sequences have about 30. A longer cluster is cut between code points.
 */
const longestCluster = 256;
const behind = 64;

/** The last position at or before `index` where the text can be cut without cutting a grapheme cluster. */
export function graphemeBoundary(text: string, index: number): number {
  if (index <= 0) return 0;
  if (index >= text.length) return text.length;
  // The common case: both neighbours are ASCII, of which only CR and LF form a cluster.
  const [before, after] = [text.charCodeAt(index - 1), text.charCodeAt(index)];
  if (before < 0x80 && after < 0x80) return before === 0x0d && after === 0x0a ? index - 1 : index;
  const from = codePointBoundary(text, Math.max(0, index - longestCluster));
  const cluster = segmenter.segment(text.slice(from, index + behind)).containing(index - from);
  const start = cluster === undefined ? index : from + cluster.index;
  return start > from || from === 0 ? start : codePointBoundary(text, index);
}

/** As `graphemeBoundary`, but never 0, to guarantee progress: a longer first cluster is returned whole. */
export function cutPlace(text: string, index: number): number {
  const before = graphemeBoundary(text, index);
  if (before > 0) return before;
  const [first] = segmenter.segment(text.slice(0, longestCluster));
  return first?.segment.length ?? text.length;
}

/** The first position at or after `index` where the text can be cut without cutting a grapheme cluster. */
export function graphemeEnd(text: string, index: number): number {
  const before = graphemeBoundary(text, index);
  return before === index ? index : before + cutPlace(text.slice(before), index - before);
}

function codePointBoundary(text: string, index: number): number {
  const [before, after] = [text.charCodeAt(index - 1), text.charCodeAt(index)];
  return isHigh(before) && isLow(after) ? index - 1 : index;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/**
 * Makes the pieces of a text well-formed: a high surrogate at the end waits for the next piece, and an unpaired
 * surrogate is replaced by U+FFFD.
 */
export class WellFormedText {
  #half = '';

  push(text: string): string {
    const whole = this.#half + text;
    const end = isHigh(whole.charCodeAt(whole.length - 1)) ? whole.length - 1 : whole.length;
    this.#half = whole.slice(end);
    return whole.slice(0, end).toWellFormed();
  }

  flush(): string {
    const rest = this.#half.toWellFormed();
    this.#half = '';
    return rest;
  }
}
