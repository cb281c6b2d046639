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

export type EngineKind = keyof Engines;

interface EngineKindDescriptor {
  /** The name in options (`--stt`, `--stt-key`, `PARLEY_STT_KEY`) and in engine sets. */
  readonly short: string;
  /** The name in lists for people. */
  readonly words: string;
  /** The stage of a turn, in log entries and error messages. */
  readonly stage: string;
  /** The stage in metrics and error codes. */
  readonly label: string;
  /**
   * true: answers requests with a stream, so it can run on a server, have fallbacks and be recorded to a cassette.
   * false: follows the audio of a session, inside this process.
   */
  readonly byRequest: boolean;
  /** The request to /v1/audio that it serves without a session, as named in logs and metrics. */
  readonly audioRequest?: string;
}

/**
 * The single table of the kinds of engines. Options, engine sets, doctor, metrics, errors and cassettes derive their
 * names and lists of kinds from it; the compiler compares tables of code by kind with this one.
 */
export const engineKinds = {
  voiceActivity: {
    short: 'vad',
    words: 'voice activity',
    stage: 'voice activity detection',
    label: 'voice_activity_detection',
    byRequest: false,
  },
  transcriber: {
    short: 'stt',
    words: 'transcriber',
    stage: 'transcriber',
    label: 'transcriber',
    byRequest: true,
    audioRequest: 'transcription',
  },
  languageModel: {
    short: 'llm',
    words: 'language model',
    stage: 'language model',
    label: 'language_model',
    byRequest: true,
  },
  voice: {
    short: 'tts',
    words: 'voice',
    stage: 'voice',
    label: 'voice',
    byRequest: true,
    audioRequest: 'speech',
  },
} as const satisfies Record<EngineKind, EngineKindDescriptor>;

type Table = typeof engineKinds;
type KindsWith<Part> = { [Kind in EngineKind]: Table[Kind] extends Part ? Kind : never }[EngineKind];

/** Kinds that answer requests: `byRequest`. */
export type RequestKind = KindsWith<{ byRequest: true }>;
/** Kinds that serve /v1/audio without a session. */
export type AudioRequestEngine = KindsWith<{ audioRequest: string }>;
export type AudioRequestKind = Table[AudioRequestEngine]['audioRequest'];

// `Object.keys` does not preserve the type of the keys.
export const allKinds = Object.keys(engineKinds) as readonly EngineKind[];
export const requestKinds: readonly RequestKind[] = allKinds.filter(isRequestKind);
export const audioRequestEngines: readonly AudioRequestEngine[] = allKinds.filter(servesAudioRequests);

export function isRequestKind(kind: EngineKind): kind is RequestKind {
  return engineKinds[kind].byRequest;
}

function servesAudioRequests(kind: EngineKind): kind is AudioRequestEngine {
  return 'audioRequest' in engineKinds[kind];
}

/** A table with an entry for each kind. */
export function forEachKind<T extends Record<EngineKind, unknown>>(
  make: <Kind extends EngineKind>(kind: Kind) => T[Kind],
): T {
  return Object.fromEntries(allKinds.map((kind) => [kind, make(kind)])) as T;
}

/** Lets remote engines prepare connections, because many servers close idle ones after a few seconds. */
export function warmEngines(engines: Engines): void {
  for (const kind of requestKinds) engines[kind].warm?.();
}
