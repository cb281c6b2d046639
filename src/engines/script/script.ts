/** A parsed and validated script. docs/testing.md describes the file. */

import type { RequestKind } from '../../session/ports/engines.ts';
import type { ModelEvent, ModelUsage } from '../../session/ports/language-model.ts';
import type { Matcher } from './matcher.ts';
import type { Template } from './template.ts';

export interface Script {
  /** Name of the file in messages. */
  readonly file: string;
  /** Seed for ids, so that they are the same in every run. */
  readonly seed?: string;
  /** Transcripts of the first, second, … spoken turn, in place of recognition. */
  readonly hears?: HearsSection;
  /** Synthetic voice; absent: the configured voice. */
  readonly voice?: ToneSettings;
  readonly delays: Delays;
  readonly usage?: ModelUsage;
  /** The first match answers a turn. */
  readonly rules: readonly Rule[];
  /** For turns that no rule matches. */
  readonly otherwise?: readonly Step[];
}

/** Delay of each stage in milliseconds. */
export interface Delays {
  /** Before the first word of a transcript. */
  readonly transcriber: number;
  /** Before the first piece of an answer. */
  readonly 'first-token': number;
  /** Before every other piece. */
  readonly 'between-tokens': number;
  /** Before the audio of each clause. */
  readonly voice: number;
}

export interface HearsSection {
  readonly place: string;
  readonly turns: readonly ScriptedTurn[];
}

/** The transcript of one spoken turn. */
export interface ScriptedTurn {
  /** Absent: the configured transcriber. */
  readonly text?: string;
  readonly delayMs?: number;
  readonly confidence?: number;
  /** Absent: no words during speech. */
  readonly partials?: ScriptedPartials;
  readonly failure?: Failure;
}

/** Words that are sent while the turn is spoken. */
export interface ScriptedPartials {
  readonly text: string;
  /** Milliseconds of audio for each word. */
  readonly perWordMs: number;
}

/** A tone or silence in place of speech. */
export interface ToneSettings {
  readonly sound: 'tone' | 'silence';
  /** Milliseconds per word, or per clause. */
  readonly perWordMs?: number;
  readonly lengthMs?: number;
}

export interface Rule {
  readonly place: string;
  /** Alternatives; empty: any words. */
  readonly when: readonly Matcher[];
  /** Number of the user's message in the conversation; 0: before the first. */
  readonly turn?: number;
  /** Answers only one turn of a conversation. */
  readonly once: boolean;
  readonly steps: readonly Step[];
}

/** Text and calls of one response. After calls, the next step waits for their outputs. */
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
  /** The name of the tool for engines. */
  readonly name: string;
  /** Whether it is known to be a tool that this server runs. */
  readonly byServer: boolean;
  readonly arguments: JsonTemplate;
}

/** A JSON value in which strings are templates. As the whole arguments, a template is their text. */
export type JsonTemplate = Template | number | boolean | null | JsonTemplate[] | Map<string, JsonTemplate>;

/** A simulated failure. */
export interface Failure {
  readonly place: string;
  readonly kind: RequestKind;
  /**
   * throw: the stage fails. stall: no further output. end: the output ends early. drop: the client's connection is cut.
   */
  readonly how: 'throw' | 'stall' | 'end' | 'drop';
  /** Output before the failure: tokens of the model, words of the transcriber, milliseconds of the voice. */
  readonly after: number;
  readonly message: string;
}

/** An invalid script. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  /** One sentence per mistake, which starts with `file:line:column:`, or with the file. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
