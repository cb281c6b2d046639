/**
 * Converts Markdown (CommonMark 0.31, with GitHub's tables and task lists) to text for speech: removes markup, the URLs
 * of links, and blocks of code. This is not a parser, because an answer is spoken while it is being generated, and
 * cannot wait for closing marks.
 */

import { MappedText } from './mapped-text.ts';
import { textBounds } from './text-bounds.ts';

/** Text as the model wrote it, and the part of it to speak. */
export interface ReadPiece {
  raw: string;
  /** Ranges refer to the whole text. */
  shown: MappedText;
}

/** Fenced blocks that contain prose: models wrap whole answers in them. */
const proseFence = /^(?:markdown|md|text|txt|plain|plaintext)?\s*$/i;
const fenceLine = /(?:`{3,}|~{3,})[^`\n]*\n/y;
/** A line that consists of marks: a rule, the underline of a heading, the second line of a table. */
const ruleLine = /(?=[^\n]*[-=*_+|]{2}|[^\n]*(?:[-*_]\s+){2})[ \t|:=*_+-]*\n/y;
const referenceLine = /\[[^\]\n]{1,200}\]:[ \t]*\S{1,400}[^\n]{0,100}\n/y;
/** Marks at the start of a line: quotes, headings, lists, tasks. */
const lineMark = /(?:>[ \t]?|#{1,6}[ \t]+|[-*+•‣◦▪●○–—][ \t]+(?:\[[ xX]?\][ \t]+)?|\|[ \t]*)/y;
const numberMark = /(\d{1,9})[.)][ \t]+(?=\S)/y;

/** The start of anything but plain text within a line. */
const special = /[\\`*_~|[\]<#!{}$\n^=]|\b(?=(?:https?|ftps?)(?::|$)|(?:h|ht|htt|http|f|ft|ftp|w|ww|www)$|www\.)/gi;
const address = /(?:https?:\/\/|ftps?:\/\/|www\.)/iy;
const addressBeginning = /(?:h(?:t(?:t(?:p(?:s?(?::\/?)?)?)?)?)?|f(?:t(?:p(?:s?(?::\/?)?)?)?)?|w{1,3})$/iy;
const addressEnd = /[\s<>"'`)\]|*]|[.,;:!?]+(?:\s|$)/;
const htmlTag =
  /<(?:\/?[a-z][a-z\d-]{0,30}(?:\s[^<>\n]{0,300})?\/?|!--[^>]{0,100}--|!doctype[^>]{0,50}|\?[^>]{0,100}\?)>/iy;
