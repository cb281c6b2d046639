import type { z } from 'zod';
import { formatPath, schemaError } from './schema-errors.ts';

export type JsonObject = Record<string, unknown>;

/** `truncation_clamped` depends on the session, the others on the event alone. */
export type Leniency = 'assistant_output_audio' | 'pcm_without_rate' | 'truncation_clamped';

/** Receives what a check accepts although the hosted service refuses it. */
export interface CheckNotices {
  /** Unknown fields were dropped. */
  dropped(paths: string[]): void;
  accepted(leniency: Leniency): void;
}

/**
 * Validates an event against a schema and returns it in the schema's form.
 * @throws {WireError} for the first problem
 */
export type Check = <Schema extends z.ZodType>(
  schema: Schema,
  event: JsonObject,
  notices?: CheckNotices,
) => z.output<Schema>;

/** Refuses unknown fields, as the hosted service does. */
export function strictCheck(dialect: 'ga' | 'beta'): Check {
  return (schema, event) => {
    const result = schema.safeParse(event);
    if (result.success) return result.data;
    throw schemaError(result.error.issues, { input: event, schema, dialect });
  };
}

/** Drops unknown fields; refuses all other problems. */
export function lenientCheck(dialect: 'ga' | 'beta'): Check {
  const strict = strictCheck(dialect);
  return (schema, event, notices) => {
    const issues = schema.safeParse(event).error?.issues ?? [];
    const paths = issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? drop(event, issue.path, issue.keys) : [],
    );
    if (paths.length > 0) notices?.dropped(paths);
    return strict(schema, event);
  };
}

/** Removes keys below a path and returns their paths. */
function drop(event: JsonObject, path: readonly PropertyKey[], keys: readonly string[]): string[] {
  const parent = path.reduce<unknown>((value, key) => Reflect.get(Object(value), key), event);
  for (const key of keys) Reflect.deleteProperty(Object(parent), key);
  return keys.map((key) => formatPath([...path, key]));
}
