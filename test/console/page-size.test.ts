import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const page = fileURLToPath(new URL('../../console', import.meta.url));

test('all files of the page together have at most 200 kB, compressed', () => {
  const files = globSync('**/*.{html,css,js,svg}', { cwd: page });
  const bytes = files.map((file) => gzipSync(readFileSync(join(page, file))).length);
  const total = bytes.reduce((sum, each) => sum + each, 0);
  assert.ok(total > 10_000 && total <= 200_000, `${total} bytes in ${files.length} files`);
});
