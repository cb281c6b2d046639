/**
 * Unmodified clients of other languages against a server with the embedded engines (docs/clients.md). A client runs if
 * it is installed (`npm run clients`), and is skipped otherwise, or fails if `PARLEY_TEST_ALL` is 1.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clients } from '../../dev/clients/catalogue.ts';
import { missing, sourcesOf } from '../../dev/clients/install.ts';
import { runClient } from '../../dev/clients/run.ts';
import { type Outcome, type Scenario, scenarioNames } from '../../dev/clients/scenarios.ts';
import { exceptionPaths } from '../../dev/harness/official-exceptions.ts';
import { type EngineSet, type ParleyServer, startServer } from '../../src/server/server.ts';
import { embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { silentLog } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';

const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8');
const sentences = { question: 'What is twelve times seven?', stop: 'Stop, please.' };
const results: { client: string; outcomes: Partial<Record<Scenario, Outcome>> }[] = [];

let engines: EngineSet;
let server: ParleyServer;
let recordings: string;

before(async () => {
  recordings = await mkdtemp(join(tmpdir(), 'parley-test-'));
  engines = await embeddedEngines();
  for (const [name, text] of Object.entries(sentences)) {
    writeFileSync(join(recordings, `${name}.pcm`), await spokenQuestion(engines, text));
  }
  writeFileSync(
    join(recordings, 'exceptions.json'),
    JSON.stringify({ ga: exceptionPaths('ga'), beta: exceptionPaths('beta') }),
  );
  server = await startServer({ engines, config: { port: 0 }, log: silentLog });
});
after(async () => {
  await server.close();
  await rm(recordings, { recursive: true });
  // For the table of `npm run clients`.
  const path = process.env.PARLEY_CLIENTS_RESULTS;
  if (path !== undefined) writeFileSync(path, JSON.stringify(results));
});

for (const client of clients) {
  const reason = missing(client);
  const skip = process.env.PARLEY_TEST_ALL === '1' ? false : (reason ?? false);
  test(client.name, { skip, timeout: 400_000 }, async (t) => {
    verifies('R4.10', 'R4.11');
    assert.equal(reason, undefined);
    const outcomes = await runClient(client, { baseUrl: `${server.url}/v1`, recordings });
    results.push({ client: client.name, outcomes: Object.fromEntries(outcomes) });
    assert.deepEqual([...outcomes.keys()].sort(), scenarioNames.toSorted());
    for (const [scenario, outcome] of outcomes) {
      await t.test(scenario, () => {
        if (outcome.result === 'failed') assert.fail(outcome.detail);
        if (outcome.result === 'not applicable') {
          assert.ok(page.includes(outcome.detail), `docs/clients.md explains: ${outcome.detail}`);
        }
      });
    }
  });
}

test('docs/clients.md shows the programs that run here', () => {
  const programs = new Set(clients.map((client) => join(sourcesOf(client), client.source)));
  for (const path of programs) {
    assert.ok(existsSync(path), path);
    assert.ok(page.includes(readFileSync(path, 'utf8')), `${path} is on the page`);
  }
});

test('docs/clients.md names the versions that are pinned', () => {
  const pinned = {
    'openai-python/requirements.txt': /^openai==(\S+)/m,
    'aiortc/requirements.txt': /^aiortc==(\S+)/m,
    'openai-agents-python/requirements.txt': /^openai-agents==(\S+)/m,
    'pipecat/requirements.txt': /^pipecat-ai==(\S+)/m,
    'async-openai-rust/Cargo.toml': /^async-openai = .*version = "=([^"]+)"/m,
    'openai-go/go.mod': /^require github.com\/openai\/openai-go\/v3 v(\S+)/m,
  };
  for (const [file, pattern] of Object.entries(pinned)) {
    const [, version] = readFileSync(new URL(file, import.meta.url), 'utf8').match(pattern) ?? [];
    assert.ok(version !== undefined && page.includes(`| ${version} |`), `${file}: ${version}`);
  }
});
