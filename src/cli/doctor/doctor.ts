/** `parley doctor`: sends a real request to every configured engine, upstream and MCP server, and explains problems. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples, samplesIn } from '../../audio/pcm.ts';
import { type Config, ConfigError, loadConfig } from '../../config/config.ts';
import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { Flite } from '../../engines/embedded/flite/flite.ts';
import { ollamaWindow } from '../../engines/openai/chat/ollama-window.ts';
import { findLocalModel } from '../../engines/openai/local-models.ts';
import { EngineConfigError, planEngines } from '../../engines/spec/engine-plan.ts';
import {
  defaultSet,
  type EngineSetSpec,
  type EngineSetsSpec,
  type EngineSpec,
} from '../../engines/spec/engine-spec.ts';
import { type EngineOptions, type Lifecycle, maker } from '../../engines/spec/registry.ts';
import { inSet } from '../../engines/spec/voice-aliases.ts';
import { endpointLimits, isStandIn } from '../../server/configured-engines.ts';
import { contextBudget } from '../../session/context/truncation.ts';
import { allKinds, type EngineKind, engineKinds } from '../../session/ports/engines.ts';
import { defaultModel } from '../../transport/session-authorizer.ts';
import { withKey } from '../../upstream/link/target.ts';
import { checks, type Finding, sampleSentence, speak } from './checks.ts';
import { checkMcpServers } from './mcp-servers.ts';
import { checkUpstreams, type UpstreamFinding } from './upstreams.ts';

const usage = `Send a real request to every configured engine, upstream and MCP server, and explain problems.

  parley doctor [options]

The options, the environment and the configuration file are those of "parley serve". The exit code
is 0 if everything works, 1 if something does not, and 2 if the configuration is invalid. Paid
services are included: each gets a sentence to transcribe, to speak or to answer, and one that
requires a tool. On an upstream, a session is opened and not used; of an MCP server, the tools are
imported.
`;

/** Time limit of one engine. */
const checkMs = 120_000;
/** Silence around the sample sentence. */
const silenceMs = 400;

const width = Math.max(...allKinds.map((kind) => engineKinds[kind].words.length));

/** Resolves with the exit code. */
export async function doctor(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
  print: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    print(usage.trimEnd());
    return 0;
  }
  let config: Config;
  let plan: EngineSetsSpec;
  try {
    const loaded = loadConfig({ flags: args, environment });
    config = loaded.config;
    for (const warning of loaded.warnings) print(`note  ${warning}`);
    plan = planEngines(config, environment);
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof EngineConfigError)) throw error;
    for (const problem of error.message.split('\n')) print(`wrong ${problem}`);
    return 2;
  }
  const enginesFine = await examine(plan, config, print);
  const targets = withKey(config.upstream, config.upstreamKey);
  const about = { usual: defaultModel(config), limits: config.limits, clock: systemClock };
  const upstreamsFine = await report('upstream', checkUpstreams(targets, about), print);
  const serversFine = await report('MCP server', checkMcpServers(config), print);
  return enginesFine && upstreamsFine && serversFine ? 0 : 1;
}

/** Prints findings about upstreams or MCP servers; returns whether all of them work. */
async function report(
  kind: string,
  findings: AsyncIterable<UpstreamFinding>,
  print: (line: string) => void,
): Promise<boolean> {
  let allFine = true;
  for await (const { name, did, fine } of findings) {
    print(`${fine ? 'ok   ' : 'FAIL '} ${kind.padEnd(width)}  ${name}: ${did}`);
    allFine &&= fine;
  }
  return allFine;
}

/** Checks the engines; returns whether all of them work. */
async function examine(plan: EngineSetsSpec, config: Config, print: (line: string) => void): Promise<boolean> {
  const { limits, transcriberWorkers, voiceWorkers } = config;
  const options: EngineOptions = {
    transcriberWorkers: transcriberWorkers ?? 1,
    voiceWorkers: voiceWorkers ?? 1,
    ...endpointLimits(limits),
    attempts: 1,
    clock: systemClock,
    onNotice: (notice) => print(`note  ${notice}`),
  };
  const clip = await sampleClip();
  let fine = true;
  for (const { kind, set, sets } of enginesOf(plan)) {
    const { name } = maker(kind, set[kind]);
    const where = sets.length === 1 && sets[0] === defaultSet ? '' : ` [${sets.join(', ')}]`;
    const label = `${engineKinds[kind].words.padEnd(width)}  ${name}${where}`;
    try {
      const { did, odd = false } = await examineOne(kind, set, options, clip);
      print(`${odd ? 'odd  ' : 'ok   '} ${label}: ${did}`);
      const small = kind === 'languageModel' ? await smallWindow(set.languageModel, config) : undefined;
      if (small !== undefined) print(`odd   ${label}: ${small}`);
    } catch (error) {
      fine = false;
      print(`FAIL  ${label}: ${withoutName(error, name)}`);
    }
  }
  if (isStandIn(config, plan)) await suggestLocalModel(print);
  return fine;
}

