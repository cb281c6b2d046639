import type { LanguageModel } from './language-model.ts';
import type { Transcriber } from './transcriber.ts';
import type { Voice } from './voice.ts';
import type { VoiceActivityDetector } from './voice-activity.ts';

/** The engines that serve one session. */
export interface Engines {
  voiceActivity: VoiceActivityDetector;
  transcriber: Transcriber;
  languageModel: LanguageModel;
  voice: Voice;
}

/** Lets remote engines open their connections ahead of a turn: many servers close connections that idle for a few seconds. */
export function warmEngines({ transcriber, languageModel, voice }: Engines): void {
  for (const engine of [transcriber, languageModel, voice]) engine.warm?.();
}
