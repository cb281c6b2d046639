/**
 * The options of the server: name, default, unit, help and allowed values. Flags, environment variables, configuration
 * files and the help are all derived from these tables.
 */

import { isIP } from 'node:net';
import { isAllowance } from '../net/address-policy.ts';
import { defaultSessionSettings, type SessionSettings } from '../session/settings.ts';
import type { ApiKeyEntry } from './api-keys.ts';
import { contextBudgets } from './context-kind.ts';
import { engineSets, modelAliases, setFields, voiceAliases } from './engine-kind.ts';
import { engineKeyOptions, engineOptions } from './engine-options.ts';
import { optionsHelp } from './help.ts';
import {
  apiKeys,
  boolean,
  choice,
  hostName,
  integer,
  integerOrInfinity,
  list,
  prompts,
  text,
  turnModel,
} from './kinds.ts';
import { limits } from './limits.ts';
import { type McpServerEntry, mcpServers } from './mcp-kind.ts';
import { inGroup, listOptions, option, type Values } from './option.ts';
import { isOrigin } from './origin.ts';
import { prices } from './price-kind.ts';
import { type GatheredOptions, gather, gatherFromCode, type Sources } from './sources.ts';
import { secretKey, type UpstreamEntry, upstreams } from './upstream-kind.ts';

export { type ApiKey, type ApiKeyEntry, apiKey } from './api-keys.ts';

const session = defaultSessionSettings;
const hourMs = 3_600_000;

