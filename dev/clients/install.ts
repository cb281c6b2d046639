/** Installs the clients of other languages below `.clients`, and reports what is installed. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from './catalogue.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const installed = join(root, '.clients');

export const sourcesOf = (client: Client): string => join(root, 'test/clients', client.folder);
export const directoryOf = (client: Client): string => join(installed, client.folder);

/** Why a client cannot run now; undefined if it can. */
export function missing(client: Client): string | undefined {
  if (!onPath(client.toolchain.tool)) return `${client.toolchain.tool} is not installed`;
  if (recorded(client) !== digest(client)) return 'not installed, or changed since: npm run clients';
  return undefined;
}

/**
 * Installs a client unless it is installed already. Returns the seconds that it took.
 * @throws with the failed command, or if the toolchain is missing
 */
export async function install(client: Client): Promise<number> {
  const reason = missing(client);
  if (reason === undefined) return 0;
  if (!onPath(client.toolchain.tool)) throw new Error(reason);
  mkdirSync(installed, { recursive: true });
  const started = performance.now();
  for (const [command = '', ...args] of client.toolchain.install(directoryOf(client))) {
    const child = spawn(command, args, { cwd: sourcesOf(client), stdio: 'inherit' });
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code ?? signal}`);
  }
  writeFileSync(recordOf(client), digest(client));
  return (performance.now() - started) / 1000;
}

function onPath(tool: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, tool)));
}

const recordOf = (client: Client) => `${directoryOf(client)}.sha256`;

function recorded(client: Client): string | undefined {
  const path = recordOf(client);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function digest(client: Client): string {
  const hash = createHash('sha256');
  for (const path of globSync([...client.toolchain.inputs], { cwd: sourcesOf(client) }).sort()) {
    hash.update(`${path}\0`).update(readFileSync(join(sourcesOf(client), path)));
  }
  return hash.digest('hex');
}
