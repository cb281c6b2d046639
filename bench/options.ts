import { parseArgs } from 'node:util';

export const parts = [
  'cold-start',
  'turn-latency',
  'own-share',
  'remote-engines',
  'event-loop',
  'bare-limit',
  'access',
  'memory',
  'limits-cost',
] as const;
export type Part = (typeof parts)[number];

export interface BenchOptions {
  quick: boolean;
  /** Where all figures are written as JSON. */
  json: string | undefined;
  /** WAV files that are asked besides the built-in questions. */
  questions: string[];
  only: readonly Part[];
}

export const usage = `Measure Parley on this machine: latency and capacity, beside the bare limit, in one run.

  npm run bench                  about nine minutes
  npm run bench -- --quick       about two minutes, to see whether something is badly off

Options
  --quick           fewer and shorter measurements
  --json FILE       also write every figure to FILE
  --question FILE   ask this WAV recording too; may be given more than once
  --only PART       only this part; may be given more than once. There are:
                    ${parts.join(', ')}
  --help            this text

Close other programs before: everything runs at once on one machine, clients included.
`;

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): BenchOptions | 'help' {
  const values = parse(argv);
  if (values.help === true) return 'help';
  return {
    quick: values.quick ?? false,
    json: values.json,
    questions: values.question ?? [],
    only: values.only?.map(partNamed) ?? parts,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean' },
        json: { type: 'string' },
        question: { type: 'string', multiple: true },
        only: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function partNamed(name: string): Part {
  const part = parts.find((candidate) => candidate === name);
  if (part === undefined) throw new UsageError(`--only is one of ${parts.join(', ')}; got "${name}".`);
  return part;
}
