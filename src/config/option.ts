/** An option and its names in each source. */

import type { Kind } from './kinds.ts';

/** The headings of the help, in order. */
export const groups = ['Listening', 'Access', 'Sessions', 'Engines', 'Outgoing', 'Metering', 'Logs', 'Limits'] as const;
export type Group = (typeof groups)[number];

export interface Option<T> {
  readonly group: Group;
  readonly kind: Kind<T>;
  readonly default: T;
  /** One or two sentences for the help, with the unit if the name does not contain it. */
  readonly description: string;
  /** An alias, written as a flag without its dashes. */
  readonly short?: string;
  /** A deprecated name, in the same form: still read, with a warning. */
  readonly formerly?: string;
}

export function option<T>(
  kind: Kind<T>,
  defaultValue: T,
  description: string,
  names: { short?: string; formerly?: string } = {},
): Omit<Option<T>, 'group'> {
  return { kind, default: defaultValue, description, ...names };
}

/** A table of options under one heading. */
export function inGroup<Table extends Record<string, Omit<Option<unknown>, 'group'>>>(group: Group, table: Table) {
  const options = Object.entries(table).map(([key, each]) => [key, { ...each, group }]);
  return Object.fromEntries(options) as { [K in keyof Table]: Table[K] & Pick<Option<unknown>, 'group'> };
}

/** The type of the values that a table of options describes. */
export type Values<Table> = { [K in keyof Table]: Table[K] extends Option<infer T> ? T : never };

/** An option without the type of its kind, for the sources and the help. */
export interface NamedOption {
  /** `outputLeadMs`, `limits.sessions`: the path in a configuration object. */
  readonly key: string;
  /** `output-lead-ms`, `limits.sessions`: the flag without its dashes, and the entry of a file. */
  readonly name: string;
  /** `--output-lead-ms` */
  readonly flag: string;
  /** `PARLEY_OUTPUT_LEAD_MS` */
  readonly variable: string;
  readonly option: Option<unknown>;
}

/** Options by each name that `nameOf` returns, including aliases and deprecated names. */
export function byName(
  options: readonly NamedOption[],
  nameOf: (option: Pick<NamedOption, 'name' | 'variable'>) => string,
): ReadonlyMap<string, NamedOption> {
  const names = options.flatMap((each): [string, NamedOption][] => {
    const { short, formerly } = each.option;
    const others = [short, formerly].filter((name) => name !== undefined);
    return [nameOf(each), ...others.map((name) => nameOf({ name, variable: variableOf(name) }))].map((name) => [
      name,
      each,
    ]);
  });
  return new Map(names);
}

/** Whether an option was set by its deprecated name: a flag without its dashes, an entry of a file or a variable. */
export function isDeprecatedName(name: string, { option: { formerly } }: NamedOption): boolean {
  return formerly !== undefined && (name === formerly || name === variableOf(formerly));
}

/** Converts `outputLeadMs` to `output-lead-ms`. */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variableOf(name: string): string {
  return `PARLEY_${name.toUpperCase().replace(/[.-]/g, '_')}`;
}

/** Adds names to the options of a table; `prefix` is their section, such as `limits`. */
export function listOptions(table: Record<string, Option<unknown>>, prefix = ''): NamedOption[] {
  return Object.entries(table).map(([key, option]) => {
    const name = `${prefix}${optionName(key)}`;
    return { key: `${prefix}${key}`, name, flag: `--${name}`, variable: variableOf(name), option };
  });
}
