/**
 * Derives requirements from OpenAI's OpenAPI document of the Realtime API, and from the numbered rules of
 * docs/protocol.md.
 */

import { z } from 'zod';

/** A requirement: id, source, and one sentence. */
export interface Requirement {
  id: string;
  source: string;
  says: string;
}

const union = z.object({ anyOf: z.array(z.object({ $ref: z.string() })) });
const event = z.object({ properties: z.object({ type: z.object({ enum: z.array(z.string()).length(1) }) }) });
const documentSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

type Schemas = z.infer<typeof documentSchema>['components']['schemas'];

/** One requirement per event of each dialect, and per operation. */
export function requirementsOfDocument(document: unknown): Requirement[] {
  const { paths, components } = documentSchema.parse(document);
  const { schemas } = components;
  const says = {
    client: (type: string, schema: string) => `The server takes \`${type}\` as the schema ${schema} shapes it.`,
    server: (type: string, schema: string) => `The server emits \`${type}\` as the schema ${schema} shapes it.`,
  };
  const named = (group: string, side: 'client' | 'server', names: string[], rename = (type: string) => type) =>
    names.map((schema) => {
      const type = rename(typeOf(schemas, schema));
      return { id: `${group}.${side}.${type}`, source: schema, says: says[side](type, schema) };
    });
  return [
    ...named('ga', 'client', members(schemas, 'RealtimeClientEvent')),
    ...named('ga', 'server', members(schemas, 'RealtimeServerEvent')),
    ...named('beta', 'client', prefixed(schemas, 'RealtimeBetaClientEvent')),
    ...named('beta', 'server', prefixed(schemas, 'RealtimeBetaServerEvent'), betaName),
    ...named('translation', 'client', members(schemas, 'RealtimeTranslationClientEvent')),
    ...named('translation', 'server', members(schemas, 'RealtimeTranslationServerEvent')),
    ...Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { operationId }]) => ({
        id: operationName(path),
        source: operationId,
        says: `\`${method.toUpperCase()} /v1${path}\` answers as the operation ${operationId} says.`,
      })),
    ),
  ];
}

function members(schemas: Schemas, name: string): string[] {
  return union.parse(schemas[name]).anyOf.map(({ $ref }) => $ref.replace('#/components/schemas/', ''));
}

function prefixed(schemas: Schemas, prefix: string): string[] {
  return Object.keys(schemas).filter((name) => name.startsWith(prefix));
}

function typeOf(schemas: Schemas, name: string): string {
  return event.parse(schemas[name]).properties.type.enum.join();
}

/** The document's beta events have GA type strings; beta clients use these (docs/protocol.md §6). */
function betaName(type: string): string {
  return type.replace(/^response\.output_(text|audio|audio_transcript)\./, 'response.$1.');
}

/** The core's (GA) event for the beta event of this name. */
export function coreName(betaType: string): string {
  if (betaType === 'conversation.item.created') return 'conversation.item.added';
  return betaType
    .replace(/^response\.(text|audio|audio_transcript)\./, 'response.output_$1.')
    .replace(/^transcription_session\./, 'session.');
}

/** `rest.calls.accept` for a path that ends with a verb, `rest.client_secrets.create` for a collection. */
function operationName(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== 'realtime');
  const names = segments.filter((segment) => !segment.startsWith('{'));
  return ['rest', ...names, ...(names.length < segments.length ? [] : ['create'])].join('.');
}

/** The numbered rules of docs/protocol.md: bullets that start with a number, and table rows whose first cell is one. */
export function rulesOfPage(markdown: string): Requirement[] {
  const rules: Requirement[] = [];
  let bullet: Requirement | undefined;
  for (const line of markdown.split('\n')) {
    const [, bulletId, bulletText] = /^\* \*\*(R\d+\.\d+)\*\* (.+)$/.exec(line) ?? [];
    const [, rowId, rowText] = /^\| (R\d+\.\d+) \| (.+) \|$/.exec(line) ?? [];
    if (bullet && line.startsWith('  ')) {
      bullet.says += ` ${line.trim()}`;
      continue;
    }
    bullet = undefined;
    const id = bulletId ?? rowId;
    if (id === undefined) continue;
    const rule = { id, source: `docs/protocol.md §${id.slice(1).split('.')[0]}`, says: bulletText ?? rowText ?? '' };
    rules.push(rule);
    if (bulletId !== undefined) bullet = rule;
  }
  return rules;
}
