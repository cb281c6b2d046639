import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import type { TokenProbability, TranscriptionUsage } from '../../protocol/wire/server-events.ts';
import { roundedTranscriptionUsage } from '../../protocol/wire/usage.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import type { UserAudio } from '../conversation/user-audio.ts';
import type { TranscriptEvent } from '../ports/transcriber.ts';
import { transcriptionUsage } from '../response/usage.ts';
import type { SessionCore } from '../session-core.ts';
import { StageError, stageFailed } from '../stage.ts';
import type { GrowingTurn } from './open-turn.ts';
import { type ItemDeltas, PartialTranscripts } from './partial-transcripts.ts';
import { type TranscriptionRequest, transcribe, transcriptionRequest } from './transcriber-request.ts';
import { TranscriptAhead } from './transcript-ahead.ts';

export interface TranscriptionJob extends TranscriptionRequest {
  entry: ConversationEntry;
  contentIndex: number;
  heard: UserAudio;
  /** The audio for the transcriber: the item's audio, or its voiced part. */
  clip: AudioClip;
}

/** The result of a job. */
type Outcome = { failure: StageError } | { text: string; usage: TranscriptionUsage; logprobs?: TokenProbability[] };

interface RunningTranscript {
  events: AsyncIterable<TranscriptEvent>;
  abort(): void;
}

/** Minimum that a job counts toward the queue, because there may be thousands of short ones. */
const leastCostMs = 100;

/** Transcribes a session's audio item by item, so that its events are in the order of the items. */
export class Transcription {
  readonly #core: SessionCore;
  readonly #partials: PartialTranscripts;
  #running: { abort(): void } | undefined;
  #ahead: TranscriptAhead | undefined;
  #closed = false;
  #last: Promise<void> = Promise.resolve();
  #waitingMs = 0;

  constructor(core: SessionCore) {
    this.#core = core;
    this.#partials = new PartialTranscripts(core, () => this.settled());
  }

  /** Whether words of open turns are sent. */
  get followsTurns(): boolean {
    return this.#partials.wanted;
  }

  /** Sends the words of a turn that will become this item, until it ends. */
  follow(itemId: string, turn: GrowingTurn): void {
    this.#partials.follow(itemId, turn);
  }

  /**
   * Starts the transcription of a turn that may have ended, in place of an earlier one. The job for this very clip
   * adopts it. `decides`: the decision waits for it.
   */
  startAhead(clip: AudioClip, { decides }: { decides: boolean }): TranscriptAhead {
    this.dropAhead();
    const priority = decides ? 'live' : 'speculation';
    const request = transcriptionRequest(this.#core);
    this.#ahead = new TranscriptAhead(clip, { request, priority, tools: this.#core });
    return this.#ahead;
  }

  /** Stops a transcription that was started ahead and not adopted. */
  dropAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (!ahead) return;
    ahead.abort();
    const audioMs = durationMs(ahead.clip.samples.length, ahead.clip.sampleRateHz);
    this.#core.observers.publish({ type: 'ahead_dropped', work: 'transcript', audioMs });
  }

  /** Queues a job; its `heard` settles when it is done. */
  start(job: TranscriptionJob): void {
    const costMs = Math.max(job.heard.durationMs, leastCostMs);
    const deltas = this.#partials.take(job.entry.item.id);
    const ahead = this.#takeAhead(job);
    this.#waitingMs += costMs;
    this.#last = this.#last
      .then(() => this.#transcribe(job, deltas, ahead))
      .finally(() => {
        this.#waitingMs -= costMs;
      });
  }

  /** Whether the queued audio exceeds the maximum length of the input buffer. */
  get behind(): boolean {
    return this.#waitingMs > this.#core.settings.limits.inputBufferMs;
  }

  /** Resolves once all jobs queued so far are done. */
  settled(): Promise<void> {
    return this.#last;
  }

  /** Stops all running and queued jobs. */
  close(): void {
    this.#closed = true;
    this.#running?.abort();
    this.#ahead?.abort();
  }

  #takeAhead({ clip, setting, logprobs }: TranscriptionJob): RunningTranscript | undefined {
    const ahead = this.#ahead;
    const events = ahead?.adopt(clip, { setting, logprobs });
    if (!ahead || !events) return undefined;
    this.#ahead = undefined;
    return { events, abort: () => ahead.abort() };
  }

