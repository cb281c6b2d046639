import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';

/** Instructions that a client refers to by id: `prompt` of a session or a response. */
export interface PromptTemplate {
  id: string;
  /** Absent: the only version. The last entry of an id is the default version. */
  version?: string;
  /** `{{name}}` is replaced by the variable of that name. */
  instructions: string;
}

const variable = /\{\{\s*([\w.-]+)\s*\}\}/g;

/**
 * The instructions of a prompt.
 * @throws {WireError} with a path below `path`, for an unknown id or version, and for a missing or an unknown variable
 */
export function renderPrompt(
  prompt: NonNullable<RealtimeConfig['prompt']>,
  templates: readonly PromptTemplate[],
  path: string,
): string {
  const template = findTemplate(prompt, templates, path);
  const values = new Map(Object.entries(prompt.variables ?? {}));
  const names = new Set(Array.from(template.instructions.matchAll(variable), (match) => match[1] ?? ''));
  for (const name of names) if (!values.has(name)) throw wireErrors.missingParameter(`${path}.variables.${name}`);
  for (const name of values.keys()) {
    if (!names.has(name)) throw wireErrors.unknownParameter(`${path}.variables.${name}`);
  }
  return template.instructions.replaceAll(variable, (_match, name: string) => textOf(values.get(name)));
}

function findTemplate(
  { id, version }: NonNullable<RealtimeConfig['prompt']>,
  templates: readonly PromptTemplate[],
  path: string,
): PromptTemplate {
  const versions = templates.filter((template) => template.id === id);
  if (versions.length === 0) throw wireErrors.unknownPrompt(`${path}.id`, id);
  const found = version ? versions.find((template) => template.version === version) : versions.at(-1);
  if (!found) throw wireErrors.unknownPromptVersion(`${path}.version`, id, version ?? '');
  return found;
}

function textOf(value: string | { text: string } | undefined): string {
  return typeof value === 'string' ? value : (value?.text ?? '');
}
