/** The composition root: builds the server from its parts. Nothing else does. */

import { fileURLToPath } from 'node:url';
import { Callers } from '../access/callers.ts';
import { AccessPolicy } from '../access/policy.ts';
import {
  type Config,
  type ConfigOverrides,
  configWith,
  isLoopback,
  logOptions,
  sessionSettings,
} from '../config/config.ts';
import { settleWithin } from '../core/abort.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { createLog, digestRules, type Log, type LogEvent, type WrittenLog } from '../core/log.ts';
import { LogDigest } from '../core/log-digest.ts';
import { nodeTooOld } from '../core/node-version.ts';
import { publicStatus } from '../engines/spec/engine-group.ts';
import type { EngineSet, EngineStatus } from '../engines/spec/registry.ts';
import { createTokenizer } from '../engines/tokenizer.ts';
import { createApp } from '../http/app.ts';
import { audioApiOptions, bodyLimits } from '../http/audio/options.ts';
import { Listener } from '../http/listener.ts';
import { readinessOf } from '../http/readiness.ts';
import { SessionViews } from '../http/session-views.ts';
import { loadCertificate } from '../http/tls.ts';
import { McpServers } from '../mcp/mcp-servers.ts';
import { Metering } from '../metering/metering.ts';
import { AddressPolicy } from '../net/address-policy.ts';
import { GuardedFetch } from '../net/guarded-fetch.ts';
import { HttpImageFetcher } from '../net/image-fetcher.ts';
import type { Dialect } from '../protocol/dialect.ts';
import { configuredDialects } from '../protocol/dialects.ts';
import { configuredCheck } from '../protocol/parse/leniencies.ts';
import type { Check } from '../protocol/parse/schema-check.ts';
import { type IdSource, randomId } from '../protocol/wire/ids.ts';
import type { ImageFetcher } from '../session/ports/image-fetcher.ts';
import { noImages } from '../session/settings.ts';
import { ClientSecrets } from '../store/client-secrets.ts';
import { MemoryStore } from '../store/memory-store.ts';
import type { Store } from '../store/store.ts';
import { LoggedNotices } from '../transport/logged-notices.ts';
import { defaultModel, SessionAuthorizer } from '../transport/session-authorizer.ts';
import { type SessionFactory, SessionRegistry } from '../transport/session-registry.ts';
import type { CallOptions } from '../transport/webrtc/call-options.ts';
import { Calls } from '../transport/webrtc/calls.ts';
import { openConnections } from '../transport/webrtc/open-connections.ts';
import { callCodecs, type PeerConnections } from '../transport/webrtc/peer-connection.ts';
import { realtimePath } from '../transport/websocket/handshake.ts';
import { HeavyFrames } from '../transport/websocket/heavy-frames.ts';
import { UpgradeHandler } from '../transport/websocket/upgrade-handler.ts';
import { configuredEngines, openTurnModel, poolSurroundings } from './configured-engines.ts';
import { type OpenTools, sessionFactory } from './session-factory.ts';
import type { ObserveSession } from './session-observers.ts';
import { UpstreamReader } from './upstream-reader.ts';

export type * from '../audio/audio-clip.ts';
export {
  type ApiKey,
  type ApiKeyEntry,
  apiKey,
  type Config,
  ConfigError,
  type ConfigOverrides,
} from '../config/config.ts';
export type { Clock } from '../core/clock.ts';
export type { Log, WrittenLog } from '../core/log.ts';
export { createEngines } from '../engines/spec/engine-sets.ts';
export type { EngineSet, EngineStatus } from '../engines/spec/registry.ts';
export { ListenError } from '../http/listener.ts';
export type * from '../session/ports/audio-codec.ts';
export type * from '../session/ports/engines.ts';
export type * from '../session/ports/image-fetcher.ts';
export type * from '../session/ports/language-model.ts';
export type * from '../session/ports/meter.ts';
export type * from '../session/ports/observer.ts';
export type * from '../session/ports/peer.ts';
export type * from '../session/ports/playback.ts';
export type * from '../session/ports/tool-runner.ts';
export type * from '../session/ports/transcriber.ts';
export type * from '../session/ports/voice.ts';
export type * from '../session/ports/voice-activity.ts';
export type * from '../session/ports/work-claim.ts';
export type { Session, SessionDescription } from '../session/session.ts';
export type * from '../store/store.ts';
export { StoreFullError } from '../store/store.ts';
export type { OpenTools } from './session-factory.ts';
export type { ObservedSession, ObserveSession, SessionMessage } from './session-observers.ts';

