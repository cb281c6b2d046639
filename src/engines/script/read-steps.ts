/** Reads the steps of a rule: what is said, what is called, how slowly, and how it fails. */

import { nearest } from '../../protocol/parse/nearest.ts';
import type { RequestKind } from '../../session/ports/engines.ts';
import type { ModelUsage } from '../../session/ports/language-model.ts';
import { type DocumentNode, list, type Tree } from './document.ts';
import type { Delays, Failure, ScriptedCall, Step } from './script.ts';
import { parseTemplate, referencesIn, type Template } from './template.ts';

export const stepFields = ['say', 'call', 'with', 'then', 'delays', 'usage', 'finish', 'fail'] as const;

const delayNames = {
  transcriber: 'transcriber',
  'first-token': 'firstToken',
  'between-tokens': 'betweenTokens',
  voice: 'voice',
} as const satisfies Record<string, keyof Delays>;
type DelayName = keyof typeof delayNames;

const maxTokens = 1_000_000_000;

/** What references in a step may name. */
interface Scope {
  captures: ReadonlySet<string>;
  /** The tools called in earlier steps, whose outputs are known. */
  called: Set<string>;
}

/** The steps of a rule (whose fields are read already), of `else` or of `then`, in the order in which they are made. */
export function readSteps(
  part: DocumentNode,
  captures: ReadonlySet<string>,
  fields?: ReadonlyMap<string, DocumentNode>,
): Step[] {
  return stepsOf(part, { captures, called: new Set() }, fields);
}

function stepsOf(part: DocumentNode, scope: Scope, known?: ReadonlyMap<string, DocumentNode>): Step[] {
  if (part.isList) return part.eachOf().flatMap((each) => stepsOf(each, scope));
  if (!part.isMapping) {
    const say = readTemplate(part, scope);
    return say === undefined ? [] : [{ place: part.place, say, calls: [], delays: {}, finish: 'stop' }];
  }
  const fields = known ?? part.fields('a step', stepFields);
  if (fields === undefined) return [];
  const step = readStep(part, fields, scope);
  for (const { name } of step.calls) scope.called.add(name);
  const then = fields.get('then');
  return [step, ...(then === undefined ? [] : stepsOf(then, scope))];
}

function readStep(part: DocumentNode, fields: ReadonlyMap<string, DocumentNode>, scope: Scope): Step {
  const sayPart = fields.get('say');
  const say = sayPart && readTemplate(sayPart, scope);
  const calls = readCalls(fields.get('call'), fields.get('with'), scope);
  const delays = readDelays(fields.get('delays'), ['first-token', 'between-tokens', 'voice']);
  const usage = readUsage(fields.get('usage'));
  const finish = fields.get('finish')?.choice(['stop', 'length', 'content_filter']) ?? 'stop';
  const failure = readFailure(fields.get('fail'));
  if (!['say', 'call', 'fail'].some((name) => fields.has(name))) {
    part.problem("there is nothing to do here: it needs 'say', 'call' or 'fail'.");
  }
  return {
    place: part.place,
    calls,
    delays,
    finish,
    ...(say && { say }),
    ...(usage && { usage }),
    ...(failure && { failure }),
  };
}

function readCalls(call: DocumentNode | undefined, args: DocumentNode | undefined, scope: Scope): ScriptedCall[] {
  if (call === undefined) {
    args?.problem("'with' gives the arguments of a call: it needs 'call' beside it.");
    return [];
  }
  if (call.isScalar) return readCall(call, call, args, scope);
  args?.problem("with a list of calls, each has its own arguments: write - name: …, and 'with' below it.");
  return call.eachOf().flatMap((each) => {
    if (each.isScalar) return readCall(each, each, undefined, scope);
    const fields = each.fields('a call', ['name', 'with']);
    const name = fields?.get('name');
    if (fields !== undefined && name === undefined) each.problem("a call needs the 'name' of a tool.");
    return name === undefined ? [] : readCall(each, name, fields?.get('with'), scope);
  });
}

function readCall(
  part: DocumentNode,
  namePart: DocumentNode,
  args: DocumentNode | undefined,
  scope: Scope,
): ScriptedCall[] {
  const name = namePart.text('the name of a tool');
  if (name === undefined) return [];
  if (args?.isScalar) {
    const raw = readTemplate(args, scope);
    return raw === undefined ? [] : [{ place: part.place, name, arguments: raw }];
  }
  if (args !== undefined && !args.isMapping) {
    args.problem('the arguments of a call are a mapping, or text that is sent as it is, such as \'{"count": {{1}}}\'.');
    return [];
  }
  const tree: Tree<Template> =
    args?.tree((text, leaf) =>
      checkReferences(
        parseTemplate(text, leaf.place, (message) => leaf.problem(message)),
        leaf,
        scope,
      ),
    ) ?? new Map();
  return [{ place: part.place, name, arguments: tree }];
}

