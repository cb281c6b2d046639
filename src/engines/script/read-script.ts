/** Reads a script: the mapping at its top, its settings and its rules. Steps are read in `read-steps.ts`. */

import { type DocumentNode, ScriptDocument } from './document.ts';
import { captureNames, type Matcher, parseMatcher } from './matcher.ts';
import { readDelays, readFailure, readSteps, readUsage, stepFields } from './read-steps.ts';
import {
  type Delays,
  type HearsSection,
  type Rule,
  type Script,
  ScriptError,
  type ScriptedTurn,
  type ToneSettings,
} from './script.ts';

/** A cassette that a script file names, and how it is played. */
export interface ReplaySettings {
  /** The folder, as written. */
  readonly cassette: string;
  /** Makes ids the same in every run. */
  readonly seed?: string;
  /** Whether answers take as long as they did, or come at once. */
  readonly timing: 'recorded' | 'instant';
  /** Whether what the user says must be the recorded audio, sample by sample, or only the turn counts. */
  readonly audio: 'exact' | 'any';
}

const scriptFields = ['rules', 'else', 'hears', 'voice', 'delays', 'usage', 'seed'] as const;
/** `recording` is the deprecated name. */
const cassetteFields = ['cassette', 'recording'] as const;
const replayFields = [...cassetteFields, 'timing', 'audio', 'seed'] as const;
const noDelays: Delays = { transcriber: 0, firstToken: 0, betweenTokens: 0, voice: 0 };
const maxRules = 10_000;

/**
 * Reads the text of a script file; `file` is how messages name it.
 * @throws {ScriptError} with every mistake, each with its line and column
 */
export function readScript(file: string, text: string): Script | ReplaySettings {
  const document = new ScriptDocument(file, text);
  const read = document.root === undefined ? undefined : readTop(document.root, file);
  if (document.problems.length > 0) throw new ScriptError(document.problems);
  if (read === undefined) {
    throw new ScriptError([`${file}:1:1: this script is empty. The smallest one is "else: Hello!".`]);
  }
  return read;
}

function readTop(root: DocumentNode, file: string): Script | ReplaySettings | undefined {
  const replays = root.isMapping && cassetteFields.some((name) => root.entries('a mapping')?.has(name));
  if (replays) return readReplay(root);
  const fields = root.fields('a script', [...scriptFields, 'cassette']);
  if (fields === undefined) return undefined;
  const rules = readRules(fields.get('rules'));
  const otherwise = fields.get('else');
  if (!fields.has('rules') && otherwise === undefined) {
    return root.problem("this script answers nothing: it needs 'rules', 'else' or both.");
  }
  const seed = fields.get('seed')?.text();
  const hears = readHears(fields.get('hears'));
  const voice = readVoice(fields.get('voice'));
  const usage = readUsage(fields.get('usage'));
  const delays = readDelays(fields.get('delays'), ['transcriber', 'first-token', 'between-tokens', 'voice']);
  return {
    file,
    rules,
    delays: { ...noDelays, ...delays },
    ...(seed !== undefined && { seed }),
    ...(hears && { hears }),
    ...(voice && { voice }),
    ...(usage && { usage }),
    ...(otherwise && { otherwise: readSteps(otherwise, new Set()) }),
  };
}

function readReplay(root: DocumentNode): ReplaySettings | undefined {
  const fields = root.fields('a script that plays a cassette', replayFields);
  const cassette = (fields?.get('cassette') ?? fields?.get('recording'))?.text('the folder of a cassette');
  const seed = fields?.get('seed')?.text();
  const timing = fields?.get('timing')?.choice(['recorded', 'instant']) ?? 'instant';
  const audio = fields?.get('audio')?.choice(['exact', 'any']) ?? 'exact';
  return cassette === undefined ? undefined : { cassette, timing, audio, ...(seed !== undefined && { seed }) };
}

function readRules(part: DocumentNode | undefined): Rule[] {
  if (part === undefined) return [];
  const parts = part.eachOf();
  if (parts.length > maxRules) part.problem(`there are ${parts.length} rules; a script takes ${maxRules}.`);
  return parts.flatMap((each) => readRule(each) ?? []);
}

function readRule(part: DocumentNode): Rule | undefined {
  const fields = part.fields('a rule', ['when', 'turn', 'once', ...stepFields]);
  if (fields === undefined) return undefined;
  const whenPart = fields.get('when');
  const turn = fields.get('turn')?.integer(0, 1_000_000);
  if (whenPart === undefined && !fields.has('turn') && fields.size === part.size) {
    part.problem("a rule needs 'when', 'turn' or both. What answers any other turn stands under 'else', at the top.");
  }
  const when = whenPart === undefined ? [] : readMatchers(whenPart);
  const once = fields.get('once')?.boolean() ?? false;
  const captures = new Set(when.flatMap(captureNames));
  for (const name of ['heard', 'turn', 'output', 'outputs']) {
    if (captures.has(name)) whenPart?.problem(`a group cannot be named '${name}': {{${name}}} has a meaning already.`);
  }
  return {
    place: part.place,
    when,
    once,
    ...(turn !== undefined && { turn }),
    steps: readSteps(part, captures, fields),
  };
}

function readMatchers(part: DocumentNode): Matcher[] {
  return part.eachOf().flatMap((each) => {
    const text = each.text('words such as "hello", a pattern such as /order (\\d+)/i, or a list of them');
    if (text === undefined) return [];
    return parseMatcher(text, (message) => each.problem(message)) ?? [];
  });
}

function readHears(part: DocumentNode | undefined): HearsSection | undefined {
  if (part === undefined) return undefined;
  return { place: part.place, turns: part.eachOf().flatMap((each) => readHearing(each) ?? []) };
}

function readHearing(part: DocumentNode): ScriptedTurn | undefined {
  if (!part.isMapping) {
    const text = part.text('what the turn is heard as: text, or a mapping with text, listen, delay, confidence, fail');
    return text === undefined ? undefined : { text };
  }
  const fields = part.fields('what is heard', ['text', 'listen', 'delay', 'confidence', 'fail']);
  const text = fields?.get('text')?.text();
  const listen = fields?.get('listen')?.boolean() ?? false;
  const delayMs = fields?.get('delay')?.duration();
  const confidence = fields?.get('confidence')?.fraction();
  const failure = readFailure(fields?.get('fail'), 'transcriber');
  if (listen && text !== undefined)
    part.problem("'listen: true' asks the configured transcriber: 'text' has no use then.");
  if (!listen && text === undefined && failure === undefined) {
    part.problem("this needs 'text' (what is heard), 'listen: true' (real recognition) or 'fail'.");
  }
  return {
    ...(!listen && { text: text ?? '' }),
    ...(delayMs !== undefined && { delayMs }),
    ...(confidence !== undefined && { confidence }),
    ...(failure && { failure }),
  };
}

function readVoice(part: DocumentNode | undefined): ToneSettings | undefined {
  if (part === undefined) return undefined;
  if (!part.isMapping) {
    const sound = part.choice(['tone', 'silence']);
    return sound && { sound };
  }
  const fields = part.fields('a voice', ['sound', 'per-word', 'length']);
  const sound = fields?.get('sound')?.choice(['tone', 'silence']) ?? 'tone';
  const perWordMs = fields?.get('per-word')?.duration();
  const lengthMs = fields?.get('length')?.duration();
  if (perWordMs !== undefined && lengthMs !== undefined) {
    part.problem("'per-word' and 'length' exclude each other: give the length of a word or of a whole clause.");
  }
  return { sound, ...(perWordMs !== undefined && { perWordMs }), ...(lengthMs !== undefined && { lengthMs }) };
}
