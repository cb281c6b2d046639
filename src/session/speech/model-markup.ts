import type { LeftOut } from '../ports/language-model.ts';
import { type Mark, markAt, markStart, mayBeMark } from './marks.ts';
import { textBounds } from './text-bounds.ts';

/** The kind of the text at a position. */
type Mode = 'text' | 'reasoning' | 'call' | 'foreign' | 'head';

/** Roles other than the model's: a model that does not stop continues with their messages. */
const roleWord = /^\s*([a-z]{1,16})\b[^\S\n]*\n?/i;
const ownRoles = /^(?:assistant|model|bot|ai|gpt|chatbot)$/i;
const foreignRoles = /^(?:user|system|developer|tool|function|observation|human|environment|ipython)$/i;

export interface ModelMarkupOptions {
  /**
   * The answer begins inside reasoning, whose opening mark is in the prompt: its text is held back until a closing
   * mark, and output completely if there is none.
   */
  inside?: boolean;
}

/**
 * Removes from a stream of text what models write beside their answer: reasoning, tool calls, messages of other roles,
 * and the tokens of chat templates. Works for any split into pieces, and holds back at most the start of a mark.
 */
export class ModelMarkup {
  #mode: Mode = 'text';
  /** The kind of the message's text, which is restored after reasoning or a call. */
  #message: Exclude<Mode, 'head'> = 'text';
  #pending = '';
  /** The preceding character. */
  #before = '';
  #head = '';
  #headLine = false;
  /** Text that is reasoning if a closing mark follows; undefined once that is decided. */
  #held: string[] | undefined;
  #trims = false;
  /** White space before the first words. */
  #lead = '';
  #saidSomething = false;
  #hidden = false;
  #endedUnopened = false;
  #ended = false;
  #calls = false;
  #callText = '';
  /** The recipient in the role of a message's head, whose channel follows. */
  #recipient = '';
  #reasoning = false;

  constructor({ inside = false }: ModelMarkupOptions = {}) {
    if (inside) this.#held = [];
  }

  /** Whether the last text was hidden, in whole or at its end. */
  get hiding(): boolean {
    return this.#hidden || this.#held !== undefined;
  }

  /** Whether reasoning ended whose start was not in the text. */
  get endedUnopened(): boolean {
    return this.#endedUnopened;
  }

