import type { z } from 'zod';
import { formatPath, schemaError } from './schema-errors.ts';

export type JsonObject = Record<string, unknown>;

/**
 * Validates an event against a schema and returns it in the schema's form.
 * @throws {WireError} for the first problem
 */
export type Check = <Schema extends z.ZodType>(schema: Schema, event: JsonObject) => z.output<Schema>;

/** Refuses unknown fields, as the hosted service does. */
export function strictCheck(dialect: 'ga' | 'beta'): Check {
  return (schema, event) => {
    const result = schema.safeParse(event);
    if (result.success) return result.data;
    throw schemaError(result.error.issues, { input: event, schema, dialect });
  };
}

/** Drops unknown fields and reports their paths; refuses all other problems. */
export function lenientCheck(dialect: 'ga' | 'beta', onUnknownFields: (paths: string[]) => void): Check {
  const strict = strictCheck(dialect);
  return (schema, event) => {
    const issues = schema.safeParse(event).error?.issues ?? [];
    const paths = issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? drop(event, issue.path, issue.keys) : [],
    );
    if (paths.length > 0) onUnknownFields(paths);
    return strict(schema, event);
  };
}

/** Removes keys below a path and returns their paths. */
function drop(event: JsonObject, path: readonly PropertyKey[], keys: readonly string[]): string[] {
  const parent = path.reduce<unknown>((value, key) => Reflect.get(Object(value), key), event);
  for (const key of keys) Reflect.deleteProperty(Object(parent), key);
  return keys.map((key) => formatPath([...path, key]));
}
