/**
 * Installs the clients of other languages (test/clients, docs/clients.md) whose toolchains are there, runs them against
 * a server, and prints the table of clients and scenarios. `install` only installs, and fails if a toolchain is
 * missing.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clients } from '../dev/clients/catalogue.ts';
import { install } from '../dev/clients/install.ts';
import { type Outcome, type Scenario, scenarioNames } from '../dev/clients/scenarios.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const onlyInstall = process.argv.includes('install');

// Clients that share a folder are installed once. Waiting for the network and compiling overlap.
const folders = new Map(clients.map((client) => [client.folder, client]));
await Promise.all(
  [...folders].map(async ([folder, client]) => {
    try {
      const seconds = await install(client);
      if (seconds > 0) console.log(`${folder}: installed in ${seconds.toFixed(0)} s`);
    } catch (error) {
      console.error(`${folder}: ${error instanceof Error ? error.message : error}`);
      if (onlyInstall) process.exitCode = 1;
    }
  }),
);
if (!onlyInstall) run();

function run(): void {
  const folder = mkdtempSync(join(tmpdir(), 'parley-clients-'));
  const path = join(folder, 'results.json');
  try {
    const { status } = spawnSync(process.execPath, ['--test', 'test/clients/other-languages.test.ts'], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PARLEY_CLIENTS_RESULTS: path },
    });
    process.exitCode = status ?? 1;
    printTable(JSON.parse(readFileSync(path, 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function printTable(results: readonly { client: string; outcomes: Partial<Record<Scenario, Outcome>> }[]): void {
  const marks = { passed: '✓', failed: '✗', 'not applicable': '–' };
  const reasons: string[] = [];
  const rows = results.map(({ client, outcomes }) => [
    client,
    ...scenarioNames.map((scenario) => {
      const outcome = outcomes[scenario];
      if (outcome?.result === 'not applicable') reasons.push(`${client}, ${scenario}: ${outcome.detail}`);
      return outcome === undefined ? '' : marks[outcome.result];
    }),
  ]);
  const [first = '', ...others] = ['client', ...scenarioNames];
  const width = Math.max(first.length, ...rows.map(([client = '']) => client.length));
  console.log(`\n${first.padEnd(width)}  ${others.join('  ')}`);
  for (const [client = '', ...cells] of rows) {
    console.log(`${client.padEnd(width)}  ${cells.map((cell, i) => cell.padEnd(others[i]?.length ?? 0)).join('  ')}`);
  }
  if (reasons.length > 0) console.log(`\n– not applicable:\n${reasons.map((reason) => `  ${reason}`).join('\n')}`);
}
