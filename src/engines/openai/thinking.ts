/** Takes out of a stream of text the reasoning that models write before their answer: `<think>…</think>`. */

const opening = ['<think>', '<thinking>', '<reasoning>'];
/** White space before what may be reasoning, in characters; with more, it is the answer. */
const maxHeld = 1024;

export class ThinkingFilter {
  /** Held until it is known whether the text begins with reasoning. */
  #held = '';
  #state: 'start' | 'thinking' | 'answer' = 'start';
  #closing = '';
  #thought = false;

  /** Whether what was pushed last is reasoning. */
  get thinking(): boolean {
    return this.#state === 'thinking';
  }

  /** Takes the next text and returns what of it is to be said. */
  push(text: string): string {
    if (this.#state === 'answer') return text;
    this.#held += text;
    // There may be more reasoning behind the first.
    for (;;) {
      if (this.#state === 'start') {
        const begun = this.#held.trimStart();
        const tag = opening.find((each) => begun.startsWith(each));
        if (tag === undefined) {
          const mayBegin = this.#held.length <= maxHeld && opening.some((each) => each.startsWith(begun));
          return mayBegin ? '' : this.#answer(this.#held);
        }
        this.#state = 'thinking';
        this.#thought = true;
        this.#closing = tag.replace('<', '</');
        this.#held = begun.slice(tag.length);
      }
      const end = this.#held.indexOf(this.#closing);
      if (end < 0) {
        // Of the reasoning only what may be the beginning of its end is kept.
        this.#held = this.#held.slice(-this.#closing.length);
        return '';
      }
      this.#state = 'start';
      this.#held = this.#held.slice(end + this.#closing.length);
    }
  }

  /** What was held and turned out to be no reasoning. */
  flush(): string {
    return this.#state === 'start' ? this.#answer(this.#held) : '';
  }

  #answer(text: string): string {
    this.#state = 'answer';
    this.#held = '';
    // What separates reasoning and answer is part of neither.
    return this.#thought ? text.trimStart() : text;
  }
}
