/**
 * Runs the tests: all of them, or with `--fast` those outside the slow folders. Other arguments are options of
 * `node --test`. Test files outside the slow folders share one process per core, because starting a process takes
 * longer than most of them run; each file of a slow folder has its own process.
 */

import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const slowFolders = ['browser', 'cli', 'clients', 'embedded', 'hostile'];
const groupFolder = join(root, 'node_modules/.cache/parley-tests');

const args = process.argv.slice(2);
const testFiles = globSync('test/**/*.test.ts', { cwd: root }).sort();
const slow = args.includes('--fast') ? [] : testFiles.filter(isSlow);
const groups = writeGroups(
  testFiles.filter((file) => !isSlow(file)),
  availableParallelism(),
);
const { status, error } = spawnSync(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    ...args.filter((arg) => arg !== '--fast'),
    ...groups,
    ...slow,
  ],
  { cwd: root, stdio: 'inherit' },
);
if (error) throw error;
process.exitCode = status ?? 1;

function isSlow(file: string): boolean {
  return slowFolders.some((folder) => file.startsWith(join('test', folder) + sep));
}

/** Writes `count` modules, each of which imports an equal share of the files. Returns their absolute paths: `node --test` ignores others in node_modules. */
function writeGroups(files: readonly string[], count: number): string[] {
  mkdirSync(groupFolder, { recursive: true });
  return Array.from({ length: count }, (_, group) => {
    const urls = files.filter((_file, index) => index % count === group).map((file) => pathToFileURL(join(root, file)));
    const module = join(groupFolder, `${group + 1}.test.mjs`);
    writeFileSync(module, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(''));
    return module;
  });
}
