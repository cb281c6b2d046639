/** A script as the engines use it: everything in it is checked. docs/testing.md describes the file. */

import type { RequestKind } from '../../session/ports/engines.ts';
import type { ModelEvent, ModelUsage } from '../../session/ports/language-model.ts';
import type { Tree } from './document.ts';
import type { Matcher } from './matcher.ts';
import type { Template } from './template.ts';

export interface Script {
  /** How messages name the file. */
  readonly file: string;
  /** Makes ids the same in every run. */
  readonly seed?: string;
  /** What the transcriber hears in the first, second, … spoken turn, instead of listening. */
  readonly hears?: HearsSection;
  /** What speaks; absent: the voice that the server is configured with. */
  readonly voice?: ToneSettings;
  readonly delays: Delays;
  readonly usage?: ModelUsage;
  /** The first that fits a turn answers it. */
  readonly rules: readonly Rule[];
  /** For turns that no rule fits. */
  readonly otherwise?: readonly Step[];
}

/** Milliseconds that each stage waits. */
export interface Delays {
  /** Before the first word of a transcript. */
  readonly transcriber: number;
  /** Before the first piece of an answer. */
  readonly firstToken: number;
  /** Before every further piece. */
  readonly betweenTokens: number;
  /** Before the audio of each clause. */
  readonly voice: number;
}

export interface HearsSection {
  readonly place: string;
  readonly turns: readonly ScriptedTurn[];
}

/** What one spoken turn is heard as. */
export interface ScriptedTurn {
  /** Absent: the configured transcriber listens. */
  readonly text?: string;
  readonly delayMs?: number;
  readonly confidence?: number;
  readonly failure?: Failure;
}

/** A tone, or silence, in the place of speech. */
export interface ToneSettings {
  readonly sound: 'tone' | 'silence';
  /** Milliseconds for each word, or for a whole clause. */
  readonly perWordMs?: number;
  readonly lengthMs?: number;
}

export interface Rule {
  readonly place: string;
  /** Any of these; empty: whatever the words. */
  readonly when: readonly Matcher[];
  /** The nth message of the user in the conversation; 0: before the first. */
  readonly turn?: number;
  /** Answers one turn of a conversation, and none after it. */
  readonly once: boolean;
  readonly steps: readonly Step[];
}

/** What is said and called in one go. After calls the next step waits for their outputs. */
export interface Step {
  readonly place: string;
  readonly say?: Template;
  readonly calls: readonly ScriptedCall[];
  readonly delays: Partial<Delays>;
  readonly usage?: ModelUsage;
  readonly finish: Extract<ModelEvent, { type: 'finish' }>['reason'];
  readonly failure?: Failure;
}

export interface ScriptedCall {
  readonly place: string;
  readonly name: string;
  /** Arguments as they are sent, or as a value that becomes JSON. */
  readonly arguments: Template | Tree<Template>;
}

/** How an engine goes wrong. */
export interface Failure {
  readonly place: string;
  readonly kind: RequestKind;
  /** throw: it fails. stall: it gives nothing more. end: it ends too early. drop: the client's connection is cut. */
  readonly how: 'throw' | 'stall' | 'end' | 'drop';
  /** What it still gives: tokens of the model, words of the transcriber, milliseconds of the voice. */
  readonly after: number;
  readonly message: string;
}

/** A script that cannot be used. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  /** Each a sentence that begins with `file:line:column:`, or with the file. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
