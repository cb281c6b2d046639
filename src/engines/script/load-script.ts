import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { type ReplaySettings, readScript } from './read-script.ts';
import { type Script, ScriptError } from './script.ts';

const maxFileBytes = 4 * 1024 ** 2;

export type LoadedScript = { readonly script: Script } | { readonly replay: ReplaySettings };

/**
 * Loads the argument of `--script`: a script file, or a folder with a cassette, which is played without delays.
 * @throws {ScriptError} with every mistake in it
 */
export function loadScript(path: string): LoadedScript {
  const size = sizeOf(path);
  if (size === 'folder') return { replay: { cassette: path, timing: 'instant', audio: 'exact' } };
  if (size > maxFileBytes)
    throw new ScriptError([`${path}: this file has ${size} bytes; a script may have ${maxFileBytes}.`]);
  const read = readScript(path, readFileSync(path, 'utf8'));
  if ('rules' in read) return { script: read };
  return { replay: { ...read, cassette: resolve(dirname(path), read.cassette) } };
}

function sizeOf(path: string): number | 'folder' {
  try {
    const found = statSync(path);
    return found.isDirectory() ? 'folder' : found.size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new ScriptError([`${path}: there is no such file or folder.`]);
    }
    const detail = messageOf(error);
    throw new ScriptError([`${path}: this script cannot be read: ${detail}`]);
  }
}
