import { type Clock, systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { allKinds, type EngineKind, type Engines, forEachKind, warmEngines } from '../../session/ports/engines.ts';
import { EngineGroup, type Lifecycle } from './engine-group.ts';
import {
  defaultSet,
  type EngineSetSpec,
  type EngineSetsSpec,
  type EngineSpec,
  type ModelAlias,
} from './engine-spec.ts';
import { type Candidate, type Failover, type FallbackListener, failover } from './fallback.ts';
import { type CreateEnginesOptions, type EngineNames, type EngineSet, maker } from './registry.ts';
import { inSet } from './voice-aliases.ts';

export interface EngineSetsOptions extends CreateEnginesOptions, FallbackListener {
  clock: Clock;
  /** The server of an engine does not answer when the engines are created; it may later. */
  onUnreachable?: (about: { part: EngineKind; name: string; error: string }) => void;
}

/** Engines of several sets; each session gets those of its model. */
export interface EngineSets extends EngineSet {
  /** The engines for a client's model name. */
  enginesFor(model: string): Engines;
}

/**
 * Creates every engine that the sets name, each once even if several sets share it, and starts to load them. Returns
 * immediately.
 * @throws {RangeError} for an unknown name
 */
export function createEngineSets(spec: EngineSetsSpec, options: EngineSetsOptions): EngineSets {
  // All names of the default set are resolved before anything is started.
  for (const kind of allKinds) maker(kind, spec.default[kind], options.given?.[kind]);
  const builder = new EngineSetBuilder(spec, options);
  const engines = builder.set(defaultSet, {});
  const aliased = new Map(
    Object.entries(spec.aliases).map(([name, alias]) => [name, builder.set(alias.engines ?? defaultSet, alias)]),
  );
  const names = builder.names(defaultSet, {});
  const aliasedNames = new Map(
    Object.entries(spec.aliases).map(([name, alias]) => [name, builder.names(alias.engines ?? defaultSet, alias)]),
  );
  const { engineGroup } = builder;
  const enginesFor = (model: string) => aliased.get(model) ?? engines;
  return {
    engines,
    enginesFor,
    namesFor: (model) => aliasedNames.get(model) ?? names,
    openSession: ({ model }) => {
      const own = enginesFor(model);
      warmEngines(own);
      return { engines: own };
    },
    ready: engineGroup.ready(),
    describe: () => engineGroup.describe(),
    get overloaded() {
      return engineGroup.overloaded;
    },
    close: () => engineGroup.close(),
  };
}

/**
 * Creates the named engines (default `embedded`) and starts to load them. Returns immediately.
 * @throws {RangeError} for an unknown name, with the known ones
 */
export function createEngines(names: EngineSetSpec = {}, options: CreateEnginesOptions = {}): EngineSet {
  return createEngineSets({ default: names, sets: {}, aliases: {} }, { clock: systemClock, ...options });
}

type EngineSetsInOrder = readonly [EngineSetSpec, ...EngineSetSpec[]];
/** Only for kinds that can be on a server. */
const failovers: { readonly [Kind in EngineKind]?: Failover<Engines[Kind]> } = failover;

class EngineSetBuilder {
  readonly engineGroup: EngineGroup;
  readonly #spec: EngineSetsSpec;
  readonly #options: EngineSetsOptions;
  /** By their specification. */
  readonly #made = new Map<string, unknown>();

  constructor(spec: EngineSetsSpec, options: EngineSetsOptions) {
    this.#spec = spec;
    this.#options = options;
    this.engineGroup = new EngineGroup(options.onProgress);
  }

  set(name: string, { model }: ModelAlias): Engines {
    const set = this.#setNamed(name);
    const fallbacks = (set.fallbacks ?? []).map((each) => this.#setNamed(each));
    const sets: EngineSetsInOrder = [withModel(set, model), ...fallbacks];
    return forEachKind<Engines>((kind) => this.#first(kind, sets, name === defaultSet));
  }

  names(name: string, { model }: ModelAlias): EngineNames {
    const set = withModel(this.#setNamed(name), model);
    return Object.fromEntries(allKinds.map((kind) => [kind, maker(kind, set[kind], this.#options.given?.[kind]).name]));
  }

  /** A set completed with the default one; voice names belong to the engine of the same set. */
  #setNamed(name: string): EngineSetSpec {
    const { default: base, sets } = this.#spec;
    if (name === defaultSet) return base;
    const set = sets[name] ?? {};
    const { fallbacks: _, voices, ...engines } = base;
    return { ...engines, ...(set.voice === undefined && voices && { voices }), ...set };
  }

  /** `sets`: the set of the engine, then its fallbacks. `loads`: whether the first is loaded at once. */
  #first<Kind extends EngineKind>(kind: Kind, [set, ...fallbacks]: EngineSetsInOrder, loads: boolean): Engines[Kind] {
    const failover = failovers[kind];
    if (failover === undefined || fallbacks.length === 0) {
      return this.#engine(kind, set, { hasFallback: false, loads }).engine;
    }
    const candidates = [set, ...fallbacks].map((each, index) =>
      this.#engine(kind, each, { hasFallback: index < fallbacks.length, loads: loads && index === 0 }),
    );
    const different = candidates.filter(
      (each, index) => candidates.findIndex(({ name }) => name === each.name) === index,
    );
    const [only] = different;
    return only !== undefined && different.length === 1 ? only.engine : failover(different, this.#options);
  }

  /** `hasFallback`: another engine answers if this one fails, which is faster than retrying. */
  #engine<Kind extends EngineKind>(
    kind: Kind,
    set: EngineSetSpec,
    { hasFallback, loads }: { hasFallback: boolean; loads: boolean },
  ): Candidate<Engines[Kind]> {
    const given = this.#options.given?.[kind];
    const spec: EngineSpec = set[kind] ?? 'embedded';
    const { name, make } = maker(kind, spec, given);
    const attempts = hasFallback && typeof spec === 'object' ? { attempts: 1, waitsForModel: false } : {};
    const engine = this.#once(`${kind} ${JSON.stringify([given ? name : spec, attempts])}`, () => {
      const made = this.engineGroup.add(kind, name, () => make({ ...this.#options, ...attempts }));
      this.#prepare(kind, name, made, loads);
      return made;
    });
    return { name, engine: inSet(kind, engine, set) };
  }

  #once<T>(key: string, make: () => T): T {
    // A cached value was created by the same call, so it has the right type.
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as T;
  }

  #prepare(part: EngineKind, name: string, engine: Lifecycle, loads: boolean): void {
    const { onUnreachable } = this.#options;
    if (onUnreachable === undefined) return;
    const prepare = async () => {
      await engine.probe?.();
      if (loads) await engine.load?.();
    };
    prepare().catch((error: unknown) => onUnreachable({ part, name, error: messageOf(error) }));
  }
}

function withModel(set: EngineSetSpec, model: string | undefined): EngineSetSpec {
  const { languageModel } = set;
  if (model === undefined || typeof languageModel !== 'object') return set;
  return { ...set, languageModel: { ...languageModel, model } };
}
