/**
 * Reads options from flags, environment and file, in this order of precedence. Each value knows its source, for
 * messages.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { isJsonObject } from '../core/json.ts';
import { nearest } from '../protocol/parse/nearest.ts';
import { byName, isDeprecatedName, type NamedOption } from './option.ts';

/** The parsed values, before the cross checks. */
export interface GatheredOptions {
  /** By the key of the option. */
  readonly values: Map<string, unknown>;
  /** One sentence per problem: the source, the option, what is wrong and what is allowed. */
  readonly problems: string[];
  readonly warnings: string[];
}

export interface Sources {
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function gather(options: readonly NamedOption[], sources: Sources): GatheredOptions {
  const gathered: GatheredOptions = { values: new Map(), problems: [], warnings: [] };
  const flags = readFlags(options, sources.flags, gathered);
  const file = flags.get('config') ?? sources.environment.PARLEY_CONFIG;
  if (file !== undefined && file !== '') readFile(options, file, gathered);
  readEnvironment(options, sources.environment, gathered);
  for (const each of options) {
    const text = flags.get(each.name);
    if (text !== undefined)
      take(gathered, each, { value: each.option.kind.fromText(text), where: each.flag, raw: text });
  }
  return gathered;
}

/**
 * Values from a program, in place of all other sources. They have the types of the options, or the form that a
 * configuration file uses; `undefined` means the default.
 */
export function gatherFromCode(options: readonly NamedOption[], overrides: unknown): GatheredOptions {
  const gathered: GatheredOptions = { values: new Map(), problems: [], warnings: [] };
  const names = new Map(options.map((each) => [each.key, each]));
  const content = { names, sections: sectionsOf(options), prefix: 'config.', isFile: false };
  if (isJsonObject(overrides)) readEntries(content, '', overrides, gathered);
  else gathered.problems.push(`config: got ${quote(overrides)}, expected an object of options.`);
  return gathered;
}

function take(
  gathered: Pick<GatheredOptions, 'values' | 'problems'>,
  { key, option }: NamedOption,
  from: { value: unknown; where: string; raw: unknown },
): void {
  if (from.value !== undefined) {
    gathered.values.set(key, from.value);
    return;
  }
  const { secret, allowed, explain } = option.kind;
  const what = secret ? 'a value that is not allowed' : quote(from.raw);
  const explained = explain?.(from.raw);
  gathered.problems.push(`${from.where}: got ${what}, expected ${allowed}.${explained ? ` ${explained}` : ''}`);
}

function readFlags(
  options: readonly NamedOption[],
  args: readonly string[],
  { problems, warnings }: Pick<GatheredOptions, 'problems' | 'warnings'>,
): Map<string, string> {
  const known = byName(options, ({ name }) => name);
  const names = [...known.keys(), 'config', 'help'];
  const { tokens } = parseArgs({
    args: withBareValues(args, known),
    options: Object.fromEntries([...known.keys(), 'config'].map((name) => [name, { type: 'string' as const }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags = new Map<string, string>();
  let unknown = false;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      // The argument after an unknown flag is probably its value, so only the flag is reported.
      if (!unknown) problems.push(`${quote(token.value)} is not an option: options start with --.`);
      unknown = false;
      continue;
    }
    if (token.kind !== 'option') continue;
    unknown = token.name !== 'config' && !known.has(token.name);
    if (unknown) {
      problems.push(`${token.rawName} is not an option.${didYouMean(token.name, names, '--')}`);
      continue;
    }
    const { value } = token;
    if (value === undefined || (!token.inlineValue && value.startsWith('--'))) {
      const allowed = known.get(token.name)?.option.kind.allowed ?? 'the path of a configuration file';
      problems.push(`${token.rawName} needs a value: ${allowed}.`);
      continue;
    }
    const option = known.get(token.name);
    if (option && isDeprecatedName(token.name, option)) warnings.push(deprecation(token.rawName, option.flag));
    const name = option?.name ?? token.name;
    const earlier = flags.get(name);
    const repeatable = option?.option.kind.repeatable ?? false;
    if (earlier !== undefined && !repeatable) problems.push(`${token.rawName} is given twice.`);
    flags.set(name, earlier !== undefined && repeatable ? `${earlier},${value}` : value);
  }
  return flags;
}

/** `--lenient` alone means `--lenient=true`; the next argument is its value only if it is a valid one. */
function withBareValues(args: readonly string[], known: ReadonlyMap<string, NamedOption>): string[] {
  return args.map((arg, index) => {
    const kind = arg.startsWith('--') ? known.get(arg.slice(2))?.option.kind : undefined;
    if (kind?.bare === undefined || kind.fromText(args[index + 1] ?? '') !== undefined) return arg;
    return `${arg}=${kind.bare}`;
  });
}

/** An empty variable counts as unset: compose files and shells pass undefined variables that way. */
function readEnvironment(
  options: readonly NamedOption[],
  environment: Sources['environment'],
  gathered: GatheredOptions,
): void {
  const seen = new Map<string, string>();
  const byVariable = byName(options, ({ variable }) => variable);
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('PARLEY_') || variable === 'PARLEY_CONFIG' || text === undefined || text === '') continue;
    const known = byVariable.get(variable);
    if (known === undefined) {
      const hint = didYouMean(variable, [...byVariable.keys(), 'PARLEY_CONFIG'], '');
      gathered.warnings.push(`The environment variable ${variable} is not an option and has no effect.${hint}`);
      continue;
    }
    const where = `Environment variable ${variable}`;
    if (isDeprecatedName(variable, known)) gathered.warnings.push(deprecation(where, known.variable));
    if (duplicateProblem(gathered, known, where, seen)) continue;
    take(gathered, known, { value: known.option.kind.fromText(text), where, raw: text });
  }
}

function readFile(options: readonly NamedOption[], path: string, gathered: GatheredOptions): void {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    const detail = readProblem(error);
    gathered.problems.push(`Configuration file ${path} cannot be read: ${detail}`);
    return;
  }
  if (content === null) return;
  if (!isJsonObject(content)) {
    gathered.problems.push(`Configuration file ${path}: expected a mapping of options, such as "port: 8080".`);
    return;
  }
  const names = byName(options, ({ name }) => name);
  const prefix = `Configuration file ${path}, `;
  readEntries({ names, sections: sectionsOf(options), prefix, isFile: true }, '', content, gathered);
}

function readProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file.';
  if (code === 'EISDIR') return 'it is a folder.';
  if (code === 'EACCES') return 'its permissions do not allow it.';
  return error.message.trimEnd();
}

