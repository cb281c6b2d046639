/** Runs the programs of a client against a server and reads what they print. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Client } from './catalogue.ts';
import { directoryOf, sourcesOf } from './install.ts';
import { type Outcome, type Scenario, scenarioNames } from './scenarios.ts';

const pythonSupport = fileURLToPath(new URL('../../test/clients/python-support', import.meta.url));
const secondsForAll = 300;
const shownCharacters = 4000;

export interface Target {
  /** Base URL of the API, such as `http://127.0.0.1:8080/v1`. */
  baseUrl: string;
  /** Folder with the recorded sentences and `exceptions.json`. */
  recordings: string;
}

/** The outcome of every scenario. */
export async function runClient(client: Client, target: Target): Promise<Map<Scenario, Outcome>> {
  const outcomes = new Map<Scenario, Outcome>([['quickstart', await runQuickstart(client, target)]]);
  const { out, problem } = await runProgram(client, client.scenarios, target);
  for (const line of out.split('\n')) {
    const [scenario, outcome] = parseLine(line) ?? [];
    if (scenario !== undefined && outcome !== undefined) outcomes.set(scenario, outcome);
  }
  for (const scenario of scenarioNames) {
    if (!outcomes.has(scenario)) outcomes.set(scenario, { result: 'failed', detail: `no line about it. ${problem}` });
  }
  return outcomes;
}

async function runQuickstart(client: Client, target: Target): Promise<Outcome> {
  const { out, problem } = await runProgram(client, [client.quickstart], target);
  return /\b84\b/.test(out) ? { result: 'passed' } : { result: 'failed', detail: `it printed ${out}${problem}` };
}

async function runProgram(
  client: Client,
  [program = '', ...args]: readonly string[],
  { baseUrl, recordings }: Target,
): Promise<{ out: string; problem: string }> {
  const [command = '', ...first] = client.toolchain.start(directoryOf(client), program);
  const child = spawn(command, [...first, ...args], {
    cwd: sourcesOf(client),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: secondsForAll * 1000,
    env: {
      ...process.env,
      OPENAI_BASE_URL: baseUrl,
      OPENAI_API_KEY: 'any',
      PARLEY_RECORDINGS: recordings,
      PYTHONPATH: pythonSupport,
      PYTHONPYCACHEPREFIX: join(directoryOf(client), 'pycache'),
      PYTHONUTF8: '1',
    },
  });
  const [out, errors, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  const problem = code === 0 ? '' : `${program} ended with ${code ?? signal}:\n${errors.slice(-shownCharacters)}`;
  return { out, problem };
}

/** A line of a program: `{"scenario": …, "result": …, "detail": …}`. Undefined for anything else that a client prints. */
function parseLine(line: string): [Scenario, Outcome] | undefined {
  if (!line.startsWith('{')) return undefined;
  const { scenario, result, detail = '' } = JSON.parse(line);
  if (!scenarioNames.includes(scenario)) return undefined;
  if (result === 'passed') return [scenario, { result }];
  if (result === 'failed' || result === 'not applicable') return [scenario, { result, detail }];
  return undefined;
}