const htmlBeginning = /<(?:[/!?]?[a-z-]?[^<>\n]{0,330})?$/iy;
const autolink = /<(?=(?:https?:|mailto:|www\.)[^\s<>]{0,2000}>?)/iy;
const destination = /\]\((?:[^()\n\\]|\\.|\([^()\n]{0,500}\)){0,2000}\)/y;
const reference = /\]\[[^\]\n]{0,200}\]/y;
const footnote = /\[\^?\d{1,3}\](?!\()|\[\^[\w-]{1,40}\]/y;
const mathCommands: Readonly<Record<string, string>> = {
  times: '×',
  cdot: '×',
  div: '÷',
  pm: '±',
  leq: '≤',
  le: '≤',
  geq: '≥',
  ge: '≥',
  neq: '≠',
  ne: '≠',
  approx: '≈',
  sqrt: '√',
  pi: 'π',
  infty: '∞',
  rightarrow: '→',
  to: '→',
  circ: '°',
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  delta: 'δ',
  theta: 'θ',
  lambda: 'λ',
  mu: 'μ',
  sigma: 'σ',
  omega: 'ω',
  Delta: 'Δ',
  Omega: 'Ω',
  Sigma: 'Σ',
};
const superscripts: Readonly<Record<string, string>> = {
  '0': '⁰',
  '1': '¹',
  '2': '²',
  '3': '³',
  '4': '⁴',
  '5': '⁵',
  '6': '⁶',
  '7': '⁷',
  '8': '⁸',
  '9': '⁹',
  '-': '⁻',
  '+': '⁺',
};

interface Step {
  length: number;
  shown: string;
}

export class MarkdownReader {
  #pending = '';
  /** The offset of the pending text. */
  #at = 0;
  #lineStart = true;
  /** In a block of code: the start of its closing line. */
  #fence: string | undefined;
  /** In a block of prose: the same. */
  #proseFence: string | undefined;
  /** In a URL: whether the position is in its host, or in the rest, which is not spoken. */
  #address: 'host' | 'rest' | undefined;
  /** In the URL of a link: the number of open parentheses. */
  #destination = 0;
  #before = '';

  /** Takes the next text; returns what can be spoken so far. The concatenated `raw` of all pieces is the text. */
  push(text: string): ReadPiece[] {
    this.#pending += text;
    return this.#read(false);
  }

  /** The rest, at the end of the text. */
  flush(): ReadPiece[] {
    return this.#read(true);
  }

  #read(ended: boolean): ReadPiece[] {
    const text = this.#pending;
    const pieces: ReadPiece[] = [];
    let at = 0;
    while (at < text.length) {
      const wait = !ended && text.length - at < textBounds.markdown;
      const step = this.#step(text, at, wait);
      if (step === undefined) break;
      const raw = text.slice(at, at + step.length);
      const startChar = this.#at + at;
      const shown =
        step.shown === raw
          ? MappedText.of(raw, startChar)
          : MappedText.standing(step.shown, { startChar, endChar: startChar + step.length });
      pieces.push({ raw, shown });
      at += step.length;
      this.#before = raw.at(-1) ?? this.#before;
      if (this.#before === '\n') this.#lineStart = true;
    }
    this.#pending = text.slice(at);
    this.#at += at;
    return pieces;
  }

  /** The next step in a text; undefined if more text is needed. `wait`: whether it may wait. */
  #step(text: string, at: number, wait: boolean): Step | undefined {
    if (this.#fence !== undefined) return this.#code(text, at, wait);
    if (this.#destination > 0) return this.#linkAddress(text, at);
    if (this.#address === 'rest') return this.#addressRest(text, at, wait);
    if (this.#lineStart) return this.#beginLine(text, at, wait);
    return this.#inline(text, at, wait);
  }

  /** A line in a block of code, which is not spoken. */
  #code(text: string, at: number, wait: boolean): Step | undefined {
    const newline = text.indexOf('\n', at);
    if (newline < 0 && wait) return undefined;
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, Math.min(end, at + textBounds.markdown)).trim();
    const fence = this.#fence ?? '';
    if (this.#lineStart && line.startsWith(fence) && line.replaceAll(fence.charAt(0), '') === '') {
      this.#fence = undefined;
      this.#lineStart = true;
    } else {
      this.#lineStart = newline >= 0;
    }
    return { length: end - at, shown: '' };
  }

  #beginLine(text: string, at: number, wait: boolean): Step | undefined {
    const indent = /[ \t]*/y;
    indent.lastIndex = at;
    const spaces = indent.exec(text)?.[0].length ?? 0;
    if (spaces > 0) return { length: spaces, shown: '' };
    const newline = text.indexOf('\n', at);
    const line =
      newline < 0
        ? `${text.slice(at, at + textBounds.markdown)}\n`
        : text.slice(at, Math.min(newline + 1, at + textBounds.markdown));
    if (
      newline < 0 &&
      wait &&
      /^(?:[ \t|:=*_+`~-]*|[`~]{3}[^`\n]*|\[[^\]\n]*\]?|\[[^\]\n]+\]:[^\n]*|\d{1,9}[.)]?[ \t]*|#{1,6}[ \t]*|[>•‣◦▪●○–—-][ \t]*\[?[ xX]?\]?[ \t]*)\n$/.test(
        line,
      )
    ) {
      return undefined;
    }
    const length = (match: string) => Math.min(match.length, text.length - at);
    const fence = matchAt(fenceLine, line, 0);
    if (fence) {
      const [, mark = '', info = ''] = /^(`+|~+)(.*)/.exec(fence[0].trim()) ?? [];
      if (info.trim() !== '' && proseFence.test(info)) this.#proseFence = mark;
      else if (mark === this.#proseFence) this.#proseFence = undefined;
      else this.#fence = mark;
      return { length: length(fence[0]), shown: '' };
    }
    const whole = matchAt(ruleLine, line, 0) ?? matchAt(referenceLine, line, 0);
    if (whole) return { length: length(whole[0]), shown: '' };
    const number = matchAt(numberMark, line, 0);
    if (number) {
      this.#lineStart = false;
      return { length: length(number[0]), shown: `${number[1]}, ` };
    }
    const mark = matchAt(lineMark, line, 0);
    // A mark may follow another: a list in a quote.
    if (mark) return { length: length(mark[0]), shown: '' };
    this.#lineStart = false;
    return this.#inline(text, at, wait);
  }

  #inline(text: string, at: number, wait: boolean): Step | undefined {
    special.lastIndex = at;
    const found = special.exec(text);
    const start = found?.index ?? text.length;
    if (this.#address === 'host') return this.#addressHost(text, at, wait);
    if (start > at) return { length: start - at, shown: text.slice(at, start) };
    const character = text.charAt(at);
    const left = text.length - at;
    const plain = (length = 1): Step => ({ length, shown: text.slice(at, at + length) });
    const hidden = (length: number, shown = ''): Step => ({ length, shown });
    const [before, after] = [at > 0 ? text.charAt(at - 1) : this.#before, text.charAt(at + 1)];
    switch (character) {
      case '\n': {
        return plain();
      }
      case '\\': {
        if (left === 1 && wait) return undefined;
        const command = matchAt(/\\([a-z]{1,20})/iy, text, at);
        if (command) {
          if (command[0].length === left && wait) return undefined;
          const name = command[1] ?? '';
          if (Object.hasOwn(mathCommands, name)) return hidden(command[0].length, ` ${mathCommands[name]} `);
          return hidden(
            command[0].length,
            /^(?:d?frac|text|mathrm|left|right|quad|begin|end|mathbf)$/.test(name) ? ' ' : ` ${name}`,
          );
        }
        return /[a-z\d\s]/i.test(after) || after === ''
          ? hidden(1, ' ')
          : hidden(/[!"'$%&,./:;?@-]/.test(after) ? 1 : 2, '');
      }
      case '`':
      case '~': {
        const run = matchAt(character === '`' ? /`+/y : /~+/y, text, at)?.[0].length ?? 1;
        if (run === left && wait) return undefined;
        return character === '~' && run === 1 && /\d/.test(after) ? plain() : hidden(run);
      }
      case '*': {
        const run = matchAt(/\*+/y, text, at)?.[0].length ?? 1;
        if (left <= run + 1 && wait) return undefined;
        const next = text.slice(at + run, at + run + 2);
        const factor = run === 1 && (/^\s\d/.test(next) ? before === ' ' : /^\d/.test(next) && /\d/.test(before));
        return factor ? hidden(1, '×') : hidden(run);
      }
      case '_': {
        const run = matchAt(/_+/y, text, at)?.[0].length ?? 1;
        if (run === left && wait) return undefined;
        const within = /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(text.charAt(at + run));
        return hidden(run, within ? ' ' : '');
      }
      case '=': {
        const run = matchAt(/=+/y, text, at)?.[0].length ?? 1;
        if (run === left && wait) return undefined;
        return run === 1 ? plain() : hidden(run, run === 2 && before === ' ' && text.charAt(at + 2) === ' ' ? '=' : '');
      }
      case '|': {
        const cells = matchAt(/(?:\|[ \t]*)+/y, text, at)?.[0].length ?? 1;
        if (cells === left && wait) return undefined;
        const end = cells === left || text.charAt(at + cells) === '\n';
        return hidden(cells, end ? '' : ', ');
      }
      case '!':
        if (left === 1 && wait) return undefined;
        return after === '[' ? hidden(2) : plain();
      case '[': {
        const note = matchAt(footnote, text, at);
        if (note && note[0].length === left && wait) return undefined;
        if (note) return hidden(note[0].length);
        if (wait && /^\[\^?[\w-]{0,40}\]?$/.test(text.slice(at, at + 48))) return undefined;
        return hidden(1);
      }
      case ']': {
        if (left === 1 && wait) return undefined;
        const whole = matchAt(destination, text, at) ?? matchAt(reference, text, at);
        if (whole) return hidden(whole[0].length);
        if (after === '(' && isAddress(text.slice(at + 2, at + 12))) {
          this.#destination = 1;
          return hidden(2);
        }
        return wait && (after === '(' || after === '[') && !text.slice(at).includes('\n') ? undefined : hidden(1);
      }
      case '<': {
        if (matchAt(autolink, text, at)) return hidden(1);
        const tag = matchAt(htmlTag, text, at);
        if (tag)
          return hidden(tag[0].length, /^<(?:br|hr|\/?(?:p|div|li|tr|td|th|h\d|ul|ol))\b/i.test(tag[0]) ? ', ' : '');
        if (wait && matchAt(htmlBeginning, text, at)) return undefined;
        return /[\s\d]/.test(after) || after === '=' ? plain() : hidden(1, ' ');
      }
      case '#': {
        const run = matchAt(/#+/y, text, at)?.[0].length ?? 1;
        if (run === left && wait) return undefined;
        const next = text.charAt(at + run);
        if (run === 1 && (/\d/.test(next) || /[A-Z]/.test(before))) return plain();
        return hidden(run, /\w/.test(before) && /\w/.test(next) ? ' ' : '');
      }
      case '$': {
        const run = matchAt(/\$+/y, text, at)?.[0].length ?? 1;
        if (run === left && wait) return undefined;
        return run === 1 && (/\d/.test(text.charAt(at + 1)) || /[A-Z]/.test(before)) ? plain() : hidden(run);
      }
      case '^': {
        if (left <= 5 && wait) return undefined;
        const power = matchAt(/\^\{?([-+]?\d{1,3})\}?/y, text, at);
        if (power)
          return hidden(power[0].length, [...(power[1] ?? '')].map((digit) => superscripts[digit] ?? '').join(''));
        return hidden(1, ' ');
      }
      case '{':
      case '}':
        if (character === '}' && left === 1 && wait) return undefined;
        // The parts of a fraction.
        if (character === '}' && after === '{') return hidden(2, '/');
        return hidden(1, /\w/.test(before) && /\w/.test(after) ? ' ' : '');
    }
    const scheme = matchAt(address, text, at);
    if (scheme && !/[\p{L}\p{N}]/u.test(before)) {
      this.#address = 'host';
      return hidden(scheme[0].length + (text.slice(at + scheme[0].length).startsWith('www.') ? 4 : 0));
    }
    if (wait && matchAt(addressBeginning, text, at)) return undefined;
    return plain();
  }

  /** The host name, which is the only spoken part of a URL. */
  #addressHost(text: string, at: number, wait: boolean): Step | undefined {
    const host = matchAt(/[\p{L}\p{N}.-]{1,253}/uy, text, at)?.[0] ?? '';
    if (at + host.length === text.length && wait) return undefined;
    const name = host.replace(/[.-]+$/, '').replace(/^www\./i, '');
    this.#address = 'rest';
    if (name === '') return this.#addressRest(text, at, wait);
    return { length: host.replace(/[.-]+$/, '').length, shown: name };
  }

  #addressRest(text: string, at: number, wait: boolean): Step | undefined {
    const rest = text.slice(at, at + textBounds.markdown);
    const end = addressEnd.exec(rest);
    if (end && (/\s$/.test(end[0]) || !/^[.,;:!?]/.test(end[0]) || !wait)) {
      this.#address = undefined;
      // A URL may be in angle brackets.
      const length = end.index + (end[0] === '>' ? 1 : 0);
      return length > 0 ? { length, shown: '' } : this.#step(text, at, wait);
    }
    const length = end?.index ?? rest.length;
    if (length === 0) {
      if (wait) return undefined;
      this.#address = undefined;
      return this.#inline(text, at, wait);
    }
    return { length, shown: '' };
  }

  /** The URL of a link, beyond the maximum length that is held back. */
  #linkAddress(text: string, at: number): Step {
    const end = /[()\n]/g;
    end.lastIndex = at;
    const found = end.exec(text);
    if (!found) return { length: text.length - at, shown: '' };
    if (found[0] === '\n') this.#destination = 0;
    else this.#destination += found[0] === '(' ? 1 : -1;
    return { length: found.index + (found[0] === '\n' ? 0 : 1) - at, shown: '' };
  }
}

function isAddress(text: string): boolean {
  return /^\s*<?(?:[a-z]{2,6}:|\/|#|\.\.?\/|www\.)/i.test(text);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
