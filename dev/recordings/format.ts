/**
 * Recordings of sessions: JSON Lines (docs/testing.md). Each line is `{"client": event}` or `{"server": event}`, in the
 * order in which they were sent and received. Scenarios, which tests play, also have a header and lines of audio.
 */

import { z } from 'zod';

export type JsonObject = Record<string, unknown>;

/** The n-th request to the language model is answered by the n-th of these. */
const answer = z.union([
  z.string(),
  z.strictObject({ call: z.string(), with: z.record(z.string(), z.unknown()).default({}) }),
  z.strictObject({ fails: z.string() }),
  // Says this, and does not end.
  z.strictObject({ hangs: z.string() }),
]);
const headerSchema = z.strictObject({
  about: z.string(),
  dialects: z.array(z.enum(['ga', 'beta'])).default(['ga', 'beta']),
  query: z.string().default('model=gpt-realtime'),
  answers: z.array(answer).default([]),
});
const clientEvent = z.looseObject({ type: z.string() });
const serverEvent = z.looseObject({ type: z.string() });
const lineSchema = z.union([
  z.strictObject({ client: clientEvent }),
  z.strictObject({ server: serverEvent }),
  // Milliseconds of audio to append.
  z.strictObject({ tone: z.int() }),
  z.strictObject({ silence: z.int() }),
]);

export type Answer = z.infer<typeof answer>;
export type Header = z.infer<typeof headerSchema>;
export type Line = z.infer<typeof lineSchema>;
export interface Recording {
  /** Absent in recordings of users. */
  header: Header | undefined;
  lines: readonly Line[];
}

/** @throws {Error} with the number of the first line that is not as above */
export function parseRecording(text: string, name: string): Recording {
  const values = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parse = <T>(schema: z.ZodType<T>) => {
      try {
        return schema.parse(JSON.parse(line));
      } catch (error) {
        const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
        throw new Error(`${name}:${index + 1}: ${why}`);
      }
    };
    const isHeader = index === 0 && line.includes('"about"');
    return [isHeader ? { header: parse(headerSchema) } : { line: parse(lineSchema) }];
  });
  return {
    header: values.flatMap((value) => value.header ?? [])[0],
    lines: values.flatMap((value) => value.line ?? []),
  };
}
