import { z } from 'zod';

/**
 * The keys that a schema has at a path of its input. For a union, those of the branch that the input selected, if any.
 */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], input: unknown): string[] {
  let value = input;
  let here = branches(schema, value);
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    here = here.flatMap((each) => branches(schemaBelow(each, key), value));
  }
  return here.flatMap((each) => (each instanceof z.ZodObject ? Object.keys(each.shape) : []));
}

function schemaBelow(schema: z.ZodType, key: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? schema.shape[String(key)] : undefined;
  return schema instanceof z.ZodArray ? asType(schema.element) : undefined;
}

/** A schema without wrappers; a union as its branches. */
function branches(schema: z.ZodType | undefined, value: unknown): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return branches(asType(schema.unwrap()), value);
  }
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.flatMap((option) => branches(asType(option), value));
    const chosen = options.filter((option) => discriminates(option, value));
    return chosen.length > 0 ? chosen : options;
  }
  return schema ? [schema] : [];
}

/** Whether a value has all literals of an object schema, such as its `type`. */
function discriminates(schema: z.ZodType, value: unknown): boolean {
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return false;
  const literals = Object.entries(schema.shape).filter(([, field]) => field instanceof z.ZodLiteral);
  return literals.every(([key, field]) => asType(field)?.safeParse(Reflect.get(value, key)).success);
}

/** Zod types the parts of a schema by its core types; every schema here is a full one. */
function asType(schema: unknown): z.ZodType | undefined {
  return schema instanceof z.ZodType ? schema : undefined;
}
