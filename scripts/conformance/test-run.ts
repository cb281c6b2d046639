import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestResult } from './test-reporter.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface TestRunOptions {
  files: readonly string[];
  /** Only tests with these names; absent: all. */
  names?: readonly string[];
  /** Runs all files in one process, which is faster; for tests that do not need their own. */
  together?: boolean;
  /** A module to load first. */
  preload?: string;
  environment?: Record<string, string>;
  /** Time limit of a test. */
  testTimeoutMs: number;
  /** Called for each result; returning true ends the run. */
  onResult?: (result: TestResult) => boolean;
}

/** Runs test files with `node --test` and returns the results in the order in which tests ended. */
export async function runTests(options: TestRunOptions): Promise<TestResult[]> {
  const { files, names, together = false, preload, environment = {}, testTimeoutMs, onResult } = options;
  const args = [
    ...(preload === undefined ? [] : ['--import', here(preload)]),
    '--test',
    '--test-force-exit',
    `--test-reporter=${here('test-reporter.ts')}`,
    `--test-timeout=${testTimeoutMs}`,
    ...(together ? ['--test-isolation=none'] : []),
    ...(names ?? []).map((name) => `--test-name-pattern=/^${escaped(name)}/`),
    ...files,
  ];
  // Inherited by a run inside a test, this variable would make the runner report to the outer one.
  const { NODE_TEST_CONTEXT: _ofOthers, ...inherited } = process.env;
  const child = spawn(process.execPath, args, {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return collect(child, onResult);
}

async function collect(child: ChildProcess, onResult: TestRunOptions['onResult']): Promise<TestResult[]> {
  const results: TestResult[] = [];
  if (!child.stdout) return results;
  for await (const line of createInterface({ input: child.stdout })) {
    // Output of tests arrives on the same stream.
    if (!line.startsWith('{"file":')) continue;
    const result = JSON.parse(line) as TestResult;
    results.push(result);
    if (onResult?.(result)) {
      child.kill('SIGKILL');
      break;
    }
  }
  return results;
}

function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
