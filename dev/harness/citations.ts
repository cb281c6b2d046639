/** Finds which test verifies which requirement, in the sources of the tests. */

import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Citation {
  id: string;
  /** Absolute path. */
  file: string;
  /** The line of the enclosing `test(`, as the test runner reports it. */
  line: number;
}

const root = fileURLToPath(new URL('../../test/', import.meta.url));

/** All citations in test files; throws on one that cannot be parsed. */
export function readCitations(): Citation[] {
  const files = globSync('**/*.test.ts', { cwd: root }).map((name) => `${root}${name}`);
  return files.sort().flatMap((file) => citationsIn(readFileSync(file, 'utf8'), file));
}

export function citationsIn(source: string, file: string): Citation[] {
  return [...source.matchAll(/\bverifies\(([^)]*)\)/g)].flatMap((match) => {
    const before = source.slice(0, match.index).split('\n');
    const line = before.findLastIndex((text) => /^\s*test\(/.test(text)) + 1;
    const where = `${file}:${before.length}`;
    if (line === 0) throw new Error(`${where}: verifies() stands in no test`);
    const [list = ''] = match.slice(1);
    const ids = [...list.matchAll(/'([^']+)'/g)].map(([, id = '']) => id);
    if (list.replaceAll(/'[^']+'|[\s,]/g, '') !== '' || ids.length === 0) {
      throw new Error(`${where}: verifies() takes ids as literal strings`);
    }
    return ids.map((id) => ({ id, file, line }));
  });
}
