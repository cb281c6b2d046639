/**
 * Creates the session of a new client: relayed to the upstream that serves its model, or with this server's engines.
 */

import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { childLog, type Log } from '../core/log.ts';
import { publicNames } from '../engines/spec/engine-group.ts';
import { type EngineSet, openEngines } from '../engines/spec/registry.ts';
import type { McpServers } from '../mcp/mcp-servers.ts';
import { withFailuresLogged } from '../net/image-fetcher.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import type { SessionType, SessionUpdate } from '../protocol/wire/session-config.ts';
import { contextBudget, refuseTruncation } from '../session/context/truncation.ts';
import { AudioBudget } from '../session/conversation/audio-budget.ts';
import { AheadQuotas } from '../session/limits/ahead-quota.ts';
import { refuseUnavailable } from '../session/limits/unavailable.ts';
import { allKinds } from '../session/ports/engines.ts';
import type { ImageFetcher } from '../session/ports/image-fetcher.ts';
import type { TokenCounter } from '../session/ports/language-model.ts';
import type { CloseReason } from '../session/ports/peer.ts';
import type { ToolRunner } from '../session/ports/tool-runner.ts';
import type { TurnModel } from '../session/ports/turn-model.ts';
import { RealtimeSession } from '../session/realtime-session.ts';
import type { SessionSettings } from '../session/settings.ts';
import { ToolDefinitions } from '../session/tools/definitions.ts';
import type { SessionFactory } from '../transport/session-registry.ts';
import { upstreamFor, upstreamWarnings, withKey } from '../upstream/link/target.ts';
import { type ObservedSession, type ObserveSession, sessionObservers } from './session-observers.ts';
import type { UpstreamReader } from './upstream-reader.ts';

/** Makes the runner of a session's tools when it opens; undefined for a session that has none. */
export type OpenTools = (session: ObservedSession) => ToolRunner | undefined;

export interface SessionFactoryOptions {
  config: Pick<Config, 'upstream' | 'upstreamKey' | 'limits'>;
  settings: SessionSettings;
  engineSet: EngineSet;
  tokens: TokenCounter;
  images: ImageFetcher;
  upstreamReader: UpstreamReader;
  clock: Clock;
  ids: IdSource;
  log: Log;
  observe: ObserveSession | undefined;
  openTools: OpenTools | undefined;
  mcp: McpServers;
  turnModel: TurnModel | undefined;
}

/** How a script drops a connection: without a close frame, which RFC 6455 §7.1.5 calls 1006. */
const cutOff: CloseReason = { code: 1006, reason: 'dropped by the script' };

export async function sessionFactory({
  config,
  engineSet,
  upstreamReader,
  observe,
  openTools,
  mcp,
  ...tools
}: SessionFactoryOptions): Promise<{
  create: SessionFactory;
  /**
   * Refuses fields that sessions of a model do not have, as their `session.update` would.
   * @throws {WireError} with a GA path
   */
  requireAvailable(update: SessionUpdate, model: string): void;
  /** The public names of what serves a session: of each engine by its part, or of the upstream. */
  enginesFor(kind: { type: SessionType; model: string }): Readonly<Record<string, string>>;
}> {
  const { settings, clock, ids, log } = tools;
  const audioBudget = new AudioBudget(config.limits.totalAudioMs);
  const aheadQuotas = new AheadQuotas(clock, config.limits.unusedAnswersPerMinute);
  const upstreams = withKey(config.upstream, config.upstreamKey);
  for (const warning of upstreamWarnings(upstreams)) log.warn('config_warning', { warning });
  // Servers without upstreams do not need this code.
  const relay = upstreams.length > 0 ? await import('../upstream/relay/relayed-session.ts') : undefined;
  return {
    create(request) {
      const { type, model, key } = request;
      const kind = { type, model, key };
      const target = upstreamFor(upstreams, { type, model });
      if (relay && target) {
        const sessionLog = childLog(log, { session: request.id });
        const observed = { id: request.id, ...kind, relayed: true };
        const observers = sessionObservers({ ...request, session: observed, log: sessionLog, clock, observe });
        const { limits } = config;
        const readHeavy = upstreamReader.readerFor({ key: key ?? '', session: request.id, priority: 'live' });
        const relayed = { target, readHeavy, limits, clock, ids, settings, log: sessionLog, observers };
        return new relay.RelayedSession({ ...request, ...relayed });
      }
      const own = openEngines(engineSet, {
        ...{ type, model, clock },
        drop: () => session.close(cutOff),
        cassetteCut: (about) => sessionLog.error('cassette_cut', about),
      });
      // A session played from a cassette has its recorded ids.
      const id = own.ids?.('sess') ?? request.id;
      const sessionLog = childLog(log, { session: id });
      const observed = { id, ...kind, relayed: false };
      const observers = sessionObservers({ ...request, session: observed, log: sessionLog, clock, observe });
      const openRunner = () => (type === 'realtime' ? openTools?.(observed) : undefined);
      const toolRunner = opened(own, () => (own.tools ? own.tools(openRunner) : openRunner()));
      const servers = mcp.forSession(request.project);
      const session = new RealtimeSession({
        ...request,
        ...tools,
        ...{ id, ids: own.ids ?? ids, observers, audioBudget, engines: own.engines },
        ...(own.recorded && { settings: { ...settings, overlap: 'off' as const, interruptBy: 'sound' as const } }),
        aheadQuota: aheadQuotas.forKey(key ?? ''),
        images: withFailuresLogged(tools.images, sessionLog),
        toolRunner,
        toolServers: own.toolServers?.(servers) ?? servers,
      });
      void session.ended.then(() => own.close?.());
      return session;
    },
    requireAvailable(update, model) {
      const { type } = update;
      if (type === 'transcription' || upstreamFor(upstreams, { type, model })) return;
      if (!engineSet.replaysToolServers) {
        const definitions = new ToolDefinitions(mcp.forSession(''), settings.limits.mcpServers);
        definitions.complete(update.tools ?? [], 'session.tools');
      }
      const engines = engineSet.enginesFor?.(model) ?? engineSet.engines;
      refuseUnavailable(update, { engines, settings }, 'session');
      refuseTruncation(update.truncation, contextBudget(settings.contextTokens, model));
    },
    enginesFor(kind) {
      const upstream = upstreamFor(upstreams, kind)?.name;
      if (upstream !== undefined) return { upstream };
      const names = engineSet.namesFor?.(kind.model);
      const own = names && allKinds.map((part) => ({ part, name: names[part] ?? '' }));
      return publicNames(own ?? engineSet.describe());
    },
  };
}

/** Closes a session's engines where what else it needs cannot be made. */
function opened<T>(engines: { close?: () => void }, make: () => T): T {
  try {
    return make();
  } catch (error) {
    engines.close?.();
    throw error;
  }
}
