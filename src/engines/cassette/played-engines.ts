import { requestKinds } from '../../session/ports/engines.ts';
import { ImportError, type ToolServers } from '../../session/ports/tool-servers.ts';
import { type AnswerToAny, decorate, engineOf } from '../decorate.ts';
import { EngineError } from '../engine-error.ts';
import {
  type CreateEnginesOptions,
  type EngineSet,
  type SessionContext,
  type SessionEngines,
  withSessions,
} from '../spec/registry.ts';
import { Player, type PlayerOptions } from './player.ts';
import type { Cassette } from './read-cassette.ts';

type ExistingEngines = NonNullable<CreateEnginesOptions['given']>;

export interface PlayedEnginesOptions extends Omit<PlayerOptions, 'clock'> {
  /** Seed for ids, so that they are the same in every run. */
  seed?: string;
  /** Creates the engines that a cassette does not contain (voice activity detection). */
  create: (given: ExistingEngines) => EngineSet;
}

/** Engines that play cassettes: a single one for every session, or several in the order of the sessions. */
export function playedEngines(cassettes: readonly Cassette[], options: PlayedEnginesOptions): EngineSet {
  const { create, seed } = options;
  const unopened = refuse('no session was opened.');
  // Each engine is stored under its own kind.
  const given = Object.fromEntries(
    requestKinds.map((kind) => [kind, { name: 'cassette', engine: engineOf[kind]({}, unopened) }]),
  ) as ExistingEngines;
  const set = create(given);
  const openSession = ({ clock }: SessionContext, number: number): SessionEngines => {
    const cassette = cassettes.length === 1 ? cassettes[0] : cassettes[number - 1];
    if (cassette) {
      const player = new Player(cassette, { ...options, clock });
      return {
        engines: player.engines(set.engines),
        recorded: true,
        tools: (open) => player.toolRunner ?? open(),
        toolServers: () => player.toolServers,
      };
    }
    const why = `there are ${cassettes.length} recorded sessions, and this is number ${number}.`;
    return { engines: decorate(set.engines, refuse(why), {}), toolServers: () => refusedServers(why) };
  };
  return Object.assign(withSessions(set, openSession, seed), { replaysToolServers: true });
}

/** Engines that only report why there is nothing to play. */
function refuse(why: string): AnswerToAny {
  return () => {
    throw new EngineError('cassette', why);
  };
}

/** MCP servers without a recording. */
function refusedServers(why: string): ToolServers {
  const failed = () => Promise.reject(new ImportError(`cassette: ${why}`));
  const open = () => ({ listTools: failed, forgetTools: () => {}, callTool: failed, close: () => {} });
  return { isConfigured: () => true, check: () => {}, open };
}
