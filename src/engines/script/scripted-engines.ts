import type { Clock } from '../../core/clock.ts';
import type { Transcriber } from '../../session/ports/transcriber.ts';
import { EngineError } from '../engine-error.ts';
import {
  type CreateEnginesOptions,
  type EngineSet,
  openEngines,
  type SessionContext,
  type SessionEngines,
  withSessions,
} from '../spec/registry.ts';
import type { Script } from './script.ts';
import { ScriptedModel } from './scripted-model.ts';
import { scriptedTranscriber } from './scripted-transcriber.ts';
import { scriptedVoice } from './scripted-voice.ts';
import { SpokenSteps } from './spoken-steps.ts';
import { ToneVoice } from './tone-voice.ts';

export interface ScriptedEnginesOptions {
  clock: Clock;
  /** Creates the configured engines, except for those that the script replaces. */
  create: (given: NonNullable<CreateEnginesOptions['given']>) => EngineSet;
}

/** Takes the place of a transcriber that the script never uses. */
const noTranscriber: Transcriber = {
  transcribe() {
    throw new EngineError('script', 'the transcriber is not used: the script has the transcripts.');
  },
};

/** Engines that follow a script, separately in each session, in front of the configured ones. */
export function scriptedEngines(script: Script, { clock, create }: ScriptedEnginesOptions): EngineSet {
  const unopened = { clock, drop: () => {}, spoken: new SpokenSteps() };
  const listens = script.hears?.turns.some(({ text }) => text === undefined) ?? true;
  const set = create({
    languageModel: { name: 'script', engine: new ScriptedModel(script, unopened) },
    ...(!listens && { transcriber: { name: 'script', engine: noTranscriber } }),
    ...(script.voice && { voice: { name: script.voice.sound, engine: new ToneVoice(script.voice) } }),
  });
  const tone = script.voice && new ToneVoice(script.voice);
  const openSession = (context: SessionContext): SessionEngines => {
    const { clock, drop } = context;
    const behind = openEngines(set, context);
    const tools = { clock, drop, spoken: new SpokenSteps() };
    const { voiceActivity, transcriber, voice } = behind.engines;
    return {
      ...behind,
      engines: {
        voiceActivity,
        transcriber: scriptedTranscriber(transcriber, script, tools),
        languageModel: new ScriptedModel(script, tools),
        voice: scriptedVoice(tone ?? voice, script.delays, tools),
      },
    };
  };
  return withSessions(set, openSession, script.seed);
}