  async #transcribe(job: TranscriptionJob, deltas: ItemDeltas, ahead: RunningTranscript | undefined): Promise<void> {
    const { clock, observers, meter } = this.#core;
    const startedAt = clock.now();
    const result = await this.#listen(job, deltas.startPass(), ahead).catch((error: unknown) => ({
      failure: stageFailed('transcriber', error),
    }));
    // It refers to the clip.
    this.#running = undefined;
    const at = { itemId: job.entry.item.id, contentIndex: job.contentIndex };
    if ('failure' in result) {
      observers.publish({ type: 'transcription_failed', ...at, error: result.failure.message });
    } else {
      const { text } = result;
      const usage = roundedTranscriptionUsage(result.usage);
      const tookMs = clock.now() - startedAt;
      observers.publish({ type: 'transcript', ...at, text, usage, audioMs: job.heard.durationMs, tookMs });
      // Counted even without events for the client, because the model's transcript costs the same.
      if (hasSpeech(job) && !this.#closed) meter.transcriptionUsed(result.usage);
    }
    if (job.setting && this.#core.conversation.has(job.entry)) this.#announce(job, result);
    job.heard.settle('failure' in result ? result : { text: result.text });
  }

  /** `unsent`: of a delta, the part that was not sent during speech. */
  async #listen(
    job: TranscriptionJob,
    unsent: (words: string) => string,
    ahead: RunningTranscript | undefined,
  ): Promise<Outcome> {
    if (this.#closed) ahead?.abort();
    if (this.#closed || !hasSpeech(job)) return this.#transcript(job, { text: '' });
    const running = ahead ?? this.#start(job);
    this.#running = running;
    for await (const event of running.events) {
      if (event.type === 'done') return this.#transcript(job, event);
      if (job.setting && this.#core.conversation.has(job.entry)) this.#report(job, event, unsent);
    }
    if (this.#closed) return this.#transcript(job, { text: '' });
    throw new StageError('transcriber', 'failed', 'The transcriber failed: it ended without a transcript.');
  }

  #start(job: TranscriptionJob): RunningTranscript {
    const abort = new AbortController();
    const events = transcribe(job.clip, job, this.#core, { priority: 'live', abort });
    return { events, abort: () => abort.abort() };
  }

  #transcript(job: TranscriptionJob, done: Omit<Extract<TranscriptEvent, { type: 'done' }>, 'type'>): Outcome {
    const { text, logprobs, usage } = done;
    const { model, prompt } = job.setting ?? {};
    const spent = { ...(model && { model }), ...(prompt && { prompt }), durationMs: job.heard.durationMs };
    return {
      text,
      usage: usage ?? transcriptionUsage(this.#core.tokens, { ...spent, transcript: text }),
      ...(job.logprobs && logprobs && { logprobs }),
    };
  }

  #report(
    job: TranscriptionJob,
    event: Exclude<TranscriptEvent, { type: 'done' }>,
    unsent: (words: string) => string,
  ): void {
    if (event.type === 'delta') {
      const type = 'conversation.item.input_audio_transcription.delta';
      const delta = unsent(event.text);
      if (delta === '') return;
      // The probabilities of a part of the words are unknown.
      const logprobs = job.logprobs && event.logprobs && delta === event.text ? { logprobs: event.logprobs } : {};
      return this.#core.emit({ type, ...at(job), delta, ...logprobs });
    }
    const { type: _segment, ...segment } = event;
    const type = 'conversation.item.input_audio_transcription.segment';
    this.#core.emit({ type, ...at(job), id: this.#core.ids('seg'), ...segment });
  }

  #announce(job: TranscriptionJob, result: Outcome): void {
    const { item } = job.entry;
    if ('failure' in result) {
      this.#core.emit({
        type: 'conversation.item.input_audio_transcription.failed',
        ...at(job),
        error: { type: 'transcription_error', code: 'audio_unintelligible', message: result.failure.forClients },
      });
      return;
    }
    if (item.type === 'message') {
      const part = item.content[job.contentIndex];
      if (part?.type === 'input_audio') part.transcript = result.text;
    }
    this.#core.emit({
      type: 'conversation.item.input_audio_transcription.completed',
      ...at(job),
      transcript: result.text,
      usage: roundedTranscriptionUsage(result.usage),
      logprobs: result.logprobs,
    });
  }
}

/** Whether there is audio to transcribe. */
function hasSpeech({ clip }: TranscriptionJob): boolean {
  return clip.samples.length > 0;
}

function at({ entry, contentIndex }: TranscriptionJob): { item_id: string; content_index: number } {
  return { item_id: entry.item.id, content_index: contentIndex };
}
