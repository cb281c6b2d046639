/** Creates the configured engines. */

import { type Config, ConfigError } from '../config/config.ts';
import { smartTurnPrefix } from '../config/kinds.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { packageVersion } from '../core/version.ts';
import { CassetteError } from '../engines/cassette/format.ts';
import { cassetteDirectory, recordedEngines } from '../engines/cassette/recorded-engines.ts';
import { findLocalModel } from '../engines/openai/local-models.ts';
import type { PoolSurroundings } from '../engines/pool/worker-pool.ts';
import { ScriptError } from '../engines/script/script.ts';
import type { ScriptedEnginesOptions } from '../engines/script/scripted-engines.ts';
import { EngineConfigError, planEngines } from '../engines/spec/engine-plan.ts';
import { createEngineSets } from '../engines/spec/engine-sets.ts';
import { defaultSet, type EngineSetsSpec } from '../engines/spec/engine-spec.ts';
import { lazyEngines } from '../engines/spec/lazy-engines.ts';
import type { CreateEnginesOptions, EngineOptions, EngineSet } from '../engines/spec/registry.ts';
import type { TurnModel } from '../session/ports/turn-model.ts';
import { defaultModel } from '../transport/session-authorizer.ts';
import { relaysAll, upstreamFor } from '../upstream/link/target.ts';

/** Names of stand-in language models. */
const standInModels: ReadonlySet<string> = new Set(['embedded', 'responder']);

interface Surroundings {
  clock: Clock;
  log: Log;
}

/**
 * The configured engines, or `ready` ones, with a script in place of the model and a cassette recorder if configured.
 * @throws {ConfigError} when they cannot be created as configured
 */
export async function configuredEngines(
  config: Config,
  { ready, ...surroundings }: Surroundings & { ready: EngineSet | undefined },
): Promise<EngineSet> {
  const { clock, log } = surroundings;
  const { script, cassette, limits } = config;
  const create = (given: CreateEnginesOptions['given']) => ready ?? plannedEngines(config, surroundings, given);
  try {
    const directory = cassette === undefined ? undefined : cassetteDirectory(cassette);
    const set = script === undefined ? create({}) : await scriptedEngines(script, { clock, create });
    if (script !== undefined) log.info('server_script', { script });
    if (directory === undefined) return set;
    log.info('server_cassette', { directory });
    return recordedEngines(set, {
      directory,
      maxBytes: limits.cassetteBytes,
      version: packageVersion(),
    });
  } catch (error) {
    if (error instanceof ScriptError) throw new ConfigError(error.problems, { cause: error });
    if (error instanceof CassetteError) throw new ConfigError([error.message], { cause: error });
    if (error instanceof EngineConfigError) throw new ConfigError(error.problems);
    throw error;
  }
}

/** Loads the code of scripts, which other servers do not need. */
async function scriptedEngines(path: string, options: ScriptedEnginesOptions): Promise<EngineSet> {
  const { openScript } = await import('../engines/script/open-script.ts');
  return openScript(path, options);
}

/** @throws {EngineConfigError} when they cannot be created as configured */
function plannedEngines(
  config: Config,
  { clock, log }: Surroundings,
  given: CreateEnginesOptions['given'] = {},
): EngineSet {
  const { upstream, models, script, cassette } = config;
  const plan = planEngines(config, process.env);
  const make = () => createPlanned(plan, config, { clock, log }, given);
  const alone = script === undefined && cassette === undefined;
  if (alone && relaysAll(upstream, models)) return lazyEngines(plan.default, make);
  const engines = make();
  if (given.languageModel !== undefined || !isStandIn(config, plan)) return engines;
  log.info('server_stand_in_model', {});
  return withOffer(engines, log);
}

/** Whether the stand-in answers clients that request a configured model or, if none is configured, the default one. */
export function isStandIn(
  config: Pick<Config, 'upstream' | 'models' | 'aliases'>,
  { default: base, sets, aliases }: EngineSetsSpec,
): boolean {
  const { models, upstream } = config;
  const asked = models.length > 0 ? models : [defaultModel(config), ...Object.keys(aliases)];
  return asked.some((model) => {
    if (upstreamFor(upstream, { type: 'realtime', model })) return false;
    const { engines = defaultSet } = aliases[model] ?? {};
    const { languageModel = base.languageModel ?? 'embedded' } = engines === defaultSet ? base : (sets[engines] ?? {});
    return typeof languageModel === 'string' && standInModels.has(languageModel);
  });
}