export interface ServerOptions {
  /** Values that differ from the defaults. */
  config?: ConfigOverrides;
  /**
   * Voice activity detection, transcriber, language model and voice; default: the embedded set. The server closes it.
   */
  engines?: EngineSet;
  /** Creates the session of a new connection; default: a conversation with the engines. */
  createSession?: SessionFactory;
  /**
   * Client secrets and the counters of keys, such as a store that several nodes share; by default in memory. The server
   * does not close it.
   */
  store?: Store;
  /**
   * Observes the events and the audio of sessions. See docs/observing.md. Sessions of `createSession` report
   * to the observers of their request alone.
   */
  observe?: ObserveSession;
  /**
   * Tools that the server runs for the models of a session, beside the functions that its clients run. See
   * docs/tools.md. Not for relayed sessions and those of `createSession`.
   */
  openTools?: OpenTools;
  /** The connections of WebRTC clients; default: over `werift`. The server closes them. */
  peerConnections?: PeerConnections;
  clock?: Clock;
  ids?: IdSource;
  log?: WrittenLog;
}

export interface ParleyServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Where clients connect, without the model: `ws://127.0.0.1:8080/v1/realtime`. */
  readonly wsUrl: string;
  readonly port: number;
  /** SHA-256 of the certificate, where the server speaks TLS. */
  readonly fingerprint: string | undefined;
  /** Resolves once a turn can be taken; rejects when an engine cannot be loaded. The server then still answers. */
  readonly ready: Promise<void>;
  engines(): readonly EngineStatus[];
  /**
   * Opens no more sessions, and resolves when turns are transcribed and answered and requests too, or `seconds` (by
   * default `drainSeconds`) later.
   */
  drain(seconds?: number): Promise<void>;
  /** Closes every session with code 1001, and everything else. Idempotent. */
  close(): Promise<void>;
}

/** The server with the internals that `parley serve` needs. */
export interface ConfiguredServer extends ParleyServer {
  /** The server's log, bounded and counted in the metrics. */
  readonly log: Log;
}

/** The console is beside `src/` and beside `dist/`, so the same relative path works from both. */
const consoleFolder = fileURLToPath(new URL('../../console', import.meta.url));

/** Time limit for writing the last log entries. */
export const logCloseMs = 1000;
/** Time limit for engines that are still loading when the server closes. */
const engineLoadMs = 30_000;

/**
 * Starts a server and resolves as soon as it listens; the engines may still be loading.
 * @throws {ConfigError} when the configuration is wrong
 * @throws {ListenError} when listening fails
 * @throws {Error} when Node.js is too old
 */
export async function startServer({ config = {}, ...parts }: ServerOptions = {}): Promise<ParleyServer> {
  const problem = nodeTooOld();
  if (problem !== undefined) throw new Error(problem);
  return startConfiguredServer(configWith(config), parts);
}

/**
 * Starts a server from a parsed configuration.
 * @throws as `startServer`, except for the Node.js version
 */
