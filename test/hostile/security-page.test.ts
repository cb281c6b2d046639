/** SECURITY.md cites the test of each control by file and title; this checks that they exist. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('SECURITY.md', root), 'utf8');

/** The rows of the table of threats. */
function rows(): { threat: string; control: string; proof: string }[] {
  const cells = page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return cells.slice(1).map(([, threat = '', control = '', proof = '']) => ({ threat, control, proof }));
}

/** The tests that a cell cites: files, each followed by titles in it. */
function proofs(cell: string): { file: string; titles: string[] }[] {
  return [...cell.matchAll(/\[[^\]]+\]\(([^)]+)\)([^[]*)/g)].map(([, file = '', rest = '']) => ({
    file,
    titles: [...rest.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }));
}

test('every threat has a control and a test, and every cited test exists', () => {
  assert.ok(rows().length > 10);
  for (const { threat, control, proof } of rows()) {
    assert.notEqual(control, '', threat);
    const named = proofs(proof);
    assert.ok(named.length > 0, `${threat}: no test`);
    for (const { file, titles } of named) {
      const source = readFileSync(new URL(file, root), 'utf8');
      assert.ok(titles.length > 0, `${file}: no title`);
      for (const title of titles) {
        assert.match(
          source,
          new RegExp(`\\b(test|it)\\('${RegExp.escape(title)}'`),
          `${file} has no test of this title`,
        );
      }
    }
  }
});

test('every hostile test names a threat of SECURITY.md', () => {
  const folder = new URL('test/hostile/', root);
  for (const name of globSync('*.test.ts', { cwd: folder })) {
    const [first = ''] = readFileSync(new URL(name, folder), 'utf8').split('*/');
    const threats = [...first.matchAll(/"([^"]+)"/g)].map(([, threat = '']) => threat);
    if (name === 'security-page.test.ts') continue;
    assert.ok(threats.length > 0, `${name} names no threat`);
    for (const threat of threats)
      assert.ok(page.toLowerCase().includes(`**${threat.toLowerCase()}`), `${name}: no threat "${threat}"`);
  }
});