/**
 * The model that `turn` names, loaded; undefined if there is none.
 * @throws {ConfigError} when the file is missing or is something else
 */
export async function openTurnModel(
  config: Pick<Config, 'turn' | 'limits'>,
  clock: Clock,
): Promise<(TurnModel & { close(): Promise<void> }) | undefined> {
  if (config.turn === undefined) return undefined;
  const { SmartTurn } = await import('../engines/embedded/smart-turn/smart-turn.ts');
  const modelPath = config.turn.slice(smartTurnPrefix.length);
  const model = new SmartTurn({ ...poolSurroundings(config, clock), modelPath });
  try {
    await model.ready;
  } catch (error) {
    await model.close();
    throw new ConfigError([`turn: ${messageOf(error)}. See docs/turn-taking.md for the file that is expected.`]);
  }
  return model;
}

/** Limits of the queues of the worker threads. */
export function poolSurroundings({ limits }: Pick<Config, 'limits'>, clock: Clock): PoolSurroundings {
  const queue = {
    jobs: limits.engineQueueJobs,
    waitMs: limits.engineQueueMs,
    overloadMs: limits.engineOverloadMs,
  };
  return { clock, queue, partialShare: limits.partialsPercent / 100 };
}

/** Deadlines and maximum sizes of requests to the servers of engines. */
export function endpointLimits(limits: Config['limits']): Required<Pick<EngineOptions, 'timeouts' | 'bounds'>> {
  return {
    timeouts: {
      connectMs: limits.engineConnectMs,
      firstByteMs: limits.engineFirstByteMs,
      loadMs: limits.engineLoadMs,
      idleMs: limits.engineIdleMs,
    },
    bounds: { answerBytes: limits.engineAnswerBytes, messageBytes: limits.engineMessageBytes },
  };
}

function createPlanned(
  plan: EngineSetsSpec,
  { transcriberWorkers, voiceWorkers, limits }: Config,
  { clock, log }: Surroundings,
  given: NonNullable<CreateEnginesOptions['given']>,
): EngineSet {
  return createEngineSets(given.languageModel === undefined ? plan : { ...plan, aliases: {} }, {
    given,
    clock,
    ...endpointLimits(limits),
    pool: poolSurroundings({ limits }, clock),
    now: () => new Date(clock.epochMs()),
    transcriberWorkers,
    voiceWorkers,
    adaptationMs: limits.engineAdaptationMs,
    onLoading: ({ name, loading, ms, error }) => {
      const about = { name, ms: Math.round(ms) };
      if (error === undefined) log.info(loading ? 'engine_loading' : 'engine_loaded', about);
      else log.warn('engine_load_failed', { ...about, error });
    },
    onNotice: (notice) => log.info('engine_notice', { notice }),
    onUnreachable: (about) => log.warn('engine_unreachable', about),
    onFallback: (change) => log.warn('engine_fallback', change),
    onRecovery: (engine) => log.info('engine_recovered', engine),
  });
}

/** The command that starts the server, in a clone and in the package. */
export const startCommand = process.env.npm_lifecycle_event === 'start' ? 'npm start --' : 'parley serve';

/**
 * Reports a model server on this machine, which its owner may not know can be used, in the banner, the log and the
 * page. It looks for one when the engines are first described, because loading the HTTP client delays the start.
 */
function withOffer(engines: EngineSet, log: Log): EngineSet {
  let hint: string | undefined;
  let looked = false;
  async function look(): Promise<void> {
    looked = true;
    const found = await findLocalModel();
    if (found === undefined) return;
    hint = `${found.model} answers at ${found.url}. To talk to it, start the server with: ${startCommand} --llm auto`;
    log.info('server_local_model', { ...found, hint });
  }
  return {
    ...engines,
    describe() {
      if (!looked) void look();
      return engines
        .describe()
        .map((status) => (status.part === 'languageModel' && hint !== undefined ? { ...status, hint } : status));
    },
  };
}
