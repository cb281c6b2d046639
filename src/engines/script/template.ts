/** Text with references to captures and outputs of tools: `Order {{number}} is {{output.status}}.` */

import { nearest } from '../../protocol/parse/nearest.ts';
import { EngineError } from '../engine-error.ts';

export interface Template {
  readonly text: string;
  readonly parts: readonly (string | Reference)[];
  /** Its place, as `file:line:column`. */
  readonly place: string;
}

/** `output.status` as `['output', 'status']`. */
export interface Reference {
  readonly path: readonly [string, ...string[]];
}

/** The value of the first word of a reference: text, or JSON in which the other words are a path. */
export type Lookup = (name: string) => unknown;

const referencePattern = /\{\{([^{}]*)\}\}/g;
const pathPattern = /^[\p{L}\p{N}_$-]+(\.[\p{L}\p{N}_$-]+)*$/u;

export function parseTemplate(text: string, place: string): Template {
  const parts: (string | Reference)[] = [];
  let end = 0;
  for (const match of text.matchAll(referencePattern)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [first = '', ...rest] = (match[1] ?? '').trim().split('.');
    parts.push({ path: [first, ...rest] });
  }
  if (end < text.length) parts.push(text.slice(end));
  return { text, parts, place };
}

/**
 * The reason why a template's references cannot be filled in; `captures` are the names of a pattern, `called` the
 * earlier tools.
 */
export function referenceProblems(
  { parts }: Template,
  { captures, called }: { captures: readonly string[]; called: readonly string[] },
): string[] {
  const names = [...captures, 'heard', 'turn', ...(called.length > 0 ? ['output', 'outputs'] : [])];
  return parts.flatMap((part) => {
    if (typeof part === 'string') return part.includes('{{') ? "'{{' is not closed: write {{name}}." : [];
    const [name, tool] = part.path;
    const written = `{{${part.path.join('.')}}}`;
    if (!pathPattern.test(part.path.join('.')))
      return `'${written}' is no reference: write a name such as {{number}}, or a path such as {{output.status}}.`;
    if (name === 'outputs' && called.length > 0 && !(tool !== undefined && called.includes(tool)))
      return `${written}: write {{outputs.NAME}} with a tool called before: ${called.join(', ')}.`;
    if (names.includes(name)) return [];
    if (name === 'output' || name === 'outputs')
      return `${written}: no tool is called before this, so there is no output.`;
    const meant = nearest(name, names);
    const hint = meant === undefined ? '' : ` Did you mean {{${meant}}}?`;
    return `{{${name}}} is not known here.${hint} Known: ${names.join(', ')}.`;
  });
}

/**
 * The text with every reference replaced.
 * @throws {EngineError} with the place, when a reference's path does not exist
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
