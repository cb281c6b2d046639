/** Values of a script file, as nodes of YAML, and the schemas that its parts share. */

import { isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { nearest } from '../../protocol/parse/nearest.ts';

const maxDurationMs = 10 * 60_000;

const places = new WeakMap<object, string>();

export function setPlace(node: Node, place: string): void {
  places.set(node, place);
}

/** `file:line:column` */
export function placeOf(node: unknown): string {
  return (typeof node === 'object' && node !== null && places.get(node)) || '';
}

/** The entries of a list, including those of lists in it; any other value is its only entry. */
export function itemsOf(node: unknown): unknown[] {
  return isSeq(node) ? node.items.flatMap(itemsOf) : [node];
}

/** The fields of a mapping by their names. */
export function entriesOf({ items }: YAMLMap): [string, unknown][] {
  return items.map(({ key, value }) => [isScalar(key) ? String(key.value) : '?', value]);
}

/** A scalar as it is in the file, but without quotes: the number 7.10 is the text "7.10". Undefined for anything else. */
export function written(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  const { value, source, type } = node;
  return type === Scalar.PLAIN && typeof value !== 'string' && source !== undefined ? source : String(value);
}

/** A value in a message. */
export function describe(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  const text = written(node);
  return text === undefined ? 'nothing' : quote(text);
}

/** A schema that `read` implements; it returns undefined for a node that is not `expected`. */
export function expecting<T>(expected: string, read: (node: unknown) => T | undefined) {
  return z.transform((node: unknown, context): T => {
    const result = read(node);
    if (result !== undefined) return result;
    context.issues.push({ code: 'invalid_type', expected, input: node });
    return z.NEVER;
  });
}

/** Text; numbers and booleans as they are written. */
export function text(expected = 'text') {
  return expecting(expected, written);
}

function number(expected: string, fits: (value: number) => boolean) {
  return expecting(expected, (node) =>
    isScalar(node) && typeof node.value === 'number' && fits(node.value) ? node.value : undefined,
  );
}

export function integer(min: number, max: number) {
  const fits = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  return number(`a whole number from ${min} to ${max}`, fits);
}

export const fraction = number('a number from 0 to 1', (value) => value >= 0 && value <= 1);

export const boolean = expecting('true or false', (node) =>
  isScalar(node) && typeof node.value === 'boolean' ? node.value : undefined,
);

/** Milliseconds: a number of them, or `250ms`, `1.5s`. */
export const duration = expecting('a duration such as 250ms, 1.5s or 0, of at most 10 minutes', (node) => {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|)$/.exec(written(node)?.trim() ?? '') ?? [];
  const ms = Number(number) * (unit === 's' ? 1000 : 1);
  return ms <= maxDurationMs ? ms : undefined;
});

export function choice<const T extends string>(choices: readonly T[]) {
  return text(`one of ${choices.join(', ')}`).pipe(
    z.enum(choices, {
      error: ({ input }) =>
        `got ${quote(String(input))}, expected one of ${choices.join(', ')}.${didYouMean(String(input), choices)}`,
    }),
  );
}

/** A list, or one entry in place of a list of one. */
export function listOf<T>(item: z.ZodType<T>) {
  return z.preprocess(itemsOf, z.array(item));
}

/**
 * The fields of a mapping and its place. `name` is its name in messages. Any other value stands for a mapping with only
 * the field `short`, if there is one.
 */
export function mapping<Shape extends z.ZodRawShape>(name: string, shape: Shape, short?: keyof Shape & string) {
  const names = Object.keys(shape);
  const unknownField = (key: string) =>
    `'${key}' is not a field of ${name}.${didYouMean(key, names)} Allowed: ${names.join(', ')}.`;
  const fields = z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map(unknownField).join('\n') : undefined),
  });
  return expecting<unknown>(`${name}: a mapping with ${names.join(', ')}`, (node) => {
    if (isMap(node)) return { place: placeOf(node), fields: Object.fromEntries(entriesOf(node)) };
    return short && { place: placeOf(node), fields: { [short]: node } };
  })
    .pipe(z.object({ place: z.string(), fields }))
    .transform(({ place, fields }) => ({ ...fields, place }));
}

function didYouMean(given: string, names: readonly string[]): string {
  const meant = nearest(given, names);
  return meant === undefined ? '' : ` Did you mean '${meant}'?`;
}

export function quote(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
