/** The table of allowed imports in ARCHITECTURE.md is true. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');

const allowed = new Map(
  [...page.matchAll(/^\| `([a-z]+)` \| ([a-z`, ]*)\|$/gm)].map(([, folder = '', others = '']) => [
    folder,
    [...others.matchAll(/`([a-z]+)`/g)].map(([, name = '']) => name),
  ]),
);

/** The folder of a file in `src/`, or the file's name if it is in none. */
function folderOf(file: string): string {
  const [first = ''] = file.split(sep).slice(1);
  return first;
}

/** The files that each file of `src/` imports or re-exports from, type-only and dynamic imports included. */
function importsOfSource(): Map<string, string[]> {
  const files = globSync('src/**/*.ts', { cwd: root });
  return new Map(
    files.map((file) => {
      const source = readFileSync(join(root, file), 'utf8');
      const targets = [...source.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)];
      return [file, targets.map(([, to = '']) => join(dirname(file), to))];
    }),
  );
}

/** An import cycle, from a file back to itself; undefined if there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}

test('there are no import cycles, including those of types only', () => {
  const circular = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['d', ['b']],
  ]);
  assert.deepEqual(circleIn(circular), ['b', 'd', 'b']);
  const imports = importsOfSource();
  assert.ok(imports.has(join('src', 'core', 'log.ts')), 'files are found');
  assert.ok([...imports.values()].flat().length > imports.size, 'imports are found');
  assert.equal(circleIn(imports)?.join(' → '), undefined);
});

test('folders import only what ARCHITECTURE.md allows', () => {
  const files = globSync('src/*/**/*.ts', { cwd: root });
  assert.deepEqual([...new Set(files.map(folderOf))].sort(), [...allowed.keys()].sort());
  const wrong = files.flatMap((file) => {
    const folder = folderOf(file);
    const may = [folder, ...(allowed.get(folder) ?? [])];
    const source = readFileSync(join(root, file), 'utf8');
    return [...source.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
      .map(([, to = '']) => folderOf(join(dirname(file), to)))
      .filter((used) => !may.includes(used))
      .map((used) => `${file} uses ${used}`);
  });
  assert.deepEqual(wrong, []);
});

test('every file is in a folder', () => {
  assert.deepEqual(globSync('src/*.ts', { cwd: root }), []);
});

test('a session publishes observations, and writes to no log', () => {
  const files = [...importsOfSource()].filter(([file]) => file.startsWith(join('src', 'session')));
  assert.ok(files.length > 0);
  const log = join('src', 'core', 'log.ts');
  assert.deepEqual(
    files.flatMap(([file, targets]) => (targets.includes(log) ? [file] : [])),
    [],
  );
});

test('the diagram shows each folder above all folders that it may import', () => {
  const drawing = /```\nsrc\/\n([\s\S]*?)^\w/m.exec(page)?.[1] ?? '';
  const drawn = [...drawing.matchAll(/^ {2}([a-z]+)\//gm)].map(([, folder = '']) => folder);
  assert.deepEqual([...drawn].sort(), [...allowed.keys()].sort());
  const upwards = [...allowed].flatMap(([folder, others]) =>
    others.filter((other) => drawn.indexOf(other) <= drawn.indexOf(folder)).map((other) => `${folder} uses ${other}`),
  );
  assert.deepEqual(upwards, []);
});

test('the configuration imports no engine: names and defaults are data', () => {
  const imports = importsOfSource();
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const target of imports.get(file) ?? []) visit(target);
  };
  visit(join('src', 'config', 'config.ts'));
  const engines = [...reached].filter((file) => file.startsWith(join('src', 'engines')));
  assert.deepEqual(engines.sort(), [
    join('src', 'engines', 'openai', 'answer-bounds.ts'),
    join('src', 'engines', 'openai', 'timeouts.ts'),
    join('src', 'engines', 'pool', 'queue-limits.ts'),
    join('src', 'engines', 'spec', 'engine-spec.ts'),
  ]);
});
