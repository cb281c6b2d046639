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
