/** The measured source trees: this one, and another commit in a temporary worktree. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { UsageError } from '../src/cli/flags.ts';

const manifest = z.object({ scripts: z.object({ start: z.string() }) });
const lockFile = z.object({ packages: z.record(z.string(), z.unknown()) });

export class Tree {
  readonly folder: string;
  /** Display name: a commit, and whether files differ from it. */
  readonly label: string;

  constructor(folder: string, label: string) {
    this.folder = folder;
    this.label = label;
  }

  /**
   * Arguments of node that start the server as `npm start` does. The entry file has moved between commits, so
   * package.json is asked.
   */
  get startArguments(): string[] {
    const { options, entry, rest } = this.#startScript();
    return [...options, join(this.folder, entry), ...rest];
  }

  /** The start script's options of node. */
  get nodeOptions(): string[] {
    return this.#startScript().options;
  }

  /** The server that measures itself; each commit has the one that fits its engines. */
  get serverProcess(): URL {
    return pathToFileURL(join(this.folder, 'bench/server-process.ts'));
  }

  /** The installed packages that the lock file names, without the project itself. */
  get packages(): Record<string, unknown> {
    const { '': _project, ...installed } = lockFile.parse(this.#json('package-lock.json')).packages;
    return installed;
  }

  #startScript(): { options: string[]; entry: string; rest: string[] } {
    const { start } = manifest.parse(this.#json('package.json')).scripts;
    const [program, ...words] = start.split(' ');
    const at = words.findIndex((word) => !word.startsWith('-'));
    const [entry, ...rest] = words.slice(at);
    if (program !== 'node' || at < 0 || entry === undefined) {
      throw new Error(`The start script of ${this.label} is not "node OPTIONS FILE …": ${start}`);
    }
    return { options: words.slice(0, at), entry, rest };
  }

  #json(name: string): unknown {
    return JSON.parse(readFileSync(join(this.folder, name), 'utf8'));
  }
}

const root = fileURLToPath(new URL('..', import.meta.url));

export const thisTree = new Tree(root, 'this tree');

/**
 * Checks out a commit into a temporary worktree, with its dependencies. It is removed when this process exits, even
 * after a failure or a signal.
 * @throws {UsageError} when there is no such commit
 */
export function checkOut(ref: string): Tree {
  const commit = commitOf(ref);
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  process.on('exit', () => removeWorktree(folder));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  git('worktree', 'add', '--quiet', '--detach', folder, commit);
  const tree = new Tree(folder, `${ref} (${commit.slice(0, 7)})`);
  install(tree);
  return tree;
}

function commitOf(ref: string): string {
  try {
    return git('rev-parse', '--quiet', '--verify', '--end-of-options', `${ref}^{commit}`);
  } catch {
    throw new UsageError(`--compare: there is no commit "${ref}" in this repository.`);
  }
}

/** Uses this tree's packages if both lock files name the same ones. */
function install(tree: Tree): void {
  if (JSON.stringify(tree.packages) === JSON.stringify(thisTree.packages)) {
    symlinkSync(join(root, 'node_modules'), join(tree.folder, 'node_modules'), 'junction');
    return;
  }
  process.stderr.write(`Installing the dependencies of ${tree.label}: its lock file names other packages.\n`);
  const shell = process.platform === 'win32';
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: tree.folder,
    shell,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function removeWorktree(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  git('worktree', 'prune');
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