const options = {
  ...inGroup('Listening', {
    host: option(hostName(), '127.0.0.1', 'The address to listen on. Addresses other than loopback require API keys.'),
    port: option(integer('PORT', 0, 65_535), 8080, 'The TCP port to listen on; 0 takes any free one.'),
    callPort: option(integer('PORT', 0, 65_535), 0, 'The UDP port of all WebRTC calls; 0 takes any free one.'),
    callAddresses: option(
      list('ADDRESS', 'IP addresses', (address) => isIP(address) !== 0),
      [],
      'IP addresses at which WebRTC clients reach this server, such as the public one of a server behind NAT. Default: those of this machine.',
    ),
    tls: option(
      choice('off', 'self-signed'),
      'off',
      'self-signed: serve https: and wss: with a certificate made at the start; clients must be configured to accept it.',
    ),
    tlsCert: option(
      text('FILE', 'the path of a file'),
      undefined,
      'Serve https: and wss: with this certificate chain (PEM).',
    ),
    tlsKey: option(text('FILE', 'the path of a file'), undefined, 'The private key of --tls-cert (PEM).'),
    drainSeconds: option(
      integer('SECONDS', 0, 3600),
      30,
      'How long turns, responses and requests in progress may continue after SIGTERM or SIGINT.',
    ),
  }),
  ...inGroup('Access', {
    apiKeys: option(
      apiKeys(),
      [],
      'The keys that clients may connect with. Without any, every key is accepted and only this machine may connect. Prefer the environment or a file: other users can see the flags of a process.',
    ),
    origins: option(
      list('ORIGIN', 'origins such as https://app.example.com, without a path', isOrigin),
      [],
      'Origins of web pages that may connect. Default: any if there are keys, otherwise the pages of this machine.',
    ),
    hosts: option(
      list('NAME', 'host names or IP addresses, without a port', isHostName),
      [],
      'Accepted names in the Host header. Default: any if there are keys, otherwise localhost and loopback addresses.',
    ),
    models: option(
      list('MODEL', 'names of models', (model) => model.length <= 128),
      [],
      'Model names that clients may ask for. Default: any.',
    ),
  }),
  ...inGroup('Sessions', {
    sessionMinutes: option(integer('MINUTES', 1, 10_080), session.sessionMinutes, 'Maximum lifetime of a session.'),
    idleMinutes: option(
      integerOrInfinity('MINUTES', 1, 10_080),
      session.idleMinutes,
      'How long a session may be idle, without client events and responses, before it ends; inf: no limit.',
    ),
    outputLeadMs: option(
      integerOrInfinity('MS', 100, hourMs),
      session.outputLeadMs,
      'Maximum lead of sent audio over its playback, in milliseconds; inf sends it as fast as it is produced, for batch work.',
    ),
    strictTruncation: option(
      boolean(),
      session.strictTruncation,
      'true: refuse a truncation beyond the audio that was sent, as strict: hosted does. false: limit it to the audio that was sent.',
    ),
    strict: option(
      choice('off', 'hosted'),
      'off',
      'hosted: refuse what the hosted service refuses although Parley could accept it (docs/protocol.md §9). off: accept it, and log it.',
    ),
    prompts: option(
      prompts(),
      [],
      'Prompt templates that clients may name in `prompt`: in the configuration file a list of { id, version, instructions }, where {{name}} stands for a variable. As a flag, the same list as JSON.',
    ),
    mcpContinue: option(
      boolean(),
      session.mcpContinue,
      'true: when the tools that this server runs for a response have finished, the server creates the next response, for clients that do not. false: clients create it, as with the hosted service.',
    ),
    turn: option<string | undefined>(
      turnModel(),
      undefined,
      'A model that helps semantic_vad to decide by the sound of the speech: smart-turn:FILE (docs/turn-taking.md).',
    ),
    overlap: option(
      choice('auto', 'on', 'off'),
      session.overlap,
      'Transcribe a turn, and begin the answer, in the pause before its end is decided (docs/turn-taking.md). auto: if the engines are on this machine or in private networks, since work that is not used may have a price. Never while a cassette is recorded or played.',
    ),
    interruptBy: option(
      choice('auto', 'words', 'sound'),
      session.interruptBy,
      'Which sounds interrupt the assistant (docs/turn-taking.md). words: speech that is more than a back-channel; coughs, noises and echo are ignored. sound: every sound that voice activity detection takes for speech, as with the hosted service. auto: words with semantic_vad, sound with server_vad.',
    ),
    contextTokens: option(
      contextBudgets(),
      session.contextTokens,
      'Maximum input tokens of a model, instructions and tools included. Items of the conversation that do not fit are left out, oldest first, according to the `truncation` of the session.',
    ),
    lenient: option(
      boolean(),
      false,
      'true: drop fields that the protocol does not have, and log them; for relays. false: refuse them, as the hosted service does.',
    ),
  }),
  ...inGroup('Engines', {
    ...engineOptions,
    ...engineKeyOptions,
    voices: option(
      voiceAliases(),
      {},
      "The engine's voice for a name that clients ask for, as in { marin: af_heart, '*': am_adam }; * stands for all other names.",
    ),
    fallbacks: option(
      list('SET', 'names of engine sets', (name) => name.length <= 128),
      [],
      'Engine sets that answer if an engine fails, in order. A request falls back only before the first output of its answer.',
    ),
    engineSets: option(
      engineSets(),
      {},
      `More engines, in the configuration file: names with { ${setFields.join(', ')} }, each an engine as above or { url, model, key-file, key-env, … } (docs/engines.md).`,
    ),
    aliases: option(
      modelAliases(),
      {},
      "Engines and models for the model names that clients ask for: { gpt-realtime: { engines: name of a set, model: name of the server's model } }. Other names get the engines above.",
    ),
    script: option(
      text('PATH', 'the path of a script, or of a folder with a cassette'),
      undefined,
      'For tests: answer from this script (YAML or JSON, see docs/testing.md), or play the cassette in this folder.',
    ),
    cassette: option(
      text('DIRECTORY', 'the path of a directory'),
      undefined,
      "Record each session's requests to its engines and their answers, including the users' audio and words, to a folder per session in this directory. --script plays one.",
      { formerly: 'record' },
    ),
    transcriberWorkers: option<number | undefined>(
      integer('THREADS', 1, 64),
      undefined,
      'Threads of the embedded transcriber, each with a copy of the model (about 200 MB). Default: one less than the number of processors, 1 to 4.',
    ),
    voiceWorkers: option<number | undefined>(
      integer('THREADS', 1, 64),
      undefined,
      'Threads of the embedded voice. Default: 2, or 1 on one or two processors.',
    ),
  }),
  ...inGroup('Outgoing', {
    images: option(
      choice('fetch', 'refuse'),
      'fetch',
      'Images that clients name by an http: or https: URL. fetch: the server fetches them, from public addresses only. refuse: it makes no request.',
    ),
    mcp: option(
      choice('any', 'configured'),
      'any',
      'MCP servers that sessions may use. any: also those whose address a client gives, at public addresses (see outgoing-allow). configured: only those of mcp-servers.',
    ),
    mcpServers: option(
      mcpServers(),
      [],
      'MCP servers that clients use by their label, and those for the ids of connectors and tunnels (docs/mcp.md). In the configuration file a mapping of names to { url, authorization-file, headers } or { command, args, env }, each also with require-approval and allowed-tools.',
    ),
    outgoingAllow: option(
      list('HOST', 'host names, IP addresses or networks such as 10.1.0.0/16', isAllowance),
      [],
      'Private hosts and networks that the server may fetch from. A name is allowed regardless of its address.',
    ),
    upstream: option(
      upstreams(),
      [],
      'Realtime endpoints to relay sessions to (docs/upstream.md). In the configuration file a list of { name, url, key-file, key-header, models, transcription }; the first that serves the model is used; models that none serves are handled by the engines.',
    ),
    upstreamKey: option<string | undefined>(
      secretKey(),
      undefined,
      'The key of an upstream without its own key. Prefer the environment, or key-file: other users can see the flags of a process.',
    ),
  }),
  ...inGroup('Metering', {
    prices: option(
      prices(),
      undefined,
      'Prices of models, for the log and the metrics: in the configuration file { currency, models }, where models has prices per million tokens by the name of a model, or by the beginning of names and *. As a flag, the same as JSON. None are built in.',
    ),
    sessionMetrics: option(
      boolean(),
      false,
      'true: /metrics also has series for each live session, of at most 1000 sessions.',
    ),
  }),
  ...inGroup('Logs', {
    logLevel: option(
      choice('debug', 'info', 'warn', 'error', 'silent'),
      'info',
      'Minimum level to log, on standard error.',
    ),
    logFormat: option(choice('auto', 'pretty', 'json'), 'auto', 'auto: pretty on a terminal, json elsewhere.'),
  }),
};