export async function startConfiguredServer(
  config: Config,
  options: Omit<ServerOptions, 'config'> = {},
): Promise<ConfiguredServer> {
  const clock = options.clock ?? systemClock;
  const certificate = await loadCertificate(config, new Date(clock.epochMs()));
  const plainLog: WrittenLog = options.log ?? createLog(logOptions(config), process.stderr.isTTY);
  const { prices, models, sessionMetrics, limits } = config;
  const store: Store =
    options.store ?? new MemoryStore({ clock, limit: limits.storeEntries, limitCharacters: limits.storeCharacters });
  const digest = new LogDigest<LogEvent>({
    log: plainLog,
    clock,
    rules: digestRules,
    summary: 'log_repeated',
    entriesPerMinute: limits.logEntriesPerMinute,
  });
  const metering = new Metering({ store, clock, log: digest, prices, models, sessionMetrics });
  const log = metering.countEntries(digest);
  const { observe, openTools, ids = randomId, peerConnections = openConnections(callOptions(config, clock)) } = options;
  const engineSet = await configuredEngines(config, { clock, log, ready: options.engines });
  const tokens = createTokenizer((error) => log.warn('tokenizer_failed', { error }));
  const images = imageFetcher(config, clock);
  const settings = sessionSettings(config);
  const upstreamReader = new UpstreamReader(poolSurroundings(config, clock));
  const tools = { settings, engineSet, tokens, images, upstreamReader, clock, ids, log };
  const mcp = mcpServers(config, { clock, log });
  const turnModel = await openTurnModel(config, clock);
  const factory = await sessionFactory({ config, ...tools, observe, openTools, mcp, turnModel });
  const sessions = new SessionRegistry({
    create: options.createSession ?? factory.create,
    enginesFor: options.createSession ? undefined : factory.enginesFor,
    limit: limits.sessions,
    clock,
    ids,
    metering,
    overloaded: () => engineSet.overloaded ?? false,
  });
  const access = new AccessPolicy(config);
  const secrets = new ClientSecrets({
    store,
    clock,
    perMinute: limits.secretsPerMinute,
    room: { entries: limits.storeEntries, characters: limits.storeCharacters },
  });
  const callers = new Callers({ keys: config.apiKeys, secrets });
  // A server with keys is one that strangers may reach.
  const shown = () => (config.apiKeys.length === 0 ? engineSet.describe() : engineSet.describe().map(publicStatus));
  const readiness = readinessOf(shown, sessions);
  const exampleUrl = () => `${wsUrl()}?model=${defaultModel(config)}`;
  const heavyFrames = new HeavyFrames(config, poolSurroundings(config, clock));
  const parsing = { dialects: configuredDialects(config), heavyFrames };
  const authorizer = new SessionAuthorizer({ config, callers, secrets, metering, exampleUrl });
  const calls = new Calls({ config, connections: peerConnections, ...parsing, sessions, metering, clock, ids, log });
  const views = new SessionViews({ limits, dialect: parsing.dialects.ga, clock, log });
  const app = createApp({
    access,
    callers,
    minting: {
      config,
      secrets,
      checks: { ga: loggedCheck('ga', config, log), beta: loggedCheck('beta', config, log) },
      requireAvailable: factory.requireAvailable,
      body: bodyLimits(limits, clock),
      ids,
      log,
    },
    calls: { config, calls, authorizer, metering, body: bodyLimits(limits, clock) },
    audio: audioApiOptions(config, engineSet, clock),
    sessions,
    sessionList: { mostRows: limits.sessionRows, views },
    metering,
    readiness,
    consoleFolder,
    log,
  });
  const gate = new UpgradeHandler({ config, access, authorizer, ...parsing, sessions, metering, clock, ids, log });
  const listener = new Listener({
    config,
    app,
    onUpgrade: (request, socket, head) => gate.handleUpgrade(request, socket, head),
    sessionConnections: () => gate.connections,
    isEndless: (response) => views.has(response),
    certificate,
    clock,
    log,
  });
  metering.watchTotal(
    'parley_log_dropped_total',
    'Log entries lost because they could not be written.',
    () => plainLog.dropped ?? 0,
  );
  metering.watch('parley_connections', 'TCP connections, those of sessions included.', () => listener.connections);

  const closeParts = async () => {
    metering.close();
    // ONNX Runtime aborts the process when its thread is terminated while it loads a model.
    await settleWithin(Promise.allSettled([engineSet.ready]), engineLoadMs, clock);
    await engineSet.close();
    await turnModel?.close();
    await heavyFrames.close();
    await upstreamReader.close();
    mcp.close();
    if (!options.store) await store.close();
  };
  const closeLog = async () => {
    digest.close();
    if (options.log === undefined) await plainLog.close?.(logCloseMs);
  };

  let port = config.port;
  try {
    ({ port } = await listener.listen());
  } catch (error) {
    await closeParts();
    await closeLog();
    throw error;
  }
  const authority = `${addressForClients(config)}:${port}`;
  const secure = certificate === undefined ? '' : 's';
  const url = `http${secure}://${authority}`;
  function wsUrl(): string {
    return `ws${secure}://${authority}${realtimePath}`;
  }
  log.info('server_listening', { url, keys: config.apiKeys.length });
  // Tokens are loaded after the engines, which would be ready later; until then they are estimated.
  void engineSet.ready
    .then(
      () => log.info('server_ready', {}),
      (error: unknown) => log.error('server_engines_failed', { error }),
    )
    .then(() => tokens.load());

  const closeOnce = memoize(async () => {
    sessions.closeAll({ code: 1001, reason: 'the server is shutting down' });
    await peerConnections.close();
    await listener.close();
    await closeParts();
    log.info('server_stopped', {});
    await closeLog();
  });
  return {
    url,
    wsUrl: wsUrl(),
    port,
    fingerprint: certificate?.fingerprint,
    ready: engineSet.ready,
    log,
    engines: () => engineSet.describe(),
    async drain(drainSeconds = config.drainSeconds) {
      log.info('server_stopping', { sessions: sessions.count, drainSeconds });
      const drained = Promise.all([sessions.drain(), listener.drain()]);
      if (!(await settleWithin(drained, drainSeconds * 1000, clock)))
        log.warn('server_drain_deadline', { drainSeconds });
    },
    close: closeOnce,
  };
}

