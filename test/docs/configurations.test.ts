/** The configurations in the documents are valid: names, values, and engines. */

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/config.ts';
import { planEngines } from '../../src/engines/spec/engine-plan.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The first keys of other YAML files: scripts, workflows, scrape configurations and alerts. */
const otherFiles = /^(rules|hears|name|scrape_configs|groups|\s+- run):/m;

const configurations = globSync(['*.md', 'docs/*.md'], { cwd: root }).flatMap((path) =>
  [...readFileSync(join(root, path), 'utf8').matchAll(/```yaml\n(.*?)```/gs)]
    .map(([, text = '']) => ({ path, text }))
    .filter(({ text }) => !otherFiles.test(text)),
);

for (const { path, text } of configurations) {
  test(`the configuration of ${path} with ${text.trim().split(/[\n:]/)[0]} is valid`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-docs-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, 'sk-from-a-file');
    const file = join(folder, 'parley.yaml');
    writeFileSync(file, text.replaceAll(/\/run\/secrets\/\w+/g, keyFile).replaceAll('key: …', 'key: sk-in-the-file'));
    const environment = { OPENAI_API_KEY: 'sk-hosted', EXAMPLE_KEY: 'sk-example' };
    const { config, warnings } = loadConfig({ flags: ['--config', file], environment });
    assert.deepEqual(warnings, []);
    planEngines(config, environment);
  });
}

test('the documents have configurations', () => {
  assert.ok(configurations.length >= 8);
});
