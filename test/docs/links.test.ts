/** References in the documents are valid: files, headings, options, npm scripts. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = globSync(['*.md', 'docs/*.md', 'examples/*/*.md'], { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

/** The anchors of a page's headings, in GitHub's form. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('links between documents lead to existing files and headings', () => {
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(([, to = '', anchor]) => {
        const file = to === '' ? join(root, path) : join(root, dirname(path), to);
        return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
      })
      .map(([link]) => `${path}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('every page of docs/ is linked from the README', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const missing = pages.filter(({ path }) => path.startsWith('docs/') && !readme.includes(`](${path})`));
  assert.deepEqual(missing, []);
});

test('options and npm scripts that documents name exist', () => {
  const help = (file: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(root, file), ...args, '--help'], { encoding: 'utf8' });
  const programs = [
    ...['serve', 'ask', 'key', 'doctor'].map((command) => help('src/cli/main.ts', command)),
    help('scripts/fuzz.ts'),
    help('bench/main.ts'),
    readFileSync(join(root, 'scripts/conformance.ts'), 'utf8'),
    readFileSync(join(root, 'scripts/compare-recording.ts'), 'utf8'),
  ];
  const options = new Set(programs.join('\n').match(/--[a-z][a-z0-9.-]*/g));
  // Options of npm, Node, curl, llama.cpp and vLLM.
  for (const other of ['save-dev', 'test', 'retry', 'retry-delay', 'retry-all-errors', 'jinja'])
    options.add(`--${other}`);
  for (const other of ['enable-auto-tool-choice', 'tool-call-parser', 'max-semi-space-size']) options.add(`--${other}`);
  const scripts: Record<string, string> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;
  const unknown = pages.flatMap(({ path, text }) => [
    ...[...text.matchAll(/(?<=[\s`(])--[a-z][a-z0-9.-]*/g)]
      .filter(([option]) => !options.has(option))
      .map(([option]) => `${path}: ${option}`),
    ...[...text.matchAll(/npm run (?:--silent )?([a-z]+)/g)]
      .filter(([, name = '']) => !Object.hasOwn(scripts, name))
      .map(([command]) => `${path}: ${command}`),
  ]);
  assert.deepEqual(unknown, []);
});