  /** Whether reasoning ended, regardless of its start. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The kind of markup removed so far, if any. */
  get leftOut(): LeftOut | undefined {
    if (this.#mode === 'reasoning') return 'open_reasoning';
    if (this.#calls) return 'calls';
    return this.#reasoning || this.#ended ? 'reasoning' : undefined;
  }

  /** The text of all tool calls so far with their marks; undefined if there is none or it is too long. */
  get callText(): string | undefined {
    return this.#calls && this.#callText.length <= textBounds.writtenCalls ? this.#callText : undefined;
  }

  /** Takes the next text; returns what to speak of it and of the text that was held back. */
  push(text: string): string {
    this.#pending += text;
    this.#hidden = this.#mode !== 'text';
    return this.#read(false);
  }

  /** The text that was held back, at the end. */
  flush(): string {
    const said = this.#read(true) + this.release();
    const lead = this.#trims ? '' : this.#lead;
    this.#lead = '';
    return said + lead;
  }

  /** Call when the text is known not to be reasoning: returns the text that was held back as such. */
  release(): string {
    const held = this.#held?.join('') ?? '';
    this.#held = undefined;
    return this.#trimmed(held);
  }

  #read(ended: boolean): string {
    const text = this.#pending;
    let said = '';
    let at = 0;
    for (;;) {
      markStart.lastIndex = at;
      const start = markStart.exec(text)?.index ?? text.length;
      said += this.#take(text.slice(at, start));
      at = start;
      if (at === text.length) break;
      const found = markAt(text, at);
      const length = found?.length ?? 1;
      // A tag in Markdown code is content. Special tokens never are.
      const quoted = found?.name.startsWith('<') && (at > 0 ? text.charAt(at - 1) : this.#before) === '`';
      const mayGoOn = quoted ? at + length === text.length : found === undefined && mayBeMark(text, at);
      if (!ended && mayGoOn) break;
      if (found && !(quoted && text.charAt(at + length) === '`'))
        said += this.#mark(found.mark, found.name, text.slice(at, at + length));
      else said += this.#take(text.slice(at, at + length));
      at += length;
    }
    if (at > 0) this.#before = text.charAt(at - 1);
    this.#pending = text.slice(at);
    if (ended && this.#mode === 'head') said += this.#endHead();
    return said;
  }

  #take(text: string): string {
    if (text === '') return '';
    if (this.#mode === 'head') return this.#takeHead(text);
    if (this.#mode !== 'text') {
      this.#hidden = true;
      if (this.#mode === 'call') this.#keepCall(text);
      return '';
    }
    if (this.#held) {
      this.#held.push(text);
      return '';
    }
    return this.#trimmed(text);
  }

  /** White space between hidden text and the first words is removed. */
  #trimmed(text: string): string {
    const said = this.#lead + text;
    const blank = said.trim() === '';
    if (!this.#saidSomething && blank && said.length <= textBounds.lead) {
      this.#lead = said;
      return '';
    }
    this.#lead = '';
    this.#saidSomething ||= !blank;
    const trims = this.#trims;
    this.#trims &&= blank;
    return trims ? said.trimStart() : said;
  }

  #keepCall(text: string): void {
    if (this.#callText.length <= textBounds.writtenCalls) this.#callText += text;
  }

  #mark(mark: Mark, name: string, raw: string): string {
    // When a model continues with the messages of other roles, its own message has ended.
    if (this.#message === 'foreign' && this.#mode === 'foreign') return '';
    this.#recipient = '';
    const headText = this.#mode === 'head' ? this.#endHead() : '';
    const within = this.#mode === 'call';
    const text = this.#turn(mark, name);
    if (within || this.#mode === 'call') this.#keepCall(raw);
    return headText + text;
  }

  #turn(mark: Mark, name: string): string {
    if (!this.#saidSomething) this.#trims = true;
    switch (mark.type) {
      case 'reasoning':
        this.#reasoning = true;
        return this.#begin('reasoning');
      case 'call':
        this.#calls = true;
        return this.#mode === 'text' ? this.#begin('call') : '';
      case 'reasoning_end':
        this.#ended = true;
        if (this.#mode === 'reasoning') this.#mode = this.#message;
        else if (this.#mode === 'text') {
          this.#endedUnopened = true;
          this.#hidden = true;
          if (this.#held) this.#trims = true;
          this.#held = undefined;
        }
        return '';
      case 'call_end':
        if (this.#mode === 'call') this.#mode = this.#message;
        return '';
      case 'head':
        this.#mode = 'head';
        this.#head = name === '<|channel|>' || name === 'channel' ? `channel ${this.#recipient} ` : '';
        this.#headLine = mark.line;
        return '';
      case 'own':
      case 'foreign':
        this.#message = mark.type === 'own' ? 'text' : 'foreign';
        this.#mode = this.#message;
        return '';
      case 'message_end':
        this.#message = 'text';
        this.#mode = 'text';
        return '';
      case 'head_end':
      case 'other':
        return '';
    }
  }

  #begin(mode: 'reasoning' | 'call'): string {
    // Reasoning with an opening mark, so the text that was held back is part of the answer.
    const words = mode === 'reasoning' ? this.release() : '';
    if (this.#mode === 'text') this.#mode = mode;
    this.#hidden = true;
    return words;
  }

  #takeHead(text: string): string {
    this.#hidden = true;
    this.#head += text;
    const goesOn = this.#headLine
      ? !this.#head.endsWith('\n') && roleWord.exec(this.#head)?.[0] === this.#head
      : this.#head.length <= textBounds.head;
    return goesOn ? '' : this.#endHead();
  }

  /** Determines the kind of a message's text by its head; returns the part that turned out to be text. */
  #endHead(): string {
    const head = this.#head;
    this.#head = '';
    const [line = '', role = ''] = roleWord.exec(head) ?? [];
    if (this.#headLine) {
      const known = ownRoles.test(role) || foreignRoles.test(role);
      this.#message = foreignRoles.test(role) ? 'foreign' : 'text';
      this.#mode = this.#message;
      return this.#take(known ? head.slice(line.length) : head);
    }
    if (head.length > textBounds.head) {
      this.#mode = 'text';
      return this.#take(head);
    }
    this.#message = messageOf(head);
    this.#mode = this.#message;
    if (this.#message === 'call') {
      this.#calls = true;
      this.#recipient = /to=\S+/.exec(head)?.[0] ?? '';
      this.#keepCall(` ${head} `);
    }
    if (this.#message === 'reasoning') this.#reasoning = true;
    return '';
  }
}

/**
 * The kind by a message's head: a role (`assistant`, `user`), or a channel of the harmony format (`channel analysis`).
 */
function messageOf(head: string): Exclude<Mode, 'head'> {
  const [first = '', second = ''] = head.trim().toLowerCase().split(/\s+/);
  if (head.includes('to=')) return 'call';
  if (first === 'channel') return second.startsWith('analysis') || second === 'thought' ? 'reasoning' : 'text';
  return foreignRoles.test(first) || first.startsWith('functions.') ? 'foreign' : 'text';
}
