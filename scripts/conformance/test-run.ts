import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestResult } from './test-reporter.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface TestRunOptions {
  files: readonly string[];
  /** Only tests of these names; absent: all. */
  names?: readonly string[];
  /** All files in one process, which is quick; for tests that need no process of their own. */
  together?: boolean;
  /** A module that is loaded first. */
  preload?: string;
  environment?: Record<string, string>;
  /** A test that takes longer has failed. */
  testTimeoutMs: number;
  /** Called for each result as it comes; the run ends early when it says true. */
  onResult?: (result: TestResult) => boolean;
}

/** Runs test files with `node --test` and returns how each test ended, in the order of their ends. */
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
  // Inherited by a run inside a test, it would make the runner of this one report to the other.
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
    // Whatever a test prints comes along on the same stream.
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