/** Checks requests that belong to no connection. */
function loggedCheck(dialect: Dialect['name'], config: Config, log: Log): Check {
  const check = configuredCheck(dialect, config);
  const notices = new LoggedNotices(dialect, log);
  return (schema, body) => check(schema, body, notices);
}

function callOptions({ host, callPort, callAddresses, outputLeadMs, limits }: Config, clock: Clock): CallOptions {
  return {
    clock,
    port: callPort,
    addresses: callAddresses,
    localOnly: isLoopback(host) && callAddresses.length === 0,
    codecs: callCodecs,
    leadMs: outputLeadMs,
    limits: {
      bytes: limits.offerBytes,
      mediaSections: limits.offerSections,
      candidates: limits.offerCandidates,
      connectMs: limits.callConnectMs,
      silenceMs: limits.callSilenceMs,
      messageBytes: limits.channelMessageBytes,
      pendingBytes: limits.channelPendingBytes,
    },
  };
}

function imageFetcher(config: Config, clock: Clock): ImageFetcher {
  if (config.images === 'refuse') return noImages;
  const fetcher = new GuardedFetch({ policy: new AddressPolicy(config.outgoingAllow), clock });
  return new HttpImageFetcher({ fetcher, limits: config.limits });
}

function mcpServers(config: Config, { clock, log }: { clock: Clock; log: Log }): McpServers {
  const { mcp, mcpServers: configured, outgoingAllow: allowed, limits } = config;
  const stderr = (server: string, line: string) => log.debug('tool_server_stderr', { server, line });
  return new McpServers({ configured, anyAddress: mcp === 'any', allowed, clock, limits, stderr });
}

/** The URL for clients on this machine: the unspecified address cannot be connected to. */
function addressForClients({ host }: Pick<Config, 'host'>): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const address = bare === '0.0.0.0' ? '127.0.0.1' : bare === '::' ? '::1' : bare;
  return address.includes(':') ? `[${address}]` : address;
}

function memoize(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= action();
    return running;
  };
}