/** A configuration file, or an object from a program. */
interface Content {
  /** Its options, by every name that it may use. */
  readonly names: ReadonlyMap<string, NamedOption>;
  readonly sections: ReadonlySet<string>;
  /** Before a name in messages. */
  readonly prefix: string;
  readonly isFile: boolean;
}

function readEntries(content: Content, section: string, entries: Record<string, unknown>, gathered: GatheredOptions) {
  const { names, sections, prefix, isFile } = content;
  const seen = new Map<string, string>();
  for (const [key, entry] of Object.entries(entries)) {
    const name = `${section}${key}`;
    const known = names.get(name);
    const where = `${prefix}${name}`;
    if (known === undefined && (section !== '' || !sections.has(key))) {
      const hint = didYouMean(name, [...names.keys(), ...sections], isFile ? '' : prefix);
      if (entry !== undefined) gathered.problems.push(`${where} is not an option.${hint}`);
      continue;
    }
    // An entry of a file without a value, as in "api-keys:", keeps its default.
    if (entry === undefined || (isFile && entry === null)) continue;
    if (known === undefined) {
      const expected = `expected ${isFile ? 'a mapping' : 'an object'} of options`;
      if (isJsonObject(entry)) readEntries(content, `${key}.`, entry, gathered);
      else gathered.problems.push(`${where}: got ${quote(entry)}, ${expected}.`);
    } else if (!duplicateProblem(gathered, known, where, seen)) {
      if (isDeprecatedName(name, known)) gathered.warnings.push(deprecation(where, known.name));
      take(gathered, known, { value: known.option.kind.fromFile(entry), where, raw: entry });
    }
  }
}

function deprecation(where: string, name: string): string {
  return `${where} is deprecated and will be removed: use ${name}.`;
}

/** Whether one source sets an option by two of its names, which is a problem. */
function duplicateProblem(
  { problems }: Pick<GatheredOptions, 'problems'>,
  { key }: NamedOption,
  where: string,
  seen: Map<string, string>,
): boolean {
  const earlier = seen.get(key);
  seen.set(key, where);
  if (earlier !== undefined) problems.push(`${where}: ${earlier} is the same option; give one of them.`);
  return earlier !== undefined;
}

/** The sections of options, such as `limits`. */
function sectionsOf(options: readonly NamedOption[]): ReadonlySet<string> {
  return new Set(options.flatMap(({ key }) => (key.includes('.') ? [key.slice(0, key.indexOf('.'))] : [])));
}

function didYouMean(raw: string, names: readonly string[], prefix: string): string {
  const name = nearest(raw, names);
  return name === undefined ? '' : ` Did you mean ${prefix}${name}?`;
}

function quote(raw: unknown): string {
  const text = typeof raw === 'string' ? raw : (JSON.stringify(raw) ?? String(raw));
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
}
