import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { TranscribeOptions } from '../ports/transcriber.ts';
import type { SessionCore } from '../session-core.ts';

/** How a session's audio is transcribed. */
export interface TranscriptionRequest {
  /** The session's setting; null: no events are sent, the text is for the model only. */
  setting: RealtimeConfig['audio']['input']['transcription'];
  /** Whether the client requests logprobs. */
  logprobs: boolean;
}

/** The request according to the session's current configuration. */
export function transcriptionRequest({ config, kind }: SessionCore): TranscriptionRequest {
  return {
    setting: config.audio.input.transcription ?? (kind.transcribes ? {} : null),
    logprobs: config.include?.includes('item.input_audio_transcription.logprobs') ?? false,
  };
}

/** The part of it that the transcriber gets. */
export function transcriberOptions({
  setting,
  logprobs,
}: TranscriptionRequest): Omit<TranscribeOptions, 'claim' | 'signal'> {
  const { languages = [], keywords = [], prompt, delay } = setting ?? {};
  const language = setting?.language ?? (languages.length === 1 ? languages[0] : undefined);
  return {
    ...(language && { language }),
    ...(languages.length > 1 && { languages }),
    ...(keywords.length > 0 && { keywords }),
    ...(prompt && { prompt }),
    ...(delay && { delay }),
    ...(logprobs && { logprobs: true }),
  };
}
