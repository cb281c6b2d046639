/**
 * `npm run conformance -- --mutate`: drops each outgoing event type, delays it past its successor, and removes each of
 * its fields (and, in GA, of their fields) in turn. Each time a test that cites the event, by its GA or its beta name,
 * must fail. Surviving mutations are gaps in the tests.
 */

import { mkdtempSync, readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Citation, readCitations } from '../../dev/harness/citations.ts';
import { coreName } from '../../dev/harness/derive-requirements.ts';
import { requirements } from '../../dev/harness/requirements.ts';
import type { Mutation, Seen } from './mutation.ts';
import type { TestResult } from './test-reporter.ts';
import { runTests } from './test-run.ts';

/** A test that waits on a socket for an event that never comes counts as failed. */
const testTimeoutMs = 5000;
/** Tests with real engines are slow and find nothing more. */
const quick = /\/test\/(conformance|conversation|server)\//;

type Spoiling = Exclude<Mutation, { how: 'watch' }>;

/** Tests that cite an event, with their results without mutation; tests of one loop share a position. */
type Citing = readonly Pick<TestResult, 'file' | 'line' | 'name'>[];

/** Runs all mutations, or those of one event type; true if none survived. */
export async function mutateAll(only: string | undefined): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-conformance-'));
  const citations = readCitations().filter(({ file }) => quick.test(file));
  const files = [...new Set(citations.map(({ file }) => file))];
  const { results } = await watch(files, join(folder, 'all.json'));
  const events = requirements
    .filter(({ pending }) => pending === undefined)
    .flatMap(({ id }) => outgoing(id))
    .filter(({ id, type }) => only === undefined || type === only || id === only);

  const holes: string[] = [];
  let total = 0;
  const tell = (outcome: string, name: string, by = '') => {
    console.log(`${outcome.padEnd(8)}  ${name}${by && `: ${by}`}`);
    if (outcome !== 'killed') holes.push(`${outcome} ${name}`);
  };
  const work = async () => {
    for (let event = events.shift(); event; event = events.shift()) {
      const { id, type } = event;
      const citing = citingTests(id, citations, results);
      const control = await watch(filesOf(citing), join(folder, `${id}.json`), citing);
      const failing = notPassed(citing, control.results);
      if (failing) tell('failing', id, `${failing.name} fails without any mutation`);
      const fields = control.seen[type];
      if (!fields) tell('unmet', id, 'no test that cites it receives it');
      if (failing || !fields) continue;
      for (const mutation of mutationsOf(event, fields)) {
        total += 1;
        const killer = await killerOf(mutation, citing);
        tell(killer ? 'killed' : 'survived', `${id} ${describe(mutation)}`, killer?.name);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  console.log(`\n${total} mutations, ${holes.length} holes`);
  for (const hole of holes) console.log(`  ${hole}`);
  return holes.length === 0;
}

/** The event that a requirement is about: the core's event, and the fields and events that its dialect has of it. */
interface Outgoing {
  id: string;
  type: string;
  has: (field: string) => boolean;
  unsent: readonly string[];
}

function outgoing(id: string): Outgoing[] {
  const [, dialect, name = ''] = /^(ga|beta)\.server\.(.+)$/.exec(id) ?? [];
  if (dialect === 'ga') return [{ id, type: name, has: () => true, unsent: [] }];
  if (dialect !== 'beta') return [];
  const type = coreName(name);
  // The adapter drops nested fields that beta does not have; at the top level this check does.
  const has = (field: string) =>
    !field.includes('.') && !(type === 'response.function_call_arguments.done' && field === 'name');
  return [{ id, type, has, unsent: ['conversation.item.done'] }];
}

/** A run without mutation: results of the tests, and the events that they receive. */
async function watch(
  files: readonly string[],
  to: string,
  citing?: Citing,
): Promise<{ results: TestResult[]; seen: Seen }> {
  if (files.length === 0) return { results: [], seen: {} };
  const results = await runTests({ files, ...(citing && namesOf(citing)), ...setting({ how: 'watch', to }) });
  return { results, seen: JSON.parse(readFileSync(to, 'utf8')) as Seen };
}

function mutationsOf({ type, has, unsent }: Outgoing, fields: readonly string[]): Spoiling[] {
  return [
    { how: 'drop', type },
    { how: 'delay', type, unsent },
    ...fields.filter(has).map((field): Spoiling => ({ how: 'null', type, field })),
  ];
}

function citingTests(id: string, citations: readonly Citation[], results: readonly TestResult[]): Citing {
  const places = new Set(citations.filter((citation) => citation.id === id).map(placeOf));
  return results.filter((result) => places.has(placeOf(result)));
}

const placeOf = ({ file, line }: { file: string; line: number }) => `${file}:${line}`;
const filesOf = (citing: Citing) => [...new Set(citing.map(({ file }) => file))];
const namesOf = (citing: Citing) => ({ names: [...new Set(citing.map(({ name }) => name))] });

/** The first test that failed: after a crash, the results of the others mean nothing. */
function notPassed(citing: Citing, results: readonly TestResult[]): Citing[number] | undefined {
  return citing.find((test) => {
    const own = results.filter((result) => placeOf(result) === placeOf(test) && result.name === test.name);
    return own.length === 0 || own.some(({ outcome }) => outcome !== 'passed');
  });
}

/** The citing test that notices the mutation. */
async function killerOf(mutation: Spoiling, citing: Citing): Promise<Citing[number] | undefined> {
  const places = new Set(citing.map(placeOf));
  const noticed = (result: TestResult) => result.outcome === 'failed' && places.has(placeOf(result));
  const results = await runTests({
    files: filesOf(citing),
    ...namesOf(citing),
    ...setting(mutation),
    onResult: noticed,
  });
  return results.find(noticed) ?? notPassed(citing, results);
}

function setting(mutation: Mutation) {
  const environment = { PARLEY_MUTATION: JSON.stringify(mutation) };
  return { preload: 'mutation.ts', environment, together: true, testTimeoutMs };
}

function describe(mutation: Spoiling): string {
  return mutation.how === 'null' ? `${mutation.field} null` : mutation.how;
}
