import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { notices } from '../../dev/harness/notices.ts';

test('THIRD_PARTY_NOTICES.md matches the installed packages, and has the licences of the models', () => {
  const page = readFileSync(new URL('../../THIRD_PARTY_NOTICES.md', import.meta.url), 'utf8');
  assert.equal(page, notices(), 'run node scripts/notices.ts');
  for (const holder of ['Silero Team', 'Useful Sensors', 'Carnegie Mellon University', 'Xiph.org', 'Octasic']) {
    assert.ok(page.toLowerCase().includes(holder.toLowerCase()), holder);
  }
});
