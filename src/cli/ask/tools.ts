/** The tools of `ask --tools FILE`. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Tool, toolsSchema } from '../../protocol/wire/tools.ts';
import { UsageError } from '../flags.ts';

export interface AskTools {
  tools: readonly Tool[];
  /** Outputs by function name. Calls of other functions are displayed but not answered. */
  outputs: ReadonlyMap<string, string>;
}

const fileSchema = z.array(z.looseObject({ type: z.string().optional() }));
const functionSchema = z.looseObject({ name: z.string(), output: z.unknown().optional() });

/**
 * Reads a JSON array of tools as `session.update` takes them. Functions need no `type`, and may have an `output`: a
 * string, or any JSON value.
 * @throws {UsageError}
 */
export function readTools(path: string | undefined): AskTools {
  if (path === undefined) return { tools: [], outputs: new Map() };
  try {
    const entries = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const outputs = new Map<string, string>();
    const tools = entries.map((entry) => {
      if (entry.type === 'mcp') return entry;
      const { output, ...tool } = functionSchema.parse(entry);
      if (output !== undefined) outputs.set(tool.name, typeof output === 'string' ? output : JSON.stringify(output));
      return { type: 'function', ...tool };
    });
    return { tools: toolsSchema.parse(tools), outputs };
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new UsageError(`--tools ${path} is not a file of tools: ${problem}`);
  }
}
