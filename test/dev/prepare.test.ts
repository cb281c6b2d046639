/** scripts/prepare.mjs, which npm runs after an install and before it packs. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('without a compiler an install succeeds, and packing requires an existing build', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-prepare-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'scripts'));
  const script = join(folder, 'scripts/prepare.mjs');
  copyFileSync(fileURLToPath(new URL('../../scripts/prepare.mjs', import.meta.url)), script);
  const prepare = (npm_command: string) => spawnSync(process.execPath, [script], { env: { npm_command } });

  assert.equal(prepare('install').status, 0);
  assert.equal(prepare('ci').status, 0);
  const packed = prepare('pack');
  assert.equal(packed.status, 1);
  assert.match(String(packed.stderr), /There is no dist\/ and no TypeScript compiler/);

  mkdirSync(join(folder, 'dist/cli'), { recursive: true });
  writeFileSync(join(folder, 'dist/cli/main.js'), '');
  assert.equal(prepare('pack').status, 0);
});
