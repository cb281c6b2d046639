import { parseFlags, UsageError } from '../../src/cli/flags.ts';

export interface FuzzOptions {
  minutes: number;
  seed: number;
  /** State file, from which a run resumes if it exists. */
  resume: string | undefined;
  /** Path of the report as JSON, which is also printed. */
  report: string | undefined;
  /** Runs only these cases, once. */
  cases: number[];
  /** Concurrent connections. */
  lanes: number;
}

export const usage = `Send seeded mutations of events and requests to a server, and look for what breaks.

  npm run fuzz -- --minutes 10

Options
  --minutes N     how long; default 1
  --seed S        a whole number; default 1. The same seed makes the same cases
  --resume FILE   keep the state of the run in FILE, and go on from it when it is there
  --report FILE   also write the report to FILE, as JSON
  --case N        run only case N of the seed; may be given more than once
  --lanes N       connections at once; default 16
  --help          this text

Exits with 1 when anything was found.
`;

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): FuzzOptions | 'help' {
  const { values } = parseFlags('fuzz', argv, {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    resume: { type: 'string' },
    report: { type: 'string' },
    case: { type: 'string', multiple: true },
    lanes: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) return 'help';
  return {
    minutes: numberFrom('--minutes', values.minutes ?? '1', 0, 10_000),
    seed: wholeNumber('--seed', values.seed ?? '1'),
    resume: values.resume,
    report: values.report,
    cases: (values.case ?? []).map((text) => wholeNumber('--case', text)),
    lanes: Math.max(1, wholeNumber('--lanes', values.lanes ?? '16')),
  };
}

function wholeNumber(name: string, text: string): number {
  const number = numberFrom(name, text, 0, 2 ** 32 - 1);
  if (!Number.isInteger(number)) throw new UsageError(`${name} is a whole number; got "${text}".`);
  return number;
}

function numberFrom(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (text.trim() === '' || !(number >= min && number <= max)) {
    throw new UsageError(`${name} is a number from ${min} to ${max}; got "${text}".`);
  }
  return number;
}