const optionList = [...listOptions(options), ...listOptions(limits, 'limits.')];

/** The server's configuration: the value of every option. */
export type Config = Readonly<Values<typeof options>> & { readonly limits: Readonly<Values<typeof limits>> };
/** Values that differ from the defaults. */
export type ConfigOverrides = Partial<Omit<Config, 'limits' | 'apiKeys' | 'upstream' | 'mcpServers'>> & {
  limits?: Partial<Config['limits']>;
  apiKeys?: readonly (string | ApiKeyEntry)[];
  upstream?: readonly (string | UpstreamEntry)[];
  mcpServers?: Readonly<Record<string, McpServerEntry>>;
};

/** An invalid configuration. The message has one line per problem. */
export class ConfigError extends Error {
  /** `cause`: the position of the mistake in a file that the configuration refers to, such as a script. */
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.name = 'ConfigError';
  }
}

/**
 * Combines flags, environment and file into a configuration, with warnings.
 * @throws {ConfigError} when something is wrong
 */
export function loadConfig(sources: Sources): { config: Config; warnings: string[] } {
  const gathered = gather(optionList, sources);
  return { config: validateConfig(gathered), warnings: gathered.warnings };
}

/**
 * The defaults with some values replaced, for programs that start a server. A value may also have the form that a
 * configuration file uses, such as `'22MiB'`.
 * @throws {ConfigError} when something is wrong: a name that is no option, a value that is not allowed, a contradiction
 */
export function configWith(overrides: ConfigOverrides): Config {
  return validateConfig(gatherFromCode(optionList, overrides));
}

function validateConfig({ values, problems }: GatheredOptions): Config {
  const section = (table: typeof options | typeof limits, prefix = '') =>
    Object.fromEntries(
      Object.entries(table).map(([key, option]) => {
        const place = `${prefix}${key}`;
        return [key, values.has(place) ? values.get(place) : option.default];
      }),
    );
  // Each value was parsed by its option's kind, from which `Config` derives its types.
  const config = { ...section(options), limits: section(limits, 'limits.') } as Config;
  const all = problems.length === 0 ? contradictions(config) : problems;
  if (all.length > 0) throw new ConfigError(all);
  return config;
}

/** The configuration of sessions. */
export function sessionSettings(config: Config): SessionSettings {
  const { outputLeadMs, sessionMinutes, idleMinutes, mcpContinue, interruptBy, overlap } = config;
  const { prompts, contextTokens, limits } = config;
  const strictTruncation = config.strictTruncation || config.strict === 'hosted';
  const fromOptions = {
    outputLeadMs,
    sessionMinutes,
    idleMinutes,
    mcpContinue,
    interruptBy,
    overlap,
    prompts,
    contextTokens,
    limits,
  };
  return { ...fromOptions, strictTruncation };
}

/** The configuration of the log. */
export function logOptions({ logLevel, logFormat, limits }: Config) {
  return { level: logLevel, format: logFormat, bufferBytes: limits.logBufferBytes };
}

export function configHelp(): string {
  return optionsHelp(optionList);
}

/** Whether a host name or address always means this machine: `localhost`, `127.0.0.0/8`, `::1`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  const { host, tls, tlsCert, tlsKey } = config;
  if (config.apiKeys.length === 0 && !isLoopback(host)) {
    problems.push(
      `Refusing to listen on ${host} without API keys: anyone who can reach it could use this machine. ` +
        'Set PARLEY_API_KEYS to one or more keys of your choice (or api-keys in the configuration file), ' +
        'or listen on 127.0.0.1.',
    );
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [present, missing] = tlsCert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    problems.push(`${present} is given without ${missing}: TLS needs both.`);
  }
  if (tls === 'self-signed' && (tlsCert !== undefined || tlsKey !== undefined)) {
    problems.push('--tls self-signed and --tls-cert exclude each other: give one of them.');
  }
  if (config.upstreamKey !== undefined) {
    const keyless = config.upstream.filter(({ key }) => key === undefined);
    if (keyless.length !== 1) {
      const names = keyless.map(({ name }) => `'${name}'`).join(', ') || 'none';
      problems.push(
        `upstream-key is for the one upstream that has no key of its own; there is ${names}. Give each its own (key-file, or key: "" where it takes none).`,
      );
    }
  }
  const names = config.upstream.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) problems.push(`Two upstreams are called '${twice}': give each a name of its own.`);
  if (config.limits.deadPeerMs < config.limits.pingIntervalMs) {
    problems.push(
      `limits.dead-peer-ms (${config.limits.deadPeerMs}) must not be below limits.ping-interval-ms (${config.limits.pingIntervalMs}).`,
    );
  }
  return problems;
}

function isHostName(entry: string): boolean {
  return URL.canParse(`http://${entry}`) && new URL(`http://${entry}`).hostname === entry.toLowerCase();
}
