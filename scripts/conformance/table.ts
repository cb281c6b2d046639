/** `npm run conformance`: every requirement with its tests and its state. */

import { relative } from 'node:path';
import { type Citation, readCitations } from '../../dev/harness/citations.ts';
import { type Requirement, requirements } from '../../dev/harness/requirements.ts';
import type { TestResult } from './test-reporter.ts';
import { runTests } from './test-run.ts';

/** Sufficient for the embedded engines on a busy machine. */
const testTimeoutMs = 60_000;

interface Row {
  requirement: Requirement;
  tests: Citation[];
  state: 'verified' | 'failed' | 'uncited' | 'pending';
}

/** Runs the tests that cite requirements and prints the table; true if everything in scope is verified. */
export async function printTable(): Promise<boolean> {
  const citations = readCitations();
  const files = [...new Set(citations.map(({ file }) => file))];
  const results = await runTests({ files, testTimeoutMs });
  const rows = requirements.map((requirement) => rowOf(requirement, citations, results));
  const width = Math.max(...requirements.map(({ id }) => id.length));
  for (const row of rows) console.log(`${row.requirement.id.padEnd(width)}  ${describe(row)}`);
  const faults = printFaults(citations, results);
  const count = (state: Row['state']) => rows.filter((row) => row.state === state).length;
  console.log(
    `\n${rows.length} requirements: ${count('verified')} verified, ${count('failed')} failed, ` +
      `${count('uncited')} that no test cites, ${count('pending')} pending; ${results.length} tests ran`,
  );
  return !faults && count('failed') === 0 && count('uncited') === 0;
}

function rowOf(requirement: Requirement, citations: readonly Citation[], results: readonly TestResult[]): Row {
  const tests = citations.filter(({ id }) => id === requirement.id);
  if (requirement.pending !== undefined) return { requirement, tests, state: 'pending' };
  if (tests.length === 0) return { requirement, tests, state: 'uncited' };
  // A test skipped for a missing tool does not count if another test verifies the requirement.
  const outcomes = tests.map((test) => outcomeOf(test, results)).filter((outcome) => outcome !== 'skipped');
  const verified = outcomes.length > 0 && outcomes.every((outcome) => outcome === 'passed');
  return { requirement, tests, state: verified ? 'verified' : 'failed' };
}

/** The results of the tests at a position; one that did not run has failed. */
function outcomeOf({ file, line }: Citation, results: readonly TestResult[]): TestResult['outcome'] {
  const own = results.filter((result) => result.file === file && result.line === line).map(({ outcome }) => outcome);
  if (own.length === 0 || own.includes('failed')) return 'failed';
  return own.includes('passed') ? 'passed' : 'skipped';
}

function describe({ requirement, tests, state }: Row): string {
  if (state === 'pending') return `pending   ${requirement.pending}`;
  const places = tests.map(({ file, line }) => `${relative(process.cwd(), file)}:${line}`);
  return `${state.padEnd(8)}  ${places.join(' ')}`;
}

/** Prints test failures and citations of unknown requirements; true if there are any. */
function printFaults(citations: readonly Citation[], results: readonly TestResult[]): boolean {
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  for (const { file, line, name, reason } of failures) {
    console.log(`failed: ${relative(process.cwd(), file)}:${line} ${name}: ${reason}`);
  }
  const known = new Set(requirements.map(({ id }) => id));
  const stale = citations.filter(({ id }) => !known.has(id));
  for (const { id, file, line } of stale) console.log(`cited, but no requirement: ${id} in ${file}:${line}`);
  return failures.length + stale.length > 0;
}
