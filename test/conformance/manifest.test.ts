/** Every requirement in scope is cited by a test or listed as pending; every citation is of such a requirement. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { citationsIn, readCitations } from '../../dev/harness/citations.ts';
import { rulesOfPage } from '../../dev/harness/derive-requirements.ts';
import rules from '../../dev/harness/requirements/rules.json' with { type: 'json' };
import { covers, pending, requirements } from '../../dev/harness/requirements.ts';

const cited = new Set(readCitations().map(({ id }) => id));
const ids = requirements.map(({ id }) => id);

test('the rules are those of docs/protocol.md', () => {
  const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  assert.deepEqual(rules, rulesOfPage(page), 'run node scripts/derive-requirements.ts');
});

test('requirement ids are unique', () => {
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
});

test('every requirement in scope is cited by a test', () => {
  const inScope = requirements.filter((requirement) => requirement.pending === undefined);
  assert.deepEqual(
    inScope.map(({ id }) => id).filter((id) => !cited.has(id)),
    [],
  );
});

test('every citation is of a requirement', () => {
  assert.deepEqual(
    [...cited].filter((id) => !ids.includes(id)),
    [],
  );
});

test('a pending entry is a requirement that no test cites', () => {
  for (const pattern of Object.keys(pending))
    assert.ok(
      ids.some((id) => covers(pattern, id)),
      `${pattern} is stale`,
    );
  const early = requirements.filter((requirement) => requirement.pending !== undefined && cited.has(requirement.id));
  assert.deepEqual(
    early.map(({ id }) => id),
    [],
    'take them out of pending.json',
  );
});

test('a citation belongs to its test, and is refused if its place is not supported', () => {
  const source = (cite: string) => `\ntest('first', () => {});\ntest('second', () => {\n  ${cite}\n});\n`;
  const cite = 'verifies';
  assert.deepEqual(citationsIn(source(`${cite}('R1.1', 'R1.2');`), 'a.test.ts'), [
    { id: 'R1.1', file: 'a.test.ts', line: 3 },
    { id: 'R1.2', file: 'a.test.ts', line: 3 },
  ]);
  assert.throws(() => citationsIn(source(`${cite}(id);`), 'a.test.ts'), /a\.test\.ts:4: .* literal strings/);
  assert.throws(() => citationsIn(`${cite}('R1.1');`, 'a.test.ts'), /stands in no test/);
});
