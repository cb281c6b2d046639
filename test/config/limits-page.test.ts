import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configWith } from '../../src/config/config.ts';
import { textBounds } from '../../src/session/speech/text-bounds.ts';

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');

test('docs/limits.md has every limit with its default in the form of a configuration file', () => {
  const defaults = configWith({}).limits;
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\S+) \|/gm)].map(([, name = '', value = '']) => ({
    key: name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase()),
    value,
  }));
  assert.deepEqual(rows.map(({ key }) => key).sort(), Object.keys(defaults).sort());
  const limits = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  assert.deepEqual(configWith(JSON.parse(JSON.stringify({ limits }))).limits, defaults);
});

test('docs/limits.md has every fixed bound on text', () => {
  const rows = [...page.matchAll(/^\| ([a-z ]+) \| (\d+) \|/gm)].map(([, name = '', value = '']) => [
    name.replace(/ ([a-z])/g, (_space, letter: string) => letter.toUpperCase()),
    Number(value),
  ]);
  assert.deepEqual(Object.fromEntries(rows), textBounds);
});
