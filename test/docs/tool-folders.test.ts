/** `test/`, `bench/` and `scripts/` share code only through `dev/`, and `src/` imports none of them. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The folders that the files of a folder may import from, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  src: [],
  dev: ['src'],
  test: ['src', 'dev'],
  bench: ['src', 'dev'],
  scripts: ['src', 'dev'],
};
/** Imports, and files that are run by their URL. */
const reference = /(?:from|import\(|import|new URL\()\s*'(\.[^']+\.(?:ts|json))'/g;

test('test, bench and scripts do not import each other', () => {
  const files = globSync(
    Object.keys(allowed).map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  );
  const wrong = files.flatMap((file) => {
    const [folder = ''] = file.split(sep);
    const others = Object.keys(allowed).filter((name) => name !== folder && !allowed[folder]?.includes(name));
    return [...readFileSync(join(root, file), 'utf8').matchAll(reference)]
      .map(([, path = '']) => join(dirname(file), path))
      .filter((used) => others.includes(used.split(sep)[0] ?? ''))
      .map((used) => `${file} uses ${used}`);
  });
  assert.deepEqual(wrong, []);
});
