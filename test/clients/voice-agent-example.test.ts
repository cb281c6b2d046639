/**
 * examples/voice-agent-test, copied to an empty folder with Parley installed as a built package, passes its own tests,
 * as docs/testing.md promises.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { problemsOf } from '../engines/script/scripted.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inRoot = (path: string) => join(root, path);

interface Run {
  code: number;
  output: string;
}

function run(args: readonly string[], cwd: string): Promise<Run> {
  // Otherwise this test's runner would treat the report of the inner one as its own.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, output: stdout + stderr });
    });
  });
}

/** A copy of the example with its `node_modules`: the published Parley and its dependencies. */
async function installed(t: TestContext): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), 'parley-example-'));
  t.after(() => rmSync(project, { recursive: true }));
  cpSync(inRoot('examples/voice-agent-test'), project, { recursive: true });
  const parley = join(project, 'node_modules', 'parley-realtime');
  mkdirSync(parley, { recursive: true });
  for (const part of ['package.json', 'console']) cpSync(inRoot(part), join(parley, part), { recursive: true });
  const compiler = inRoot('node_modules/typescript/bin/tsc');
  const built = await run([compiler, '-p', inRoot('tsconfig.build.json'), '--outDir', join(parley, 'dist')], root);
  assert.ok(existsSync(join(parley, 'dist', 'server', 'server.js')), built.output);
  symlinkSync(inRoot('node_modules'), join(parley, 'node_modules'), 'dir');
  symlinkSync(inRoot('node_modules/ws'), join(project, 'node_modules', 'ws'), 'dir');
  return project;
}

test('the example project passes its tests against the built package', { timeout: 90_000 }, async (t) => {
  const project = await installed(t);
  const { code, output } = await run(['--test'], project);
  assert.equal(code, 0, output);
  assert.match(output, /pass 2\b/);
});

test('the guide shows the script of the example unchanged', () => {
  const guide = readFileSync(inRoot('docs/testing.md'), 'utf8');
  assert.ok(guide.includes(readFileSync(inRoot('examples/voice-agent-test/support.yaml'), 'utf8').trim()));
});

test('every script in the guide is valid', () => {
  const guide = readFileSync(inRoot('docs/testing.md'), 'utf8');
  const blocks = Array.from(guide.matchAll(/```yaml\n(.*?)```/gs), ([, block = '']) => block);
  const scripts = blocks.filter((block) => /^(rules|hears):/m.test(block));
  assert.equal(scripts.length, 4);
  for (const text of scripts) {
    const whole = /^rules:/m.test(text) ? text : `${text}\nelse: Yes.`;
    assert.deepEqual(problemsOf(whole), []);
  }
});