interface EnginePart {
  kind: EngineKind;
  set: EngineSetSpec;
  /** The sets and aliases that use it. */
  sets: string[];
}

/** Each engine once, regardless of the number of sets and aliases that use it. */
function enginesOf(plan: EngineSetsSpec): EnginePart[] {
  const parts = new Map<string, EnginePart>();
  const sets = [[defaultSet, plan.default] as const, ...Object.entries(plan.sets), ...aliasedModels(plan)];
  for (const [name, set] of sets) {
    for (const kind of allKinds) {
      if (set[kind] === undefined) continue;
      const key = JSON.stringify([kind, set[kind], kind === 'voice' ? set.voices : undefined]);
      const part = parts.get(key) ?? { kind, set, sets: [] };
      part.sets.push(name);
      parts.set(key, part);
    }
  }
  return [...parts.values()];
}

/** The language model of each alias that selects one of a server's models, as `alias NAME`. */
function aliasedModels({ default: base, sets, aliases }: EngineSetsSpec): [string, EngineSetSpec][] {
  return Object.entries(aliases).flatMap(([name, { engines = defaultSet, model }]) => {
    const { languageModel = base.languageModel } = engines === defaultSet ? base : (sets[engines] ?? {});
    if (typeof languageModel !== 'object') return [];
    // A server without a configured model is asked for the model that the client names.
    const asked = model ?? languageModel.model ?? name;
    return [[`alias ${name}`, { languageModel: { ...languageModel, model: asked } }]];
  });
}

/** A description of the result. */
function examineOne<Kind extends EngineKind>(
  kind: Kind,
  set: EngineSetSpec,
  options: EngineOptions,
  clip: AudioClip,
): Promise<Finding> {
  return withEngine(maker(kind, set[kind]).make(options), (engine, signal) =>
    checks[kind](inSet<Kind>(kind, engine, set), { clip, signal }),
  );
}

/** Runs a check once the engine has loaded, and closes the engine. */
async function withEngine<Engine extends Lifecycle, T>(
  engine: Engine,
  act: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    await engine.ready;
    return await act(engine, AbortSignal.timeout(checkMs));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new Error(`it was not done within ${checkMs / 1000} s`);
    }
    throw error;
  } finally {
    await engine.close?.();
  }
}

/** The sample sentence in the embedded voice. */
async function sampleClip(): Promise<AudioClip> {
  const { clip } = await withEngine(new Flite({ workers: 1 }), (voice, signal) => speak(voice, sampleSentence, signal));
  const silence = new Int16Array(samplesIn(silenceMs, clip.sampleRateHz));
  return { ...clip, samples: concatSamples([silence, clip.samples, silence]) };
}

/** Returns a warning if the context window of a model in Ollama is smaller than Parley's token budget. */
async function smallWindow(spec: EngineSpec | undefined, { contextTokens }: Config): Promise<string | undefined> {
  const found = spec === 'auto' ? await findLocalModel() : spec;
  if (typeof found !== 'object' || found.model === undefined) return undefined;
  const window = await ollamaWindow({ url: found.url, model: found.model });
  const sent = contextBudget(contextTokens, found.model);
  if (window === undefined || window >= sent) return undefined;
  return `Ollama gives this model a window of ${window} tokens and drops the beginning of what is longer, the instructions with it, without an error; Parley sends up to ${sent}. Set OLLAMA_CONTEXT_LENGTH=32768 where Ollama runs, or num_ctx in the model's Modelfile; or start Parley with --context-tokens ${Math.floor(window * 0.75)}`;
}

async function suggestLocalModel(print: (line: string) => void): Promise<void> {
  print('note  The language model is a stand-in: it follows a few rules and does not understand.');
  const found = await findLocalModel();
  if (found) print(`note  ${found.model} answers at ${found.url}: --llm auto takes it.`);
}

/** The message of an error, without the name if it starts with it. */
function withoutName(error: unknown, name: string): string {
  const message = messageOf(error);
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
}
