/** Text with references to what was heard and what tools said: `Order {{number}} is {{output.status}}.` */

import { EngineError } from '../engine-error.ts';

export interface Template {
  readonly text: string;
  readonly parts: readonly (string | Reference)[];
  /** Where it stands, as `file:line:column`. */
  readonly place: string;
}

/** `output.status` as `['output', 'status']`. */
export interface Reference {
  readonly path: readonly [string, ...string[]];
}

/** What the first word of a reference stands for: text, or a value of JSON that the words after it lead into. */
export type Lookup = (name: string) => unknown;

const referencePattern = /\{\{([^{}]*)\}\}/g;
const pathPattern = /^[\p{L}\p{N}_$-]+(\.[\p{L}\p{N}_$-]+)*$/u;

/** Reads a template; `problem` is told of references that are not well formed. */
export function parseTemplate(text: string, place: string, problem: (message: string) => void): Template {
  const parts: (string | Reference)[] = [];
  let end = 0;
  for (const match of text.matchAll(referencePattern)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const written = (match[1] ?? '').trim();
    const [first, ...rest] = written.split('.');
    if (first === undefined || !pathPattern.test(written)) {
      problem(`'${match[0]}' is no reference: write a name such as {{number}}, or a path such as {{output.status}}.`);
    } else {
      parts.push({ path: [first, ...rest] });
    }
  }
  const rest = text.slice(end);
  if (rest.includes('{{')) problem(`'{{' is not closed: write {{name}}.`);
  if (rest !== '') parts.push(rest);
  return { text, parts, place };
}

export function referencesIn(template: Template): Reference[] {
  return template.parts.filter((part) => typeof part !== 'string');
}

/**
 * The text with every reference replaced.
 * @throws {EngineError} naming the place, when there is nothing at a reference's path
 */
export function fillTemplate(template: Template, lookup: Lookup): string {
  return template.parts
    .map((part) => (typeof part === 'string' ? part : stringify(resolve(part, template.place, lookup))))
    .join('');
}

function resolve({ path }: Reference, place: string, lookup: Lookup): unknown {
  const [name, ...rest] = path;
  let value = lookup(name);
  let reached = name;
  for (const step of rest) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) {
      const has = typeof value === 'object' && value !== null ? Object.keys(value).slice(0, 20).join(', ') : '';
      const found = has === '' ? `it is ${stringify(value).slice(0, 80)}` : `it has ${has}`;
      throw new EngineError(
        'script',
        `${place}: {{${path.join('.')}}}: there is no '${step}' in {{${reached}}}; ${found}.`,
      );
    }
    value = Reflect.get(value, step);
    reached += `.${step}`;
  }
  return value;
}

function stringify(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
