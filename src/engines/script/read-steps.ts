/** Schemas of the steps of a rule: text, calls, delays and failures. */

import { isMap, isScalar, isSeq } from 'yaml';
import { z } from 'zod';
import type { RequestKind } from '../../session/ports/engines.ts';
import { legalToolName, type ModelUsage } from '../../session/ports/language-model.ts';
import { choice, duration, entriesOf, expecting, integer, listOf, mapping, placeOf, text, written } from './schema.ts';
import type { Failure, JsonTemplate, ScriptedCall, Step } from './script.ts';
import { parseTemplate } from './template.ts';

type Fields<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>> & { place: string };

const tokens = integer(0, 1_000_000_000);

/** `{ input, output, cached }`, in tokens. */
export const usage = mapping('usage', { input: tokens, output: tokens, cached: tokens.optional() })
  .refine(({ input, cached = 0 }) => cached <= input, "'cached' is a part of 'input': it cannot be more.")
  .transform(
    ({ input, output, cached }): ModelUsage => ({
      inputTokens: input,
      outputTokens: output,
      cachedInputTokens: cached,
    }),
  );

const failureShape = {
  how: choice(['throw', 'stall', 'end', 'drop']),
  after: z.unknown().optional(),
  message: text().optional(),
};

export const transcriberFailure = mapping('a failure', failureShape, 'how').transform((read, context) =>
  failureOf('transcriber', read, context),
);

const stepFailure = mapping(
  'a failure',
  { ...failureShape, stage: choice(['model', 'voice']).optional() },
  'how',
).transform((read, context) => failureOf(read.stage === 'voice' ? 'voice' : 'languageModel', read, context));

function failureOf(kind: RequestKind, read: Fields<typeof failureShape>, context: z.RefinementCtx): Failure {
  const { place, how, message = `the script says so (${place})` } = read;
  const after = (kind === 'voice' ? duration : integer(0, 1_000_000)).default(0).safeParse(read.after);
  for (const issue of after.error?.issues ?? [])
    context.issues.push({ ...issue, path: ['after'], input: read.after } as z.core.$ZodRawIssue);
  return { place, kind, how, after: after.data ?? 0, message };
}

const say = expecting('text, in which {{name}} stands for a capture of a pattern', (node) => {
  const text = written(node);
  return text === undefined ? undefined : parseTemplate(text.trimEnd(), placeOf(node));
});

const callArguments = expecting(
  'the arguments of a call: a mapping, or text that is sent as it is, such as \'{"count": {{1}}}\'',
  (node): JsonTemplate | undefined => {
    if (isMap(node)) return jsonTemplate(node);
    const text = written(node);
    return text === undefined ? undefined : parseTemplate(text, placeOf(node));
  },
);

function jsonTemplate(node: unknown): JsonTemplate {
  if (isSeq(node)) return node.items.map(jsonTemplate);
  if (isMap(node)) return new Map(entriesOf(node).map(([name, value]) => [name, jsonTemplate(value)]));
  const value = isScalar(node) ? node.value : null;
  if (typeof value === 'string') return parseTemplate(value, placeOf(node));
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

const call = mapping(
  'a call',
  {
    name: text('the name of a tool'),
    server: text('the label of a server').optional(),
    with: callArguments.optional(),
  },
  'name',
);

const delay = duration.optional();

export const stepShape = {
  say: say.optional(),
  call: listOf(call).optional(),
  with: callArguments.optional(),
  // biome-ignore lint/suspicious/noThenProperty: a field of the file
  then: z.lazy(() => steps).optional(),
  delays: mapping('delays', { 'first-token': delay, 'between-tokens': delay, voice: delay }).optional(),
  usage: usage.optional(),
  finish: choice(['stop', 'length', 'content_filter']).default('stop'),
  fail: stepFailure.optional(),
};

/** A step and those after it, in the order in which they are made. */
export function stepsOf(read: Fields<typeof stepShape>, context: z.RefinementCtx): Step[] {
  const { place, say, call: calls = [], with: args, delays = {}, usage, finish, fail: failure } = read;
  const problem = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', message, path });
  if (!say && !read.call && !failure) problem("there is nothing to do here: it needs 'say', 'call' or 'fail'.");
  if (args !== undefined && calls.length === 0)
    problem("'with' gives the arguments of a call: it needs 'call' beside it.", 'with');
  if (args !== undefined && (calls.length > 1 || calls[0]?.with !== undefined))
    problem("with a list of calls, each has its own arguments: write - name: …, and 'with' below it.", 'with');
  const made = calls.map(
    (call): ScriptedCall => ({
      place: call.place,
      name: call.server === undefined ? call.name : legalToolName(call),
      byServer: call.server !== undefined,
      arguments: call.with ?? args ?? new Map(),
    }),
  );
  return [{ place, say, calls: made, delays, usage, finish, failure }, ...(read.then ?? [])];
}

/** Text, a step, or a list of them. */
export const steps: z.ZodType<Step[]> = listOf(mapping('a step', stepShape, 'say').transform(stepsOf)).transform(
  (all) => all.flat(),
);
