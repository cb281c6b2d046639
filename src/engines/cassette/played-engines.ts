import type { LanguageModel } from '../../session/ports/language-model.ts';
import type { Transcriber } from '../../session/ports/transcriber.ts';
import type { Voice } from '../../session/ports/voice.ts';
import { EngineError } from '../engine-error.ts';
import { seededIds } from '../script/seeded-ids.ts';
import {
  type CreateEnginesOptions,
  type EngineSet,
  type SessionContext,
  type SessionEngines,
  withSessions,
} from '../spec/registry.ts';
import { Player, type PlayerOptions } from './player.ts';
import type { Cassette } from './read-cassette.ts';

export interface PlayedEnginesOptions extends Omit<PlayerOptions, 'clock'> {
  /** Makes ids the same in every run. */
  seed?: string;
  /** Makes the engines that a cassette does not have: what tells speech from other sound. */
  create: (given: NonNullable<CreateEnginesOptions['given']>) => EngineSet;
}

/** Engines that play cassettes: one of them for every session, or several, the first for the first session and so on. */
export function playedEngines(cassettes: readonly Cassette[], options: PlayedEnginesOptions): EngineSet {
  const { create, seed } = options;
  const unopened = silentEngines('no session was opened.');
  const set = create({
    transcriber: { name: 'cassette', engine: unopened.transcriber },
    languageModel: { name: 'cassette', engine: unopened.languageModel },
    voice: { name: 'cassette', engine: unopened.voice },
  });
  let sessions = 0;
  const openSession = (context: SessionContext): SessionEngines => {
    sessions += 1;
    const cassette = cassettes.length === 1 ? cassettes[0] : cassettes[sessions - 1];
    const { transcriber, languageModel, voice } = cassette
      ? new Player(cassette, { ...options, clock: context.clock })
      : silentEngines(`there are ${cassettes.length} recorded sessions, and this is number ${sessions}.`);
    return {
      engines: { voiceActivity: set.engines.voiceActivity, transcriber, languageModel, voice },
      ...(seed !== undefined && { ids: seededIds(seed, sessions) }),
    };
  };
  return withSessions(set, openSession);
}

/** Engines that can only say why there is nothing to play. */
function silentEngines(why: string): { transcriber: Transcriber; languageModel: LanguageModel; voice: Voice } {
  const refuse = () => {
    throw new EngineError('cassette', why);
  };
  return { transcriber: { transcribe: refuse }, languageModel: { generate: refuse }, voice: { speak: refuse } };
}
