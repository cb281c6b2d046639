/**
 * `npm run conformance -- --mutate`: each outgoing event type is dropped, delayed past its successor, and robbed of each of
 * its fields in turn; each time a test that cites the event must fail. What survives is a hole in the tests.
 */

import { mkdtempSync, readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Citation, readCitations } from '../../test/support/citations.ts';
import { requirements } from '../../test/support/requirements.ts';
import type { Mutation, Seen } from './mutation.ts';
import type { TestResult } from './test-reporter.ts';
import { runTests } from './test-run.ts';

/** A test that waits for an event that never comes, on a socket, has noticed. */
const testTimeoutMs = 5000;
/** Tests with engines of their own are slow, and these find what they find. */
const quick = /\/test\/(conformance|conversation|server)\//;

type Spoiling = Exclude<Mutation, { how: 'watch' }>;

/** Tests, as the runner finds them: by place, with the names that a loop may have given them. */
interface CitingTests {
  places: Set<string>;
  files: string[];
  names: string[];
}

/** Runs the whole matrix, or one event type's part of it; true when nothing survived. */
export async function mutateAll(only: string | undefined): Promise<boolean> {
  const citations = readCitations().filter(({ file }) => quick.test(file));
  const { results, seen } = await watch(citations);
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  for (const { file, line, reason } of failed) console.log(`fails without any mutation: ${file}:${line}: ${reason}`);
  const types = requirements
    .filter(({ id, pending }) => id.startsWith('ga.server.') && pending === undefined)
    .map(({ id }) => id.slice('ga.server.'.length))
    .filter((type) => only === undefined || type === only);
  const unmet = types.filter((type) => !seen[type]);
  for (const type of unmet) console.log(`${type}: met in no test`);

  const queue = types.flatMap((type) => mutationsOf(type, seen[type] ?? []));
  const total = queue.length;
  const survivors: string[] = [];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const name = describe(next);
      const killer = await killerOf(next, citingTests(`ga.server.${next.type}`, citations, results));
      console.log(killer ? `killed    ${name}: ${killer.name}` : `SURVIVED  ${name}`);
      if (!killer) survivors.push(name);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  console.log(`\n${total} mutations of ${types.length} event types: ${survivors.length} survived`);
  for (const name of survivors) console.log(`  ${name}`);
  return survivors.length + unmet.length + failed.length === 0;
}

/** One run without mutation: which tests there are, and which events they meet. */
async function watch(citations: readonly Citation[]): Promise<{ results: TestResult[]; seen: Seen }> {
  const to = join(mkdtempSync(join(tmpdir(), 'parley-conformance-')), 'seen.json');
  const files = [...new Set(citations.map(({ file }) => file))];
  const results = await runTests({ files, ...setting({ how: 'watch', to }) });
  return { results, seen: JSON.parse(readFileSync(to, 'utf8')) as Seen };
}

function mutationsOf(type: string, fields: readonly string[]): Spoiling[] {
  return [
    { how: 'drop', type },
    { how: 'delay', type },
    ...fields.map((field): Spoiling => ({ how: 'null', type, field })),
  ];
}

function citingTests(id: string, citations: readonly Citation[], results: readonly TestResult[]): CitingTests {
  const places = new Set(citations.filter((citation) => citation.id === id).map(placeOf));
  const own = results.filter((result) => places.has(placeOf(result)));
  return {
    places,
    files: [...new Set(own.map(({ file }) => file))],
    names: [...new Set(own.map(({ name }) => name))],
  };
}

const placeOf = ({ file, line }: { file: string; line: number }) => `${file}:${line}`;

/** The first citing test that notices the mutation. */
async function killerOf(mutation: Spoiling, tests: CitingTests): Promise<TestResult | undefined> {
  if (tests.files.length === 0) return undefined;
  const noticed = (result: TestResult) => result.outcome === 'failed' && tests.places.has(placeOf(result));
  const results = await runTests({
    files: tests.files,
    names: tests.names,
    onResult: noticed,
    ...setting(mutation),
  });
  return results.find(noticed);
}

function setting(mutation: Mutation) {
  const environment = { PARLEY_MUTATION: JSON.stringify(mutation) };
  return { preload: 'mutation.ts', environment, together: true, testTimeoutMs };
}

function describe(mutation: Spoiling): string {
  return mutation.how === 'null' ? `${mutation.type} ${mutation.field} null` : `${mutation.type} ${mutation.how}`;
}
