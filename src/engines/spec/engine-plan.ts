/** Turns the configuration of engines into a plan, or reports its problems. */

import { statSync } from 'node:fs';
import { messageOf } from '../../core/errors.ts';
import { nearest } from '../../protocol/parse/nearest.ts';
import {
  allKinds,
  type EngineKind,
  engineKinds,
  forEachKind,
  type RequestKind,
  requestKinds,
} from '../../session/ports/engines.ts';
import { modelFile } from '../embedded/package-file.ts';
import {
  defaultSet,
  type EngineSetSpec,
  type EngineSetsSpec,
  type EngineSpec,
  type HttpEngineSpec,
  type KeyOption,
  keyOption,
  keyVariable,
  type ModelAlias,
  modelFiles,
} from './engine-spec.ts';

/** The engine part of the configuration. */
export interface EngineConfig
  extends Readonly<Record<EngineKind, EngineSpec>>,
    Readonly<Record<KeyOption, string | undefined>> {
  readonly voices: Readonly<Record<string, string>>;
  readonly fallbacks: readonly string[];
  readonly engineSets: Readonly<Record<string, EngineSetSpec>>;
  readonly aliases: Readonly<Record<string, ModelAlias>>;
  /** Model names that clients may use; empty: any. */
  readonly models: readonly string[];
}

/** Engines that cannot be created as configured. */
export class EngineConfigError extends Error {
  override readonly name = 'EngineConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The sets with all keys filled in.
 * @throws {EngineConfigError} with one sentence per problem
 */
export function planEngines(config: EngineConfig, environment: Environment): EngineSetsSpec {
  const problems: string[] = [];
  const keyed = (set: EngineSetSpec, place: string): EngineSetSpec => {
    const made = { ...set };
    for (const kind of allKinds) {
      const problem = pathProblem(kind, set[kind]);
      if (problem !== undefined) problems.push(`${place}${engineKinds[kind].short}: ${problem}`);
    }
    for (const kind of requestKinds) {
      const spec = set[kind];
      if (typeof spec !== 'object') continue;
      const own = config[kind];
      const shared = typeof own === 'object' && sameOrigin(own.url, spec.url) ? config[keyOption(kind)] : undefined;
      made[kind] = withKey(spec, { kind, place: `${place}${engineKinds[kind].short}`, shared, environment, problems });
    }
    return made;
  };
  const { languageModel, voices, fallbacks, engineSets, aliases } = config;
  for (const kind of requestKinds) {
    if (config[keyOption(kind)] === undefined || typeof config[kind] === 'object') continue;
    problems.push(
      `${keyVariable(kind)} is set, but ${engineKinds[kind].short} is no URL that it could be for. A set of engine-sets has its own: { url, key-env }.`,
    );
  }
  const names = [defaultSet, ...Object.keys(engineSets)];
  const known = (name: string, place: string) => {
    if (!names.includes(name)) problems.push(`${place}: there is no engine set '${name}'. ${listNames(name, names)}`);
  };
  for (const name of fallbacks) known(name, 'fallbacks');
  if (fallbacks.includes(defaultSet)) problems.push('fallbacks: the default set cannot stand in for itself.');
  for (const [name, set] of Object.entries(engineSets)) {
    for (const each of set.fallbacks ?? []) known(each, `engine-sets.${name}.fallbacks`);
    if (set.fallbacks?.includes(name))
      problems.push(`engine-sets.${name}.fallbacks: a set cannot stand in for itself.`);
  }
  for (const [name, alias] of Object.entries(aliases)) {
    const place = `aliases.${name}`;
    const setName = alias.engines ?? defaultSet;
    known(setName, place);
    const set = setName === defaultSet ? config : engineSets[setName];
    if (alias.model !== undefined && set && typeof (set.languageModel ?? languageModel) === 'string') {
      problems.push(
        `${place}: the language model of the set '${setName}' is built in, and has no models to choose from.`,
      );
    }
    if (config.models.length > 0 && !config.models.includes(name)) {
      problems.push(`${place}: models does not allow clients to ask for '${name}'. Add it there, or leave models out.`);
    }
  }
  const engines = forEachKind<Record<EngineKind, EngineSpec>>((kind) => config[kind]);
  const plan: EngineSetsSpec = {
    default: keyed({ ...engines, voices, fallbacks }, ''),
    sets: Object.fromEntries(
      Object.entries(engineSets).map(([name, set]) => [name, keyed(set, `engine-sets.${name}.`)]),
    ),
    aliases,
  };
  if (problems.length > 0) throw new EngineConfigError(problems);
  return plan;
}

/** Why there is no model at the path of `name:PATH`; undefined where there is one, or no path. */
function pathProblem(kind: EngineKind, spec: EngineSpec | undefined): string | undefined {
  if (typeof spec !== 'string' || !spec.includes(':')) return undefined;
  const colon = spec.indexOf(':');
  const path = spec.slice(colon + 1);
  const files = modelFiles(kind, spec.slice(0, colon)) ?? [];
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`${path} is missing`);
    if (files.length === 0 && !found.isFile()) throw new Error(`${path} is not a file`);
    for (const file of files) modelFile(path, file);
    return undefined;
  } catch (error) {
    return `${spec} cannot be loaded: ${messageOf(error)}. Check the path.`;
  }
}

interface KeySources {
  kind: RequestKind;
  place: string;
  /** The key of this kind's option, if it applies to this server. */
  shared: string | undefined;
  environment: Environment;
  problems: string[];
}

function withKey(spec: HttpEngineSpec, { kind, place, shared, environment, problems }: KeySources): HttpEngineSpec {
  if (spec.key !== undefined) return spec;
  if (spec.keyEnv !== undefined) {
    const key = environment[spec.keyEnv];
    if (key) return { ...spec, key };
    problems.push(`${place}: the environment variable ${spec.keyEnv} is not set.`);
    return spec;
  }
  if (shared !== undefined) return { ...spec, key: shared };
  // OpenAI's own key is sent to OpenAI only.
  if (new URL(spec.url).hostname !== 'api.openai.com') return spec;
  const key = environment.OPENAI_API_KEY;
  if (key) return { ...spec, key };
  problems.push(`${place}: api.openai.com requires a key. Set OPENAI_API_KEY or ${keyVariable(kind)}.`);
  return spec;
}

function sameOrigin(one: string, other: string): boolean {
  return new URL(one).origin === new URL(other).origin;
}

function listNames(name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return meant === undefined ? `There are: ${names.join(', ')}.` : `Did you mean '${meant}'?`;
}
