/** Flags of a command line, with problems described for the user. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../core/errors.ts';
import { nearest } from '../protocol/parse/nearest.ts';

/** The command line cannot be understood; the message says what to change. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Flags = NonNullable<ParseArgsConfig['options']>;

/**
 * Parses the arguments of `command`, such as `key`.
 * @throws {UsageError}
 */
export function parseFlags<const Options extends Flags>(
  command: string,
  argv: readonly string[],
  options: Options,
  { positionals = false }: { positionals?: boolean } = {},
) {
  const args = [...argv];
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const meant = nearest(token.name, Object.keys(options));
    const hint = meant === undefined ? '' : ` Did you mean --${meant}?`;
    throw new UsageError(`${token.rawName} is not an option of ${command}.${hint}`);
  }
  try {
    return parseArgs({ args, allowPositionals: positionals, options });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