function readTemplate(part: DocumentNode, scope: Scope): Template | undefined {
  const text = part.text('text, where {{name}} stands for what a pattern caught');
  if (text === undefined) return undefined;
  return checkReferences(
    parseTemplate(text.trimEnd(), part.place, (message) => part.problem(message)),
    part,
    scope,
  );
}

/** Refuses references to what there cannot be. */
function checkReferences(template: Template, part: DocumentNode, { captures, called }: Scope): Template {
  const names = [...captures, 'heard', 'turn', ...(called.size > 0 ? ['output', 'outputs'] : [])];
  for (const { path } of referencesIn(template)) {
    const [name, ...rest] = path;
    if (names.includes(name)) {
      const [tool] = rest;
      if (name !== 'outputs' || (tool !== undefined && called.has(tool))) continue;
      part.problem(`{{${path.join('.')}}}: write {{outputs.NAME}} with a tool called before: ${list([...called])}.`);
    } else if (name === 'output' || name === 'outputs') {
      part.problem(`{{${path.join('.')}}}: no tool is called before this, so there is no output.`);
    } else {
      const meant = nearest(name, names);
      const hint = meant === undefined ? '' : ` Did you mean {{${meant}}}?`;
      part.problem(`{{${name}}} is not known here.${hint} Known: ${list(names)}.`);
    }
  }
  return template;
}

export function readDelays(part: DocumentNode | undefined, allowed: readonly DelayName[]): Partial<Delays> {
  const delays: { -readonly [Name in keyof Delays]?: number } = {};
  for (const [name, value] of part?.fields('delays', allowed) ?? []) {
    const ms = value.duration();
    const key = allowed.find((each) => each === name);
    if (key !== undefined && ms !== undefined) delays[delayNames[key]] = ms;
  }
  return delays;
}

/** `{ input, output, cached }`, in tokens. */
export function readUsage(part: DocumentNode | undefined): ModelUsage | undefined {
  const fields = part?.fields('usage', ['input', 'output', 'cached']);
  if (part === undefined || fields === undefined) return undefined;
  const tokens = (name: string) => fields.get(name)?.integer(0, maxTokens);
  const input = tokens('input');
  const output = tokens('output');
  const cached = tokens('cached');
  if (!fields.has('input') || !fields.has('output')) part.problem("usage needs 'input' and 'output', in tokens.");
  if (input === undefined || output === undefined) return undefined;
  if (cached !== undefined && cached > input) part.problem(`'cached' (${cached}) is a part of 'input' (${input}).`);
  return { inputTokens: input, outputTokens: output, ...(cached !== undefined && { cachedInputTokens: cached }) };
}

const hows = ['throw', 'stall', 'end', 'drop'] as const;

/** What a step's failure may be of, as scripts name it. */
const failingStages = { model: 'languageModel', voice: 'voice' } as const satisfies Record<string, RequestKind>;

/** A failure, by its name or in full. `only`: what it can be of; otherwise the language model or the voice. */
export function readFailure(part: DocumentNode | undefined, only?: RequestKind): Failure | undefined {
  if (part === undefined) return undefined;
  const message = `the script says so (${part.place})`;
  if (!part.isMapping) {
    const how = part.choice(hows);
    return how && { place: part.place, kind: only ?? 'languageModel', how, after: 0, message };
  }
  const fields = part.fields('a failure', ['how', ...(only ? [] : ['stage']), 'after', 'message']);
  if (fields === undefined) return undefined;
  const how = fields.get('how')?.choice(hows);
  if (!fields.has('how')) part.problem(`a failure needs 'how': ${list(hows)}.`);
  const kind = only ?? failingStages[fields.get('stage')?.choice(['model', 'voice']) ?? 'model'];
  const afterPart = fields.get('after');
  const after = kind === 'voice' ? afterPart?.duration() : afterPart?.integer(0, 1_000_000);
  const own = fields.get('message')?.text();
  return how && { place: part.place, kind, how, after: after ?? 0, message: own ?? message };
}
