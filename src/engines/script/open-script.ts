import { playedEngines } from '../cassette/played-engines.ts';
import { readCassettes } from '../cassette/read-cassette.ts';
import type { EngineSet } from '../spec/registry.ts';
import { loadScript } from './load-script.ts';
import { type ScriptedEnginesOptions, scriptedEngines } from './scripted-engines.ts';

/**
 * The engines for `--script`: those of a script file, or of a cassette. Everything is read and checked before an engine
 * is created.
 * @throws {ScriptError} with every mistake in a script
 * @throws {CassetteError} when a cassette cannot be read
 */
export function openScript(path: string, options: ScriptedEnginesOptions): EngineSet {
  const loaded = loadScript(path);
  if ('script' in loaded) return scriptedEngines(loaded.script, options);
  const { cassette, ...settings } = loaded.replay;
  return playedEngines(readCassettes(cassette), { ...settings, create: options.create });
}
