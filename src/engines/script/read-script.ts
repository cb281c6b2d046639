/** Reads a script: the mapping at its top, its settings and its rules. `read-steps.ts` has the schemas of steps. */

import { isMap } from 'yaml';
import { z } from 'zod';
import { ScriptDocument } from './document.ts';
import { captureNames, type Matcher, parseMatcher } from './matcher.ts';
import { stepShape, steps, stepsOf, transcriberFailure, usage } from './read-steps.ts';
import { boolean, choice, duration, fraction, integer, listOf, mapping, placeOf, text } from './schema.ts';
import type {
  Delays,
  HearsSection,
  JsonTemplate,
  Rule,
  Script,
  ScriptedPartials,
  ScriptedTurn,
  Step,
  ToneSettings,
} from './script.ts';
import { referenceProblems, type Template } from './template.ts';

/** A cassette named by a script file, and how to play it. */
export interface ReplaySettings {
  /** The folder, as written. */
  readonly cassette: string;
  /** Seed for ids, so that they are the same in every run. */
  readonly seed?: string;
  /** Whether answers are delayed as recorded or sent immediately. */
  readonly timing: 'recorded' | 'instant';
  /** Whether the user's audio must equal the recording sample by sample, or only the turn counts. */
  readonly audio: 'exact' | 'any';
}

const maxRules = 10_000;
/** Names of references that a group of a pattern cannot have. */
const reservedNames = ['heard', 'turn', 'output', 'outputs'];

const matcher = text('words such as "hello", a pattern such as /order (\\d+)/i, or a list of them').transform(
  (written, context): Matcher => {
    const parsed = parseMatcher(written, (message) => context.addIssue(message));
    if (parsed === undefined) return z.NEVER;
    for (const name of captureNames(parsed).filter((each) => reservedNames.includes(each)))
      context.addIssue(`a group cannot be named '${name}': {{${name}}} has a meaning already.`);
    return parsed;
  },
);

const rule = mapping('a rule', {
  when: listOf(matcher).optional(),
  turn: integer(0, 1_000_000).optional(),
  once: boolean.default(false),
  ...stepShape,
}).transform((read, context): Rule => {
  const { place, when, turn, once } = read;
  if (when === undefined && turn === undefined)
    context.addIssue("a rule needs 'when', 'turn' or both. For all other turns, use 'else' at the top.");
  return { place, when: when ?? [], turn, once, steps: stepsOf(read, context) };
});

/** As `voice: tone` speaks. */
const defaultPerWordMs = 250;

const partials = mapping(
  'partials',
  { text: text(), 'per-word': duration.default(defaultPerWordMs) },
  'text',
).transform(({ text, 'per-word': perWordMs }): ScriptedPartials => ({ text, perWordMs }));

const turn = mapping(
  'a spoken turn',
  {
    text: text().optional(),
    listen: boolean.default(false),
    delay: duration.optional(),
    confidence: fraction.optional(),
    partials: partials.optional(),
    fail: transcriberFailure.optional(),
  },
  'text',
).transform(({ text, listen, delay, confidence, partials, fail }, context): ScriptedTurn => {
  if (listen && text !== undefined)
    context.addIssue("'listen: true' asks the configured transcriber: 'text' has no use then.");
  if (listen && partials !== undefined)
    context.addIssue("'listen: true' asks the configured transcriber: 'partials' has no use then.");
  if (!listen && text === undefined && fail === undefined)
    context.addIssue("this needs 'text' (what is heard), 'listen: true' (real recognition) or 'fail'.");
  return { text: listen ? undefined : (text ?? ''), delayMs: delay, confidence, partials, failure: fail };
});

const hears: z.ZodType<HearsSection> = z
  .transform((node: unknown) => ({ place: placeOf(node), turns: node }))
  .pipe(z.object({ place: z.string(), turns: listOf(turn) }));

const voice = mapping(
  'a voice',
  {
    sound: choice(['tone', 'silence']).default('tone'),
    'per-word': duration.optional(),
    length: duration.optional(),
  },
  'sound',
).transform(({ sound, 'per-word': perWordMs, length: lengthMs }, context): ToneSettings => {
  if (perWordMs !== undefined && lengthMs !== undefined)
    context.addIssue("'per-word' and 'length' exclude each other: give the length of a word or of a whole clause.");
  return { sound, perWordMs, lengthMs };
});

const delay = duration.default(0);
const noDelays: Delays = { transcriber: 0, 'first-token': 0, 'between-tokens': 0, voice: 0 };
const delays = mapping('delays', { transcriber: delay, 'first-token': delay, 'between-tokens': delay, voice: delay });

const scriptSchema = mapping('a script', {
  rules: listOf(rule)
    .refine(({ length }) => length <= maxRules, `a script takes ${maxRules} rules; there are more.`)
    .optional(),
  else: steps.optional(),
  hears: hears.optional(),
  voice: voice.optional(),
  delays: delays.optional(),
  usage: usage.optional(),
  seed: text().optional(),
  cassette: text().optional(),
}).refine(
  ({ rules, else: otherwise }) => rules !== undefined || otherwise !== undefined,
  "this script answers nothing: it needs 'rules', 'else' or both.",
);

/** `recording` is the deprecated name. */
const cassetteFields = ['cassette', 'recording'] as const;
const folder = text('the folder of a cassette').optional();
const replaySchema = mapping('a script that plays a cassette', {
  cassette: folder,
  recording: folder,
  timing: choice(['recorded', 'instant']).default('instant'),
  audio: choice(['exact', 'any']).default('exact'),
  seed: text().optional(),
});

/**
 * Reads the text of a script file; `file` is its name in messages.
 * @throws {ScriptError} with the mistakes, each with its line and column
 */
export function readScript(file: string, text: string): Script | ReplaySettings {
  const document = new ScriptDocument(file, text);
  const { root } = document;
  if (isMap(root) && cassetteFields.some((name) => root.has(name))) {
    const { cassette, recording = '', timing, audio, seed } = document.read(replaySchema);
    return { cassette: cassette ?? recording, timing, audio, seed };
  }
  const { rules = [], else: otherwise, hears, voice, delays = noDelays, usage, seed } = document.read(scriptSchema);
  for (const { when, steps } of rules) checkReferences(steps, when.flatMap(captureNames), document);
  checkReferences(otherwise ?? [], [], document);
  document.throwProblems();
  return { file, rules, otherwise, hears, voice, delays, usage, seed };
}

/** Reports references to captures that a rule does not have, and to tools that no earlier step calls. */
function checkReferences(steps: readonly Step[], captures: readonly string[], document: ScriptDocument): void {
  const called: string[] = [];
  for (const { say, calls } of steps) {
    for (const template of templatesIn([...(say ? [say] : []), ...calls.map((call) => call.arguments)])) {
      const problems = referenceProblems(template, { captures, called });
      for (const problem of problems) document.problem(template.place, problem);
    }
    called.push(...calls.map(({ name }) => name));
  }
}

function templatesIn(value: JsonTemplate): Template[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('parts' in value) return [value];
  return [...value.values()].flatMap(templatesIn);
}
