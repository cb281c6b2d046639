/** The terminal output: one line per event, with its time and source. */

import { styleText } from 'node:util';

export type Speaker = 'you' | 'parley' | 'call' | 'timing' | 'note' | 'error';

const styles = {
  you: 'cyan',
  parley: 'green',
  call: 'yellow',
  timing: 'gray',
  note: 'gray',
  error: 'red',
} as const satisfies Record<Speaker, Parameters<typeof styleText>[0]>;

/**
 * Writes to a stream such as `process.stdout`. Text may arrive in pieces; another line in between ends the current one.
 */
export class Report {
  readonly #out: NodeJS.WritableStream;
  #open: Speaker | null = null;

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  line(speaker: Speaker, text: string, atMs: number | null = null): void {
    this.endLine();
    this.#out.write(`${this.#prefix(speaker, atMs)}${printable(text)}\n`);
  }

  /** The next words of a speaker. */
  words(speaker: Speaker, text: string, atMs: number): void {
    if (this.#open !== speaker) {
      this.endLine();
      this.#out.write(this.#prefix(speaker, atMs));
      this.#open = speaker;
      text = text.trimStart();
    }
    this.#out.write(printable(text));
  }

  endLine(): void {
    if (this.#open !== null) this.#out.write('\n');
    this.#open = null;
  }

  #prefix(speaker: Speaker, atMs: number | null): string {
    const time = atMs === null ? '' : `${(atMs / 1000).toFixed(2)} s`;
    return `${time.padStart(9)}  ${styleText(styles[speaker], speaker.padEnd(7))}  `;
  }
}

/** On one line, without characters that control the terminal: models and servers could forge other lines. */
function printable(text: string): string {
  return text.replaceAll(/\r?\n|[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ');
}

/** `340 ms`, `1.24 s` */
export function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
