/** ARCHITECTURE.md's table of who may use whom is true. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
/** What all folders may use, but for those that know nothing of the process. */
const common = ['log.ts'];
const pure = ['core', 'protocol', 'audio', 'session'];

const allowed = new Map(
  [...page.matchAll(/^\| `([a-z]+)` \| ([a-z`, ]*)\|$/gm)].map(([, folder = '', others = '']) => [
    folder,
    [...others.matchAll(/`([a-z]+)`/g)].map(([, name = '']) => name),
  ]),
);

/** The folder of `src/` in which a file stands, or its name where it stands in none. */
function folderOf(file: string): string {
  const [first = ''] = file.split(sep).slice(1);
  return first;
}

test('folders use what ARCHITECTURE.md says that they may, and nothing else', () => {
  const files = globSync('src/*/**/*.ts', { cwd: root });
  assert.deepEqual([...new Set(files.map(folderOf))].sort(), [...allowed.keys()].sort());
  const wrong = files.flatMap((file) => {
    const folder = folderOf(file);
    const may = [folder, ...(allowed.get(folder) ?? []), ...(pure.includes(folder) ? [] : common)];
    const source = readFileSync(join(root, file), 'utf8');
    return [...source.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
      .map(([, to = '']) => folderOf(join(dirname(file), to)))
      .filter((used) => !may.includes(used))
      .map((used) => `${file} uses ${used}`);
  });
  assert.deepEqual(wrong, []);
});
