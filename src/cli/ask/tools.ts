/** The tools of `ask --tools FILE`. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type FunctionTool, functionToolsSchema } from '../../protocol/wire/tools.ts';
import { UsageError } from '../flags.ts';

export interface AskTools {
  tools: readonly FunctionTool[];
  /** Outputs by function name. Calls of other functions are displayed but not answered. */
  outputs: ReadonlyMap<string, string>;
}

const fileSchema = z.array(z.looseObject({ name: z.string(), output: z.unknown().optional() }));

/**
 * Reads a JSON array of functions as `session.update` takes them (`type` may be left out), each with an optional `output`:
 * a string, or any JSON value.
 * @throws {UsageError}
 */
export function readTools(path: string | undefined): AskTools {
  if (path === undefined) return { tools: [], outputs: new Map() };
  try {
    const entries = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const outputs = new Map<string, string>();
    const functions = entries.map(({ output, ...tool }) => {
      if (output !== undefined) outputs.set(tool.name, typeof output === 'string' ? output : JSON.stringify(output));
      return { type: 'function', ...tool };
    });
    return { tools: functionToolsSchema.parse(functions), outputs };
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new UsageError(`--tools ${path} is not a file of tools: ${problem}`);
  }
}
