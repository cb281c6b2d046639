import { type Mark, markAt, markStart, mayBeMark } from './marks.ts';

/** What the text at a place is. */
type Mode = 'text' | 'reasoning' | 'call' | 'foreign' | 'head';

/** Roles whose messages are not the model's own: a model that does not stop goes on with them. */
const roleWord = /^\s*([a-z]{1,16})\b[^\S\n]*\n?/i;
const ownRoles = /^(?:assistant|model|bot|ai|gpt|chatbot)$/i;
const foreignRoles = /^(?:user|system|developer|tool|function|observation|human|environment|ipython)$/i;
/** White space before the first words, in characters; with more, it is text. */
const longestLead = 1024;
/** Characters of the head of a message. One that is longer is none. */
const longestHead = 256;

export interface ModelMarkupOptions {
  /**
   * The answer begins inside reasoning, whose opening mark stands in the prompt: its text is held back until a closing mark
   * comes, and given out whole where none does.
   */
  inside?: boolean;
}

/**
 * Takes out of a stream of text what models write beside their words: reasoning, calls of tools, messages of others, and
 * the tokens of chat templates. It takes any cut into pieces, and holds back at most the beginning of a mark.
 */
export class ModelMarkup {
  #mode: Mode = 'text';
  /** That of the message, to which the text returns where reasoning or a call ends. */
  #message: Exclude<Mode, 'head'> = 'text';
  #pending = '';
  /** The character before it. */
  #before = '';
  #head = '';
  #headLine = false;
  /** Text that is reasoning if a closing mark comes; undefined once that is known. */
  #held: string[] | undefined;
  #trims = false;
  /** White space before the first words. */
  #lead = '';
  #saidSomething = false;
  #hidden = false;
  #endedUnopened = false;
  #ended = false;
  #calls = false;
  #reasoning = false;

  constructor({ inside = false }: ModelMarkupOptions = {}) {
    if (inside) this.#held = [];
  }

  /** Whether the last text was, or ended as, something that is not said. */
  get hiding(): boolean {
    return this.#hidden || this.#held !== undefined;
  }

  /** Whether reasoning has ended that was not begun in the text. */
  get endedUnopened(): boolean {
    return this.#endedUnopened;
  }

  /** Whether reasoning has ended, however it began. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the text had reasoning. */
  get hadReasoning(): boolean {
    return this.#reasoning;
  }

  /** Whether the text had calls of tools. */
  get hadCalls(): boolean {
    return this.#calls;
  }

  /** Takes the next text; returns what of it, and of the text before, is to be said. */
  push(text: string): string {
    this.#pending += text;
    this.#hidden = this.#mode !== 'text';
    return this.#read(false);
  }

  /** What was held back, once the text has ended. */
  flush(): string {
    const said = this.#read(true) + this.release();
    const lead = this.#trims ? '' : this.#lead;
    this.#lead = '';
    return said + lead;
  }

  /** The text is known not to be reasoning: returns what was held back as such. */
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
      // A tag in Markdown's code is spoken about, not used. Special tokens are never.
      const quoted = found?.name.startsWith('<') && (at > 0 ? text.charAt(at - 1) : this.#before) === '`';
      const mayGoOn = quoted ? at + length === text.length : found === undefined && mayBeMark(text, at);
      if (!ended && mayGoOn) break;
      if (found && !(quoted && text.charAt(at + length) === '`')) said += this.#mark(found.mark, found.name);
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
      return '';
    }
    if (this.#held) {
      this.#held.push(text);
      return '';
    }
    return this.#trimmed(text);
  }

  /** White space between what was hidden and the first words belongs to neither. */
  #trimmed(text: string): string {
    const said = this.#lead + text;
    const blank = said.trim() === '';
    if (!this.#saidSomething && blank && said.length <= longestLead) {
      this.#lead = said;
      return '';
    }
    this.#lead = '';
    this.#saidSomething ||= !blank;
    const trims = this.#trims;
    this.#trims &&= blank;
    return trims ? said.trimStart() : said;
  }

  #mark(mark: Mark, name: string): string {
    // A model that goes on with the messages of others has ended its own.
    if (this.#message === 'foreign' && this.#mode === 'foreign') return '';
    const headText = this.#mode === 'head' ? this.#endHead() : '';
    return headText + this.#turn(mark, name);
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
        this.#head = name === '<|channel|>' || name === 'channel' ? 'channel ' : '';
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
    // Reasoning that has its opening mark: what was held are words before it.
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
      : this.#head.length <= longestHead;
    return goesOn ? '' : this.#endHead();
  }

  /** Decides by the head of a message what its text is; returns what turned out to be text. */
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
    if (head.length > longestHead) {
      this.#mode = 'text';
      return this.#take(head);
    }
    this.#message = messageOf(head);
    this.#mode = this.#message;
    if (this.#message === 'call') this.#calls = true;
    if (this.#message === 'reasoning') this.#reasoning = true;
    return '';
  }
}

/** By the head of a message: a role (`assistant`, `user`), or a channel of the harmony format (`channel analysis`). */
function messageOf(head: string): Exclude<Mode, 'head'> {
  const [first = '', second = ''] = head.trim().toLowerCase().split(/\s+/);
  if (head.includes('to=')) return 'call';
  if (first === 'channel') return second.startsWith('analysis') || second === 'thought' ? 'reasoning' : 'text';
  return foreignRoles.test(first) || first.startsWith('functions.') ? 'foreign' : 'text';
}
