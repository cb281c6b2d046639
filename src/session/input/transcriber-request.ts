import type { AudioClip } from '../../audio/audio-clip.ts';
import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { TranscribeOptions, TranscriptEvent } from '../ports/transcriber.ts';
import type { WorkClaim } from '../ports/work-claim.ts';
import type { SessionCore } from '../session-core.ts';
import type { SessionTools } from '../settings.ts';
import { watchStage } from '../stage.ts';
import { blankMarkers } from './speech-markers.ts';

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

/** Transcribes a clip. Ends without an error when `abort` is aborted. @throws {StageError} */
export function transcribe(
  clip: AudioClip,
  request: TranscriptionRequest,
  { engines, claim, clock, settings }: SessionTools,
  { abort, ...work }: Pick<WorkClaim, 'priority' | 'adoption'> & { abort: AbortController },
): AsyncIterable<TranscriptEvent> {
  const start = (onWait: WorkClaim['onWait']) =>
    engines.transcriber.transcribe(clip, {
      ...transcriberOptions(request),
      claim: { ...claim, ...work, onWait },
      signal: abort.signal,
    });
  const watch = { kind: 'transcriber', clock, stallMs: settings.limits.stageStallMs, abort } as const;
  return blankMarkers(watchStage(start, watch));
}
